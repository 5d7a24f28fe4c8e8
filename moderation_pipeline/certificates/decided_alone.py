"""What the system decided alone: one comment each, the evidence that certificates rest on.

Only what the certified Student itself decided, where chance alone might have brought an audit (0 < p < 1): a
certain audit is an outcome and not evidence, and where nothing can be audited nothing is known. Which rows a
comment counts in is in `certificate_rows.py`; the stored tables are read in `certify.py`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from enum import Enum
from typing import NamedTuple

from moderation_pipeline.cases.settled import RULES, Settled
from moderation_pipeline.cases.verdict import Verdict
from moderation_pipeline.plan import Plan

OF_STUDENT = "student"
OF_EXPERT = "expert"
UNSERVED = "labels"
"""The backend whose `model` is a label's source: nobody serves it, and a chat may have several."""


class NoAudit(Enum):
    """Why there is no audited plan: chance did not draw the comment, or what the Expert said can't be read."""

    NOT_DRAWN = "not drawn"
    UNREAD = "unread"


class Answered(NamedTuple):
    """Who answered about a comment: the Student, one of its tiers, or the Expert; `model` as the reply names it."""

    part: str
    backend: str | None
    model: str | None


class DecidedAlone(NamedTuple):
    """A comment decided without certain audit: the Student's plan, and what a random audit of it said.

    `tells_how_hard` is false of audits by labels, whose actions are made up where a label has none.
    """

    position: int
    plan: Plan
    probability: float
    audited: Plan | NoAudit
    answered: tuple[Answered, ...] = ()
    tells_how_hard: bool = True

    @property
    def is_audited(self) -> bool:
        """Whether the comment was drawn, be the audit readable or not."""
        return self.audited is not NoAudit.NOT_DRAWN


def may_be_evidence(probability: float, degraded: str | None) -> bool:
    """Whether a comment of this audit probability tells of the Student: not where the rules stood in for it."""
    return 0 < probability < 1 and degraded != RULES


def decided_alone(settled: Sequence[Settled]) -> Iterator[DecidedAlone]:
    """Yield what the Student decided alone of a batch, in stream order."""
    for each in settled:
        decided, probability = each.decided, each.choice.probability
        if decided is None or decided.plan is None or not may_be_evidence(probability, each.degraded):
            continue
        yield DecidedAlone(
            each.case.position,
            decided.plan,
            probability,
            _said(each.audited),
            served([*_student(decided), *_expert(each.audited)]),
            each.audited is None or each.audited.receipt.backend != UNSERVED,
        )


def served(answered: Iterable[Answered]) -> tuple[Answered, ...]:
    """Return those whose served model is known: keyless parts and replies that name none tell of no change."""
    return tuple(each for each in answered if each.model is not None and each.backend != UNSERVED)


def _said(audited: Verdict | None) -> Plan | NoAudit:
    if audited is None:
        return NoAudit.NOT_DRAWN
    return NoAudit.UNREAD if audited.plan is None else audited.plan


def _student(decided: Verdict) -> Iterator[Answered]:
    if not decided.tiers:
        yield Answered(OF_STUDENT, decided.receipt.backend, decided.receipt.model)
    for tier in decided.tiers:
        yield Answered(tier.tier, tier.receipt.backend, tier.receipt.model)


def _expert(audited: Verdict | None) -> Iterator[Answered]:
    if audited is not None:
        yield Answered(OF_EXPERT, audited.receipt.backend, audited.receipt.model)
