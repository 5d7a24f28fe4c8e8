"""Whether a memory helped: the plan with it against the plan without it, as the audit saw them."""

from __future__ import annotations

from typing import Literal

from moderation_pipeline.plan import Plan

Effect = Literal["helped", "harmed", "neutral"]


def effect(*, without: Plan, with_: Plan, audited: Plan) -> Effect:
    """Return whether the memories brought the plan nearer to the audit's, took it further, or neither."""
    before, after = _nearness(without, audited), _nearness(with_, audited)
    if after > before:
        return "helped"
    return "harmed" if after < before else "neutral"


def _nearness(plan: Plan, audited: Plan) -> tuple[bool, bool, int]:
    """Return how right a plan is: first in seeing a violation, then in its category, then in severity."""
    return (
        plan.is_violation is audited.is_violation,
        plan.category is audited.category,
        -abs(plan.action.severity - audited.action.severity),
    )
