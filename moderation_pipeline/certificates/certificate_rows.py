"""Which rows of certificates there are, and in which of them a comment counts and errs.

How a row is certified is in `certificates.py`.
"""

from __future__ import annotations

from functools import cache
from typing import Literal, NamedTuple

from moderation_pipeline.certificates.decided_alone import DecidedAlone, NoAudit
from moderation_pipeline.plan import Action, Category, Plan

Denominator = Literal["sanctions", "comments", "allowed"]

ALL = "all"
VIOLATIONS = tuple(category for category in Category if category is not Category.NONE)


class RowKey(NamedTuple):
    """What one certificate is about; `all` and `all` for everything."""

    action: str
    category: str
    denominator: Denominator


def share_of_allowed_error(key: RowKey, kinds_before: int) -> float:
    """Return what part of the allowed error a row may spend; of all rows together it is at most 1.

    One bound on a kind's wrongful sanctions serves both denominators, which are known: the rows of one action and
    category, per sanction and per comment, spend their part once. Kinds get theirs as they first appear,
    1 / (k (k + 1)) of the half that is for all of them: fixed before the first audit of the kind, so that it may
    depend on what was proposed, and large for the first, which is what a user waits for. A category that was missed
    appears with its first error, which is no such moment, so those parts are equal and fixed.
    """
    if key.denominator == "allowed":
        return 0.2 if key.action == ALL else 0.05 / len(VIOLATIONS)
    if key.action == ALL:
        return 0.25
    return 0.5 / ((kinds_before + 1) * (kinds_before + 2))


OF_EVERYTHING = tuple(RowKey(ALL, ALL, of) for of in ("sanctions", "comments", "allowed"))


def rows_asked_of(plan: Plan) -> tuple[RowKey, ...]:
    """Return the rows that must all be valid before a plan is carried out without the Expert: the one rule of it.

    A sanction has to meet both targets with all sanctions and with its own kind: eight kinds that are each within
    a target per comment can be far beyond it together.
    """
    return denominators_of(plan) if plan.action.is_sanction else (RowKey(ALL, ALL, "allowed"),)


TOO_HARD = 2
"""So many rungs above the Expert's sanction a sanction is as wrong as one where there should be none: a ban where a
deletion, or a timeout where a warning would have done. One rung is a matter of taste, and of the user's strikes."""


def is_wrongful(plan: Plan, audited: Plan, *, tells_how_hard: bool = True) -> bool:
    """Whether a sanction was put on a comment that the Expert would not have sanctioned, or by far not so hard.

    Labels say whether there is a violation, and seldom what should be done about it (`tells_how_hard`).
    """
    if not plan.action.is_sanction or not audited.action.is_sanction:
        return plan.action.is_sanction
    return tells_how_hard and plan.action.severity - audited.action.severity >= TOO_HARD


def is_missed(plan: Plan, audited: Plan) -> bool:
    """Whether a comment was let through that the Expert would have sanctioned."""
    return audited.action.is_sanction and not plan.action.is_sanction


def denominators_of(plan: Plan) -> tuple[RowKey, ...]:
    """Return the rows in whose denominator a comment with this plan is, but for those that share a population."""
    return _denominators_of_kind(plan.action, plan.category)


@cache
def _denominators_of_kind(action: Action, category: Category) -> tuple[RowKey, ...]:
    if not action.is_sanction:
        return _LET_GO
    own = (RowKey(action, category, of) for of in ("sanctions", "comments"))
    return (RowKey(ALL, ALL, "sanctions"), RowKey(ALL, ALL, "comments"), *own)


_LET_GO = (RowKey(ALL, ALL, "allowed"), RowKey(ALL, ALL, "comments"))
_MISSED_ANYTHING = (
    RowKey(ALL, ALL, "allowed"),
    *(RowKey(Action.ALLOW, category, "allowed") for category in VIOLATIONS),
)


def errors_of(comment: DecidedAlone) -> tuple[RowKey, ...]:
    """Return the rows of which a comment is an error that was found; none where its audit says that it is right.

    An audit that could not be read is held to have found every error that it could have found: left out, the
    comments at which an Expert fails would be certified by its silence.
    """
    plan, audited = comment.plan, comment.audited
    if audited is NoAudit.NOT_DRAWN:
        return ()
    if audited is NoAudit.UNREAD:
        return denominators_of(plan) if plan.action.is_sanction else _MISSED_ANYTHING
    if is_wrongful(plan, audited, tells_how_hard=comment.tells_how_hard):
        return denominators_of(plan)
    if is_missed(plan, audited):
        return (RowKey(ALL, ALL, "allowed"), RowKey(Action.ALLOW, audited.category, "allowed"))
    return ()


def population_of(key: RowKey) -> RowKey:
    """Return whose population a row shares: each sanction is a population, all else are all comments or allowed."""
    return key if key.denominator == "sanctions" else RowKey(ALL, ALL, key.denominator)
