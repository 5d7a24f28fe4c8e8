"""Tests of the Expert's own errors: what is counted, how it is weighted, and when it is said to do harm."""

from __future__ import annotations

import polars as pl
import pytest

from moderation_pipeline.evaluation.expert_errors import breaking_sentence, expert_errors, own_errors, wilson
from moderation_pipeline_tests.evaluation import worlds


def errors_of(
    labels: list[bool], student: list[str], audits: dict[int, str], probability: float | list[float] = 1.0
) -> pl.DataFrame:
    chat = worlds.comments(
        [{"label_is_violation": bad, "label_category": "hate" if bad else None} for bad in labels]
    )
    run = worlds.run("hybrid", chat, student=student, audits=dict(audits), probability=probability)
    return expert_errors("demo", chat, run.student_decisions, run.expert_audits, run.config)


def test_an_expert_that_breaks_more_than_it_mends_is_said_to_with_the_cases() -> None:
    errors = errors_of([False] * 6, ["allow none"] * 6, dict.fromkeys(range(6), "ban spam"))

    sentence = breaking_sentence(errors)
    assert sentence is not None
    assert "broke 6 right verdicts" in sentence
    assert "c0, c1" in sentence
    assert errors.filter(pl.col("kind") == "wrongful")["category"].to_list() == ["spam"]


def test_an_expert_that_mends_is_not_accused() -> None:
    errors = errors_of([True] * 6, ["allow none"] * 6, dict.fromkeys(range(6), "ban hate"))

    assert breaking_sentence(errors) is None
    assert errors["mended"].to_list() == [6, 6, 6]
    assert own_errors(errors) is not None


def test_an_unlikely_audit_counts_for_as_many_as_it_stands_for() -> None:
    errors = errors_of(
        [False, False], ["allow none"] * 2, {0: "ban spam", 1: "allow none"}, probability=[0.25, 1.0]
    )

    assert errors.filter(pl.col("kind") == "any")["rate"].item() == pytest.approx(4 / 5)


def test_without_labels_nothing_is_known_of_the_expert() -> None:
    chat = worlds.comments([{}, {}])
    run = worlds.run("hybrid", chat, student=["allow none"] * 2, audits={0: "ban spam"})

    errors = expert_errors("demo", chat, run.student_decisions, run.expert_audits, run.config)
    assert errors.is_empty()
    assert own_errors(errors) is None


@pytest.mark.parametrize(("rate", "number"), [(0.0, 1.0), (1.0, 3.5), (0.3, 40.0)])
def test_an_interval_holds_its_rate(rate: float, number: float) -> None:
    low, high = wilson(rate, number)

    assert 0 <= low <= rate <= high <= 1
