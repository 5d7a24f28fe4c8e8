from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import polars as pl
import pytest

from moderation_pipeline.config.run_config import Config
from moderation_pipeline.evaluation.judged import Run
from moderation_pipeline.report.stand_ins import stood_in
from moderation_pipeline_tests.evaluation.worlds import REPLY, comments, run

CHAT = comments([{}] * 20)
PLANS = ["allow none"] * 20


def a_run(config: dict[str, object], *, student: str = "rules", expert: str = "careful_rules") -> Run:
    """A hybrid run of 20 comments under the config, one of them audited, with the backends that answered."""
    made = run(
        "hybrid",
        CHAT,
        student=PLANS,
        audits={0: "allow none"},
        student_reply={**REPLY, "backend": student},
        expert_reply={**REPLY, "backend": expert},
    )
    return replace(made, config=made.config.model_copy(update={"config": Config.model_validate(config)}))


def degraded(made: Run, steps: Sequence[str | None]) -> Run:
    column = pl.Series("degraded", steps, dtype=pl.String)
    return replace(made, student_decisions=made.student_decisions.with_columns(column))


def test_where_the_configs_own_agents_decided_there_is_nothing_to_say() -> None:
    assert list(stood_in(a_run({}))) == []
    assert list(stood_in(a_run({"student": "together"}, student="together"))) == []
    assert list(stood_in(a_run({"student": {"tiers": ["rules", "together"]}}))) == []  # the rules were sure
    assert list(stood_in(a_run({"student": {"backend": "learned", "base": "rules"}}))) == []


@pytest.mark.parametrize("student", ["together", {"backend": "learned", "base": "together"}])
def test_a_student_that_could_not_be_used_is_named_with_who_decided(student: object) -> None:
    (said,) = stood_in(a_run({"student": student, "fallback": "rules"}))
    assert said == (
        "hybrid names together as its Student, but rules decided: its model could not be used here."
    )


def test_an_expert_that_could_not_be_used_is_named_too() -> None:
    (said,) = stood_in(a_run({"expert": "together", "fallback": "rules"}))
    assert "together as its Expert, but careful_rules decided" in said


def test_a_budget_that_was_spent_says_from_where_on_and_what_the_rules_decided() -> None:
    steps = [*[None] * 10, *["audits_off"] * 6, *["rules"] * 4]
    (said,) = stood_in(degraded(a_run({"student": "together"}, student="together"), steps))
    assert said == (
        "The budget of hybrid was spent: from comment 10 on nothing was audited, and the rules decided 4 comments."
    )


def test_rules_that_step_in_when_the_budget_is_spent_are_no_model_that_could_not_be_used() -> None:
    steps = [None, *["rules"] * 19]
    made = degraded(a_run({"student": "together"}), steps)
    first = pl.when(pl.col("position") == 0).then(pl.lit("together")).otherwise("backend").alias("backend")
    made = replace(made, student_decisions=made.student_decisions.with_columns(first))
    assert [said.split(":")[0] for said in stood_in(made)] == ["The budget of hybrid was spent"]


def test_comments_that_the_fallback_decided_are_counted() -> None:
    made = a_run({})
    by = pl.Series("decided_by", ["fallback"] * 3 + ["student"] * 17)
    (said,) = stood_in(replace(made, action_log=made.action_log.with_columns(by)))
    assert said.startswith("3 comments under hybrid were decided by the fallback")


def decided_by(made: Run, tiers: Sequence[str | None]) -> Run:
    column = pl.Series("tier", tiers, dtype=pl.String)
    return replace(made, student_decisions=made.student_decisions.with_columns(column))


@pytest.mark.parametrize(
    ("tiers", "expected"),
    [
        (["learned"] * 20, []),
        (
            ["base"] * 20,
            ["The learned head of hybrid decided nothing: too few comments were audited by chance"],
        ),
        (
            ["base"] * 5 + ["learned"] * 15,
            ["The first 5 comments under hybrid were decided by the base alone"],
        ),
        (
            ["learned/base", "learned/learned"] + ["rules"] * 18,
            ["The first 1 comment under hybrid was decided by the base alone"],
        ),
        (
            ["learned"] * 18 + ["base, for the head did worse"] * 2,
            ["2 comments under hybrid were decided by the base, because its learned head did worse"],
        ),
    ],
)
def test_what_a_learned_heads_base_decided_is_said_with_the_reason(
    tiers: Sequence[str], expected: Sequence[str]
) -> None:
    said = list(stood_in(decided_by(a_run({"student": {"backend": "learned", "base": "rules"}}), tiers)))
    assert [sentence[: len(start)] for sentence, start in zip(said, expected, strict=True)] == list(expected)
