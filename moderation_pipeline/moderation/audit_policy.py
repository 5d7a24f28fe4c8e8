"""Which comments the Expert audits, and how likely each was to be audited (law 5).

A policy first makes its certain choices, without chance (p = 1); every other comment gets the random floor.
What makes a comment worth a certain audit is `audit_doubts.py`'s, how many a budget allows `audit_pace.py`'s.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from moderation_pipeline.agents.case import Case
from moderation_pipeline.agents.expert import Expert
from moderation_pipeline.agents.plan import Action
from moderation_pipeline.agents.verdict import Verdict
from moderation_pipeline.config import AuditSpec
from moderation_pipeline.moderation.audit_doubts import doubts_of
from moderation_pipeline.moderation.audit_pace import AuditPace
from moderation_pipeline.moderation.chance import draw
from moderation_pipeline.moderation.ladder import Sanction


class AuditChoice(NamedTuple):
    """Whether a comment is audited: `reason` is null where not; `probability` was known before the draw."""

    reason: str | None
    probability: float


NOT_AUDITED = AuditChoice(None, 0.0)

Certain = dict[int, str]
"""Why cases of a batch, by their place in it, are audited with certainty."""


class AuditPolicy:
    """Chooses audits batch by batch in stream order; its state depends on nothing but what it was shown."""

    def __init__(self, spec: AuditSpec, seed: int) -> None:
        self._spec = spec
        self._seed = seed
        self._doubts = doubts_of(spec)
        self._audited_texts: set[tuple[str, str]] = set()
        self.pace = AuditPace(spec)
        self._chance, self._chance_of_sanctions = _floor(spec)

    def choose(
        self,
        cases: Sequence[Case],
        verdicts: Sequence[Verdict | None],
        expert: Expert,
        foreseen: Sequence[Sanction | None] = (),
    ) -> list[AuditChoice]:
        """Return one choice per case.

        A verdict is null without a Student, its plan where it failed. `foreseen` is what the ladder would make
        of each plan as things stand, for the policy `severity`; other policies don't need it.
        """
        able = [expert.can_audit(case) for case in cases]
        certain = self._certain(cases, verdicts, able, foreseen)
        choices = [
            self._choice(case, verdict, certain.get(i)) if able[i] else NOT_AUDITED
            for i, (case, verdict) in enumerate(zip(cases, verdicts, strict=True))
        ]
        if self._doubts is not None:
            self._doubts.audited([c for c, choice in zip(cases, choices, strict=True) if choice.reason])
        return choices

    def must_be_audited(self, sanction: Sanction) -> bool:
        """Whether the policy lets this sanction act only after an audit."""
        return self._spec.policy == "severity" and _is_severe(sanction, self._spec.long_timeout_s)

    def _choice(self, case: Case, verdict: Verdict | None, reason: str | None) -> AuditChoice:
        if reason is not None:
            return AuditChoice(reason, 1.0)
        probability = self._chance_of(verdict)
        if probability > 0 and draw(self._seed, "audit", case.comment_id) < probability:
            return AuditChoice("random", probability)
        return AuditChoice(None, probability)

    def _chance_of(self, verdict: Verdict | None) -> float:
        if self.pace.is_spent:
            return 0.0
        plan = verdict.plan if verdict is not None else None
        return self._chance_of_sanctions if plan is not None and plan.action.is_sanction else self._chance

    def _certain(
        self,
        cases: Sequence[Case],
        verdicts: Sequence[Verdict | None],
        able: Sequence[bool],
        foreseen: Sequence[Sanction | None],
    ) -> Certain:
        if self.pace.is_spent or self._spec.policy == "none":
            return {}
        if self._spec.policy == "all":
            return dict.fromkeys(range(len(cases)), "all")
        certain = _obligatory(cases, verdicts)
        if self._spec.policy == "severity":
            severe = (
                i for i, one in enumerate(foreseen) if one and _is_severe(one, self._spec.long_timeout_s)
            )
            certain.update(dict.fromkeys(severe, "severity"))
        if self._doubts is not None:
            certain.update(self._worthiest(cases, verdicts, able, certain))
        return certain

    def _worthiest(
        self,
        cases: Sequence[Case],
        verdicts: Sequence[Verdict | None],
        able: Sequence[bool],
        certain: Certain,
    ) -> Certain:
        """Return the most doubtful, as far as the pace allows; not what repeats an audited text.

        A repetition in the same channel is left to the floor: the same words were judged there already.
        """
        if self._doubts is None:
            return {}
        decided = [(i, v) for i, v in enumerate(verdicts) if v is not None and v.plan is not None]
        rated = self._doubts.rate([cases[i] for i, _ in decided], [v for _, v in decided]) if decided else []
        threshold = self.pace.begin(rated, len(cases), len(certain))
        chosen: Certain = {}
        worthy = [(-d, i) for d, (i, _) in zip(rated, decided, strict=True) if d >= threshold]
        for _, i in sorted(worthy):
            if not self.pace.allows_another:
                break
            said = (cases[i].channel, cases[i].normalised)
            if i in certain or not able[i] or said in self._audited_texts:
                continue
            self._audited_texts.add(said)
            self.pace.take_one()
            chosen[i] = self._doubts.name
        return chosen


def _floor(spec: AuditSpec) -> tuple[float, float]:
    """Return the least audit probability of what is proposed to be let be, and of proposed sanctions.

    Under the policy `random` the rate is the floor of those below it.
    """
    if spec.policy == "none":
        return 0.0, 0.0
    least = spec.rate if spec.policy == "random" else 0.0
    return max(spec.floor.allow, least), max(spec.floor.sanctions, least)


ADDRESSES_MODERATOR = "addresses_moderator"


def _obligatory(cases: Sequence[Case], verdicts: Sequence[Verdict | None]) -> Certain:
    """Return what is audited under every policy that audits.

    Comments that speak to the moderator, bad replies, and what an agent itself asks for.
    """
    certain: Certain = {i: ADDRESSES_MODERATOR for i, case in enumerate(cases) if case.addresses_moderator}
    for i, verdict in enumerate(verdicts):
        if verdict is not None and verdict.plan is None:
            certain[i] = "bad_reply"
        elif verdict is not None and verdict.must_audit is not None:
            certain[i] = verdict.must_audit
    return certain


def _is_severe(sanction: Sanction, long_timeout_s: int) -> bool:
    if sanction.under_sanction:
        return False
    is_long = sanction.action == Action.TIMEOUT and (sanction.duration_s or 0) >= long_timeout_s
    return is_long or sanction.action == Action.BAN
