"""Which plan stands for a comment, the Student's or its audit's, and who decided.

What the fallback says where neither has a plan is the loop's to ask, what becomes of the plan the ladder's. The same
choice over whole tables is `evaluation.judged.standing_action`'s; a test holds the two together.
"""

from __future__ import annotations

from enum import StrEnum
from typing import NamedTuple

from moderation_pipeline.plan import Plan


class DecidedBy(StrEnum):
    """Who decided what is done about a comment, as `action_log.decided_by` says it."""

    STUDENT = "student"
    EXPERT = "expert"
    PRECEDENT = "precedent"
    """The audit of the same text, said before in the channel (`moderation/precedents.py`)."""
    FALLBACK = "fallback"
    LADDER = "ladder"
    """The sanction ladder, where it made something else of the plan."""
    NOBODY = "nobody"
    """No plan could be had of anybody: the comment is undecided."""
    NOT_JUDGED = "not_judged"
    """Nobody either, for none that was asked can judge it: undecided too, and counted apart."""


class Chosen(NamedTuple):
    """The plan that stands, and whose it is; null and nobody's where there is none; why, where it is known."""

    plan: Plan | None
    decided_by: DecidedBy
    why_none: str = ""


def stands(student: Plan | None, expert: Plan | None, *, audits_act: bool) -> Chosen:
    """Return which of the two plans stands; each is null where its agent was not asked or gave none.

    A Student without a plan is stood in for by its audit in every regime: it has no plan that could stand.
    """
    if expert is not None and (audits_act or student is None):
        return Chosen(expert, DecidedBy.EXPERT)
    return Chosen(student, DecidedBy.NOBODY if student is None else DecidedBy.STUDENT)
