"""What is settled about a comment once it was decided, perhaps audited, and acted upon.

How an audit is chosen is in `audits/`, what a ladder makes of a plan in `moderation/ladder.py`.
"""

from __future__ import annotations

from typing import NamedTuple

from moderation_pipeline.cases.audit_reason import AuditReason
from moderation_pipeline.cases.case import Case
from moderation_pipeline.cases.chosen import DecidedBy
from moderation_pipeline.cases.verdict import Verdict

AUDITS_OFF = "audits_off"
RULES = "rules"
"""How a run goes on when its budget is spent, as `student_decisions.degraded` says it: each includes the last."""


class AuditChoice(NamedTuple):
    """Whether a comment is audited: `reason` is null where not; `probability` was known before the draw."""

    reason: AuditReason | None
    probability: float


NOT_AUDITED = AuditChoice(None, 0.0)


class Sanction(NamedTuple):
    """What is done about a comment: a row of the action log without what the comment itself says."""

    action: str
    category: str | None
    duration_s: int | None
    reply_text: str | None
    decided_by: DecidedBy
    reason: str
    strikes: int
    counts_until_us: int | None
    under_sanction: bool
    is_shadow: bool


class Settled(NamedTuple):
    """One comment, decided, perhaps audited, and acted upon.

    `decided` is null where there is no Student, `audited` where there was no audit; `agrees` is null where
    either has no plan. `degraded` says what the run had given up by then, its budget being spent; `precedent` is the
    comment whose audit decides this one where it has no audit of its own.
    """

    case: Case
    decided: Verdict | None
    choice: AuditChoice
    audited: Verdict | None
    agrees: bool | None
    sanction: Sanction
    degraded: str | None = None
    precedent: str | None = None
