"""Tests of a learned head as one tier of several: it learns from what reached it, and its row says who was asked."""

from __future__ import annotations

import polars as pl

from moderation_pipeline.agents.build_agents import build_agents
from moderation_pipeline_tests.agents.learned.test_learned_student import invented_chat, truth
from moderation_pipeline_tests.moderation.scripted import ScriptedExpert
from moderation_pipeline_tests.moderation.test_loop import config_of, run


def tiers_of(unsure_from: float) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Return a chat and the decisions of rules with a learned head behind them."""
    config = config_of(
        memory=None,
        student={"tiers": ["rules", "learned"], "unsure_from": unsure_from},
        audit={"policy": "random", "rate": 0.2, "random_floor": 0.2},
    )
    comments = invented_chat(3_000)
    student = build_agents(config, comments).student
    assert student is not None
    return comments, run(comments, config, student=student, expert=ScriptedExpert(truth)).student_decisions


def test_what_the_rules_are_unsure_of_is_decided_by_the_head_which_learns_behind_them() -> None:
    comments, decisions = tiers_of(unsure_from=0.0)

    late = decisions.tail(1_000)
    assert set(late["tier"]) == {"2 learned/learned"}
    assert [each["tier"] for each in late["tiers"][0]] == ["1 rules", "2 learned"]
    assert [each["cost_usd"] for each in late["tiers"][0]] == [0.0, 0.0]
    found = pl.concat([decisions.head(2_000), late])
    assert (found["comment_id"] == comments["comment_id"]).all()
    assert (late["category"] != "none").sum() > 100


def test_what_the_rules_are_sure_of_never_reaches_the_head() -> None:
    _, decisions = tiers_of(unsure_from=1.0)

    assert set(decisions["tier"]) == {"1 rules"}
