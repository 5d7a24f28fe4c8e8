from __future__ import annotations

from dataclasses import replace

import pytest

from moderation_pipeline.memory.accounting import effect
from moderation_pipeline.plan import Action, Category, Plan
from moderation_pipeline_tests.memory.memories import ALLOW, BAN, DELETE, SPAM

BAN_FOR_HARASSMENT = replace(DELETE, action=Action.BAN)
DELETE_AS_SPAM = replace(DELETE, category=Category.SPAM)
WARN_FOR_HARASSMENT = replace(DELETE, action=Action.WARN)


@pytest.mark.parametrize(
    ("without", "with_", "audited", "expected"),
    [
        (ALLOW, DELETE, DELETE, "helped"),
        (DELETE, ALLOW, ALLOW, "helped"),
        (SPAM, DELETE, DELETE, "helped"),
        (BAN_FOR_HARASSMENT, WARN_FOR_HARASSMENT, DELETE, "helped"),
        (ALLOW, BAN, DELETE, "helped"),
        (DELETE, ALLOW, DELETE, "harmed"),
        (ALLOW, DELETE, ALLOW, "harmed"),
        (DELETE, SPAM, DELETE, "harmed"),
        (DELETE, DELETE, ALLOW, "neutral"),
        (DELETE, BAN, ALLOW, "harmed"),
        (DELETE, DELETE_AS_SPAM, ALLOW, "neutral"),
    ],
)
def test_memories_help_when_they_bring_the_plan_nearer_to_the_audit(
    without: Plan, with_: Plan, audited: Plan, expected: str
) -> None:
    assert effect(without=without, with_=with_, audited=audited) == expected
