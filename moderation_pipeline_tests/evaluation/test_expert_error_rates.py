"""Tests of the Expert's own errors: what is counted, how it is weighted, and when it is said to do harm."""

from __future__ import annotations

import polars as pl
import pytest
from scipy.stats import binomtest

from moderation_pipeline.evaluation.expert_error_rates import expert_errors, with_expert_errors
from moderation_pipeline.report.expert_sentences import breaking_sentence, by_chance, own_errors
from moderation_pipeline.statistics.wilson import wilson
from moderation_pipeline.warehouse.tables import CERTIFICATES, EXPERT_ERRORS
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
    assert errors.filter(pl.col("kind") == "wrongful")["category"].to_list() == ["all", "spam"]


def test_an_expert_that_mends_is_not_accused() -> None:
    errors = errors_of([True] * 6, ["allow none"] * 6, dict.fromkeys(range(6), "ban hate"))

    assert breaking_sentence(errors) is None
    assert errors["mended"].to_list() == [6] * 5
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


def test_each_certificate_says_how_often_its_judge_errs_in_that_category_and_kind() -> None:
    """Of four that it called spam one is innocent; of the four that are hate it let one through."""
    errors = errors_of(
        [True] * 3 + [False] + [True] * 4,
        ["allow none"] * 8,
        {**dict.fromkeys(range(4), "ban spam"), **dict.fromkeys(range(4, 7), "ban hate"), 7: "allow none"},
    )
    certificates = worlds.rows(
        CERTIFICATES,
        [
            {"action": "all", "category": "all", "denominator": "sanctions"},
            {"action": "ban", "category": "spam", "denominator": "comments"},
            {"action": "all", "category": "all", "denominator": "allowed"},
            {"action": "ban", "category": "threat", "denominator": "sanctions"},
        ],
    )

    judged = with_expert_errors(certificates, errors)

    assert judged.schema == CERTIFICATES.schema
    assert judged.select("action", "category", "denominator").rows() == [
        ("all", "all", "sanctions"),
        ("ban", "spam", "comments"),
        ("all", "all", "allowed"),
        ("ban", "threat", "sanctions"),
    ]
    assert judged["expert_error_rate"].to_list() == [1 / 7, 1 / 4, 1 / 7, None]
    assert judged["expert_labelled"].to_list() == [7, 4, 7, None]
    assert (judged["expert_error_rate_low"] < judged["expert_error_rate"]).drop_nulls().all()


def test_where_nothing_is_known_of_the_expert_certificates_say_nothing_of_it() -> None:
    certificates = worlds.rows(CERTIFICATES, [{"action": "all", "category": "all", "denominator": "allowed"}])

    assert with_expert_errors(certificates, EXPERT_ERRORS.empty()).equals(certificates)


@pytest.mark.parametrize(("rate", "number"), [(0.0, 1.0), (1.0, 3.5), (0.3, 40.0)])
def test_an_interval_holds_its_rate(rate: float, number: float) -> None:
    low, high = wilson(rate, number)

    assert 0 <= low <= rate <= high <= 1


@pytest.mark.parametrize(
    ("broken", "mended", "is_said"),
    [(3, 2, False), (5, 0, True), (7, 3, False), (9, 1, True), (60, 40, True)],
)
def test_an_expert_is_said_to_break_more_than_it_mends_only_beyond_chance(
    broken: int, mended: int, is_said: bool
) -> None:
    """Of Experts that break as many as they mend, half were said to break more."""
    plans = ["ban spam"] * broken + ["allow none"] * mended
    audits = {
        **dict.fromkeys(range(broken), "allow none"),
        **dict.fromkeys(range(broken, broken + mended), "ban spam"),
    }

    sentence = breaking_sentence(errors_of([True] * (broken + mended), plans, audits))

    assert (sentence is not None) is is_said
    assert by_chance(broken, mended) == pytest.approx(
        binomtest(broken, broken + mended, alternative="greater").pvalue
    )
