"""Whose verdict a copy follows: that of the audit of the same text, where the Student would act on both alike.

What repeats an audited text is left to the random floor (`audits/audit_policy.py`): its verdict is known. Without
precedents the Student would go on sanctioning the very text that the Expert has just let be, unaudited.

A precedent is made and followed only so narrowly that nobody can make one which excuses something else:
- the text is the same, and so is the channel;
- the Student wants the same action for the same category, so what it holds against the copy was before the Expert;
- neither speaks to the moderator nor answers somebody: what is said there hangs on what was said before;
- the audit was settled before the copy's batch (law 1), and no audit of the text has found otherwise: of two verdicts
  none is followed any more. Copies keep the floor, so that a text that became grave is found out.
An audit's verdict never makes a sanction of what the Student would let be: moderators act on a text and let a hundred
copies of it be (37 of 11,701 on 27 Twitch channels were acted on as well).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from moderation_pipeline.cases.case import Case
from moderation_pipeline.cases.settled import Settled
from moderation_pipeline.cases.verdict import Verdict
from moderation_pipeline.plan import Plan

MANY = 100_000
"""Texts whose verdicts are known; beyond it the oldest are forgotten."""


class Precedent(NamedTuple):
    """What an audit made of what the Student proposed; `is_disputed` once another audit of the text said otherwise."""

    comment_id: str
    proposed: Plan
    verdict: Plan
    is_disputed: bool = False


class Precedents:
    """Keeps the verdicts on texts that the Student would have acted on, in stream order."""

    def __init__(self) -> None:
        self._known: dict[tuple[str, str], Precedent] = {}

    def of(self, case: Case, decided: Verdict | None) -> Precedent | None:
        """Return the precedent of a case, null where there is none."""
        if decided is None or decided.plan is None or not _may_be_compared(case):
            return None
        known = self._known.get((case.channel, case.normalised))
        if known is None or known.is_disputed or not decided.plan.agrees_with(known.proposed):
            return None
        return known

    def take_in(self, settled: Sequence[Settled]) -> None:
        """Take in the audits of a batch, once all of it is settled."""
        for each in settled:
            if each.decided is None or each.decided.plan is None:
                continue
            if each.audited is not None and each.audited.plan is not None and _may_be_compared(each.case):
                self._take_in(each.case, each.decided.plan, each.audited.plan)

    def _take_in(self, case: Case, proposed: Plan, verdict: Plan) -> None:
        key = case.channel, case.normalised
        known = self._known.get(key)
        if known is not None:
            is_disputed = known.is_disputed or known.verdict.is_violation != verdict.is_violation
            self._known[key] = known._replace(is_disputed=is_disputed)
        elif proposed.is_violation:
            self._known[key] = Precedent(case.comment_id, proposed, verdict)
            if len(self._known) > MANY:
                del self._known[next(iter(self._known))]


def _may_be_compared(case: Case) -> bool:
    return bool(case.normalised) and case.reply_to is None and not case.addresses_moderator
