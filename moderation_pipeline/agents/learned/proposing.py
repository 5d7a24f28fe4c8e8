"""The plans that a head can propose: nothing wrong, or one of the outcomes that audits found."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

from moderation_pipeline.agents.learned.head import CLASS_SEPARATOR
from moderation_pipeline.plan import Action, Category, Plan

NOTHING_FOUND = "nothing that audits found to be wrong"


def allowed(confidence: float) -> Plan:
    """Return the plan to let a comment go."""
    return Plan(Action.ALLOW, Category.NONE, confidence, NOTHING_FOUND)


def violation(outcome: str, probability: float, base: Plan | None) -> Plan:
    """Return the head's plan; the base's words are kept where it meant the same."""
    action, category = _read(outcome)
    if base is not None and base.action is action and base.category is category:
        return replace(base, confidence=probability)
    return Plan(action, category, probability, f"audits of comments like this found {category}")


@cache
def _read(outcome: str) -> tuple[Action, Category]:
    action, category = outcome.split(CLASS_SEPARATOR)
    return Action(action), Category(category)
