"""Tests of what memories may turn by themselves, and what an audit has to bear out."""

from __future__ import annotations

import pytest

from moderation_pipeline.cases.audit_reason import AuditReason
from moderation_pipeline.cases.situation import Recalled
from moderation_pipeline.cases.verdict import Receipt, Verdict
from moderation_pipeline.memory.turning import as_far_as_trusted
from moderation_pipeline.plan import Plan
from moderation_pipeline_tests.memory.memories import ALLOW, BAN, DELETE


def decided(plan: Plan) -> Verdict:
    return Verdict(plan, Receipt("rules"))


def memory(plan: Plan, *, is_same: bool) -> Recalled:
    return Recalled("m", 0.97, 99, "gg ez", plan, is_same=is_same)


@pytest.mark.parametrize("is_same", [False, True])
@pytest.mark.parametrize(("alone", "asked_for"), [(ALLOW, DELETE), (DELETE, BAN)])
def test_a_memory_that_asks_for_more_has_the_comment_audited_and_turns_nothing(
    alone: Plan, asked_for: Plan, is_same: bool
) -> None:
    verdict = as_far_as_trusted(decided(asked_for), decided(alone), [memory(asked_for, is_same=is_same)])

    assert (verdict.plan, verdict.must_audit) == (alone, AuditReason.MEMORY)


def test_a_memory_lifts_a_sanction_of_the_very_text_that_was_audited_and_of_no_other() -> None:
    same, alike = (
        as_far_as_trusted(decided(ALLOW), decided(DELETE), [memory(ALLOW, is_same=is_same)])
        for is_same in (True, False)
    )

    assert (same.plan, same.must_audit) == (ALLOW, None)
    assert (alike.plan, alike.must_audit) == (DELETE, AuditReason.MEMORY)


def test_a_memory_that_agrees_makes_surer_and_asks_for_nothing() -> None:
    turned = decided(DELETE)

    assert as_far_as_trusted(turned, decided(DELETE), [memory(DELETE, is_same=False)]) is turned
