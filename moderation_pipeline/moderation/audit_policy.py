"""Which comments the Expert audits, and how likely each was to be audited (law 5).

A policy first makes its certain choices, without chance (p = 1); every other comment gets the random floor.
What the Expert then says is not known here, only which texts were audited already.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from moderation_pipeline.agents.case import Case
from moderation_pipeline.agents.expert import Expert
from moderation_pipeline.agents.verdict import Verdict
from moderation_pipeline.config import AuditSpec
from moderation_pipeline.moderation.chance import draw

HISTORY = 4_096
"""Comments the threshold is taken from: long enough for a rate of 1 %, short enough to move."""

BANKED = 1_024
"""Comments whose unspent certain audits are kept: calm stretches pay for busy ones, within reason."""

PACE = 512
"""Comments over which what is banked is spent again, by lowering the threshold."""


class AuditChoice(NamedTuple):
    """Whether a comment is audited: `reason` is null where not; `probability` was known before the draw."""

    reason: str | None
    probability: float


NOT_AUDITED = AuditChoice(None, 0.0)


class AuditPolicy:
    """Chooses audits batch by batch in stream order; its state depends on nothing but what it was shown."""

    def __init__(self, spec: AuditSpec, seed: int) -> None:
        self._spec = spec
        self._seed = seed
        self._history: deque[float] = deque(maxlen=HISTORY)
        self._allowance = 0.0
        self._audited_texts: set[tuple[str, str]] = set()

    def choose(
        self, cases: Sequence[Case], verdicts: Sequence[Verdict | None], expert: Expert
    ) -> list[AuditChoice]:
        """Return one choice per case. A verdict is null without a Student, its plan where it failed."""
        certain = self._certain(cases, verdicts, expert)
        return [
            self._choice(case, verdict, certain.get(i), expert)
            for i, (case, verdict) in enumerate(zip(cases, verdicts, strict=True))
        ]

    def _choice(self, case: Case, verdict: Verdict | None, reason: str | None, expert: Expert) -> AuditChoice:
        if not expert.can_audit(case):
            return NOT_AUDITED
        if reason is not None:
            return AuditChoice(reason, 1.0)
        probability = self._chance_of(verdict)
        if probability > 0 and draw(self._seed, "audit", case.comment_id) < probability:
            return AuditChoice("random", probability)
        return AuditChoice(None, probability)

    def _chance_of(self, verdict: Verdict | None) -> float:
        """Return the floor; under the policy `random` the rate is the floor of those below it."""
        if self._spec.policy == "none":
            return 0.0
        plan = verdict.plan if verdict is not None else None
        floor = self._spec.floor
        low = floor.sanctions if plan is not None and plan.action.is_sanction else floor.allow
        return max(low, self._spec.rate) if self._spec.policy == "random" else low

    def _certain(
        self, cases: Sequence[Case], verdicts: Sequence[Verdict | None], expert: Expert
    ) -> dict[int, str]:
        if self._spec.policy == "all":
            return dict.fromkeys(range(len(cases)), "all")
        if self._spec.policy == "none":
            return {}
        failed = {i: "bad_reply" for i, v in enumerate(verdicts) if v is not None and v.plan is None}
        if self._spec.policy == "uncertain":
            failed.update(self._most_uncertain(cases, verdicts, expert))
        return failed

    def _most_uncertain(
        self, cases: Sequence[Case], verdicts: Sequence[Verdict | None], expert: Expert
    ) -> dict[int, str]:
        """Return those above one threshold for the whole stream, as far as the allowance goes.

        The threshold is the quantile of recent uncertainty that leaves the wanted share above it. Taking the
        most uncertain of each batch instead would audit confident decisions wherever a batch is easy.
        """
        floor = self._spec.floor.allow
        share = max(0.0, (self._spec.rate - floor) / (1 - floor)) if floor < 1 else 0.0
        threshold = self._threshold(share, len(cases))
        uncertain = [
            (verdict.doubt if verdict.doubt is not None else 1 - verdict.plan.confidence, i)
            for i, verdict in enumerate(verdicts)
            if verdict is not None and verdict.plan is not None
        ]
        self._history.extend(doubt for doubt, _ in uncertain)
        self._allowance = min(self._allowance + share * len(cases), max(1.0, BANKED * share))
        chosen: dict[int, str] = {}
        for doubt, i in sorted(uncertain, key=lambda each: (-each[0], each[1])):
            if doubt < threshold or self._allowance < 1:
                break
            said = (cases[i].channel, cases[i].normalised)
            if said in self._audited_texts or not expert.can_audit(cases[i]):
                continue
            self._audited_texts.add(said)
            self._allowance -= 1
            chosen[i] = "uncertain"
        return chosen

    def _threshold(self, share: float, count: int) -> float:
        """Return the uncertainty from which audits are certain: lower while more is banked than is due."""
        if not self._history:
            return 0.0
        due = min(1.0, share + self._allowance / max(PACE, count))
        return float(np.quantile(self._history, 1 - due))
