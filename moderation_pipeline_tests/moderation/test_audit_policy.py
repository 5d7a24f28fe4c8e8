"""Tests of the audit policy: how many, which, and with what probability."""

from __future__ import annotations

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from moderation_pipeline.agents.case import Case
from moderation_pipeline.agents.plan import Action, Category, Plan
from moderation_pipeline.moderation.chance import draw
from moderation_pipeline_tests.moderation.scripted import ScriptedExpert, ScriptedStudent, chat_of
from moderation_pipeline_tests.moderation.test_loop import config_of, run


def doubtful(case: Case) -> Plan:
    """Return a plan whose confidence is a hash of the comment."""
    return Plan(Action.ALLOW, Category.NONE, 0.5 + draw(1, "confidence", case.comment_id) / 2)


def audited(
    comments: pl.DataFrame,
    *,
    policy: str,
    rate: float,
    random_floor: float,
    seed: int = 7,
    batch_size: int = 64,
) -> tuple[pl.DataFrame, pl.DataFrame]:
    config = config_of(
        memory=None,
        audit={"policy": policy, "rate": rate, "random_floor": random_floor},
        loop={"seed": seed, "batch_size": batch_size},
    )
    tables = run(comments, config, student=ScriptedStudent(doubtful), expert=ScriptedExpert())
    return tables.student_decisions, tables.expert_audits


def distinct_chat(count: int) -> pl.DataFrame:
    return chat_of([f"line {i}" for i in range(count)])


@pytest.mark.parametrize("policy", ["uncertain", "random"])
def test_the_expected_share_of_audits_is_the_rate(policy: str) -> None:
    decisions, audits = audited(distinct_chat(4_000), policy=policy, rate=0.1, random_floor=0.02)

    assert decisions["audit_probability"].mean() == pytest.approx(0.1, abs=0.01)
    assert audits.height / decisions.height == pytest.approx(0.1, abs=0.02)


def test_uncertain_audits_are_the_least_certain_of_the_stream() -> None:
    decisions, audits = audited(distinct_chat(4_000), policy="uncertain", rate=0.1, random_floor=0.0)

    chosen = decisions.filter(pl.col("comment_id").is_in(audits["comment_id"].implode()))
    later = chosen.filter(pl.col("position") >= 1_000)["confidence"]
    assert (later <= decisions["confidence"].quantile(0.15)).mean() > 0.95  # type: ignore[operator]


@settings(max_examples=20, deadline=None)
@given(
    policy=st.sampled_from(["uncertain", "random"]),
    floor=st.sampled_from([0.01, 0.2]),
    seed=st.integers(0, 1_000),
)
def test_every_comment_has_a_positive_probability_known_before_the_draw(
    policy: str, floor: float, seed: int
) -> None:
    decisions, audits = audited(distinct_chat(300), policy=policy, rate=0.3, random_floor=floor, seed=seed)

    assert decisions["audit_probability"].is_between(floor, 1.0).all()
    certain = decisions.filter(pl.col("audit_probability") == 1.0)["comment_id"].to_list()
    assert set(certain) <= set(audits["comment_id"])
    joined = audits.join(decisions, on="comment_id", suffix="_decided")
    assert joined["audit_probability"].to_list() == joined["audit_probability_decided"].to_list()


def test_the_floor_is_drawn_as_often_as_it_says() -> None:
    decisions, audits = audited(distinct_chat(6_000), policy="uncertain", rate=0.2, random_floor=0.1)

    floor = decisions.filter(pl.col("audit_probability") < 1.0)
    drawn = audits.filter(pl.col("audit_reason") == "random").height
    assert drawn / floor.height == pytest.approx(0.1, abs=0.015)


def test_a_comment_that_repeats_an_audited_one_leaves_the_certain_set_and_keeps_the_floor() -> None:
    decisions, audits = audited(chat_of(["same"] * 500), policy="uncertain", rate=0.2, random_floor=0.05)

    assert audits.filter(pl.col("audit_reason") == "uncertain").height == 1
    assert set(decisions["audit_probability"].unique()) == {0.05, 1.0}


def test_the_floor_may_differ_by_proposed_action() -> None:
    config = config_of(
        memory=None,
        audit={"policy": "uncertain", "rate": 0.01, "random_floor": {"allow": 0.01, "sanctions": 0.5}},
    )
    comments = chat_of(["hello", "insult"] * 50)

    decisions = run(comments, config, student=ScriptedStudent(), expert=ScriptedExpert()).student_decisions

    floors = (
        decisions.filter(pl.col("audit_probability") < 1)
        .group_by("action")
        .agg(pl.col("audit_probability").max())
    )
    assert dict(floors.rows()) == {"allow": 0.01, "delete": 0.5}


def test_chance_differs_by_purpose_and_is_fixed_by_the_seed() -> None:
    assert draw(7, "audit", "c1") == draw(7, "audit", "c1")
    assert (
        len({draw(7, "audit", "c1"), draw(7, "order", "c1"), draw(8, "audit", "c1"), draw(7, "audit", "c2")})
        == 4
    )


def test_chance_is_uniform() -> None:
    draws = pl.Series([draw(7, "audit", f"c{i}") for i in range(20_000)])

    assert draws.is_between(0, 1, closed="left").all()
    counts = draws.hist(bins=[0.0, 0.25, 0.5, 0.75, 1.0])["count"]
    assert all(count == pytest.approx(5_000, rel=0.05) for count in counts)
