from __future__ import annotations

import asyncio

import pytest

from moderation_pipeline.agents.keyless.careful_rules import CarefulRulesExpert
from moderation_pipeline.plan import Action, Category, Plan
from moderation_pipeline_tests.agents.cases import cases_of, last_case_of


def audit_last(*lines: tuple[str, str]) -> Plan:
    plan = asyncio.run(CarefulRulesExpert().audit([last_case_of(*lines)]))[0].plan
    assert plan is not None
    return plan


@pytest.mark.parametrize(
    "pieces",
    [("kill", "yourself"), ("go", "kill", "urself"), ("f", "u", "c", "k", "u"), ("kill", "ur", "self")],
)
def test_a_message_split_over_comments_is_read_as_one(pieces: tuple[str, ...]) -> None:
    plans = [audit_last(*[("troll", piece) for piece in pieces[: n + 1]]) for n in range(len(pieces))]
    assert not plans[0].is_violation
    assert any(plan.is_violation and "split over" in plan.reasoning for plan in plans)


def test_pieces_of_different_users_are_no_message() -> None:
    assert not audit_last(("ann", "kill"), ("bob", "yourself please")).reasoning.startswith("Found: split")
    assert audit_last(("ann", "go"), ("bob", "die")).action is Action.ALLOW


def test_the_line_after_a_plain_insult_is_not_blamed_for_it() -> None:
    assert audit_last(("troll", "you idiot"), ("troll", "hello all")).action is Action.ALLOW


def test_abuse_kept_up_is_worse_than_one_line_of_it() -> None:
    once = audit_last(("troll", "noob"))
    again = audit_last(("troll", "you idiot"), ("troll", "stfu retard"), ("troll", "noob"))
    assert again.confidence > once.confidence
    assert again.action.severity >= once.action.severity


def test_egging_on_someone_in_distress_is_a_threat() -> None:
    plan = audit_last(("sam", "i want to kill myself"), ("troll", "do it"))
    assert plan.category is Category.THREAT
    assert audit_last(("sam", "should i buy the sword"), ("troll", "do it")).action is Action.ALLOW
    assert audit_last(("sam", "i want to kill myself"), ("sam", "do it")).category is not Category.THREAT


def test_a_line_is_judged_by_the_lines_before_it_only() -> None:
    cases = cases_of(("troll", "go"), ("troll", "die"), ("troll", "you idiot"))
    together = asyncio.run(CarefulRulesExpert().audit(cases))
    alone = [asyncio.run(CarefulRulesExpert().audit([case]))[0] for case in reversed(cases)]
    assert together == alone[::-1]
