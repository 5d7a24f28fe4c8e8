"""Which comments the Expert audits, and how likely each was to be audited (law 5).

A policy first makes its certain choices, without chance (p = 1); every other comment gets the random floor.
What makes a comment worth a certain audit is `audit_doubts.py`'s, how many a budget allows `audit_pace.py`'s.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from moderation_pipeline.agents.expert import Expert
from moderation_pipeline.agents.keyless.signal_evidence import evidence_of
from moderation_pipeline.audits.audit_doubts import Doubt, doubts_of
from moderation_pipeline.audits.audit_pace import AuditPace
from moderation_pipeline.audits.pleas import Pleas
from moderation_pipeline.audits.purse import Bottomless, Purse
from moderation_pipeline.audits.user_bounds import UserBounds
from moderation_pipeline.cases.audit_reason import AuditReason
from moderation_pipeline.cases.case import Case
from moderation_pipeline.cases.settled import NOT_AUDITED, AuditChoice, Sanction
from moderation_pipeline.cases.verdict import Verdict
from moderation_pipeline.chance import draw
from moderation_pipeline.config.run_config import AuditSpec
from moderation_pipeline.plan import Action

Certain = dict[int, AuditReason]
"""Why cases of a batch, by their place in it, are audited with certainty."""

Said = tuple[str, str]
"""A channel and a normalised text: whoever says that again there repeats it."""

MANY_TEXTS = 100_000
"""Audited texts whose repetitions are known; beyond it the oldest are forgotten."""


class AuditPolicy:
    """Chooses audits batch by batch in stream order; its state depends on nothing but what it was shown."""

    def __init__(self, spec: AuditSpec, seed: int, secret: str = "") -> None:
        """`secret` goes into the draws, so that nobody foresees them who doesn't know it."""
        self._spec = spec
        self._purpose = f"audit{secret}"
        self._seed = seed
        self._doubts = doubts_of(spec)
        self._audited_texts: dict[Said, None] = {}
        self._pleas = Pleas()
        self._bounds = UserBounds(max(0.0, spec.rate - spec.random_floor.allow))
        self.pace = AuditPace(spec)
        self._drawn_by_chance = 0
        self._chance = spec.chance_after(0)

    def choose(
        self,
        cases: Sequence[Case],
        verdicts: Sequence[Verdict | None],
        expert: Expert,
        foreseen: Sequence[Sanction | None] = (),
        purse: Purse | None = None,
    ) -> list[AuditChoice]:
        """Return one choice per case, and set aside in the run's purse what the audits may cost.

        A verdict is null without a Student, its plan where it failed. `foreseen` is what the ladder would make
        of each plan as things stand, for the policy `severity`; other policies don't need it.
        """
        able = [expert.can_audit(case) for case in cases]
        chances = [
            self._chance_of(verdict) if is_able else 0.0
            for verdict, is_able in zip(verdicts, able, strict=True)
        ]
        certain = self._certain(cases, verdicts, able, foreseen, chances)
        till = _Till(self._spec, self.pace, expert, purse or Bottomless())
        choices = self._drawn(cases, chances, certain, till)
        # From the next batch on: a probability hangs on earlier draws and never on its own (law 5).
        self._drawn_by_chance += sum(choice.reason is AuditReason.RANDOM for choice in choices)
        self._chance = self._spec.chance_after(self._drawn_by_chance)
        self._remember(_said(case) for case, choice in zip(cases, choices, strict=True) if choice.reason)
        if self._doubts is not None:
            self._doubts.audited([c for c, choice in zip(cases, choices, strict=True) if choice.reason])
        return choices

    def must_be_audited(self, sanction: Sanction) -> bool:
        """Whether the policy lets this sanction act only after an audit."""
        return self._spec.policy == "severity" and _is_severe(sanction, self._spec.long_timeout_s)

    @property
    def note(self) -> str | None:
        """What is to be said, once the run is over, of how audits were chosen; null where nothing is."""
        return None if self._doubts is None else self._doubts.note

    def _drawn(
        self, cases: Sequence[Case], chances: Sequence[float], certain: Certain, till: _Till
    ) -> list[AuditChoice]:
        """Return the choices, drawing in stream order, the certain ones paid for first.

        Whether the money suffices is asked before each draw, so that a probability hangs on earlier draws and never
        on its own: cut after the draw, batches that chance made cheap would be the ones that are audited (law 5).
        """
        paid = {i for i in sorted(certain) if till.affords(cases[i]) and till.reserve(cases[i])}
        choices = []
        for i, (case, chance) in enumerate(zip(cases, chances, strict=True)):
            if i in paid:
                choices.append(AuditChoice(certain[i], 1.0))
            elif i in certain or chance == 0 or not till.affords(case):
                choices.append(NOT_AUDITED)
            elif draw(self._seed, self._purpose, case.comment_id) < chance:
                till.reserve(case)
                choices.append(AuditChoice(AuditReason.RANDOM, chance))
            else:
                choices.append(AuditChoice(None, chance))
        self.pace.batch_reserved()
        return choices

    def _chance_of(self, verdict: Verdict | None) -> float:
        if self.pace.is_spent:
            return 0.0
        plan = verdict.plan if verdict is not None else None
        is_sanction = plan is not None and plan.action.is_sanction
        return self._chance.sanctions if is_sanction else self._chance.allow

    def _certain(
        self,
        cases: Sequence[Case],
        verdicts: Sequence[Verdict | None],
        able: Sequence[bool],
        foreseen: Sequence[Sanction | None],
        chances: Sequence[float],
    ) -> Certain:
        if self.pace.is_spent or self._spec.policy == "none":
            return {}
        if self._spec.policy == "all":
            return {i: AuditReason.ALL for i, is_able in enumerate(able) if is_able}
        self._bounds.saw(cases)
        certain = self._obligatory(cases, verdicts, able)
        if self._spec.policy == "severity":
            long_timeout_s = self._spec.long_timeout_s
            severe = (
                i for i, one in enumerate(foreseen) if one and able[i] and _is_severe(one, long_timeout_s)
            )
            certain.update(dict.fromkeys(severe, AuditReason.SEVERITY))
        certain.update(self._worthiest(cases, verdicts, able, certain, chances))
        return certain

    def _obligatory(
        self, cases: Sequence[Case], verdicts: Sequence[Verdict | None], able: Sequence[bool]
    ) -> Certain:
        """Return what is audited under every policy that audits: bad replies, new pleas, and what a memory asks for.

        What speaks to the moderator, and what an agent itself asks for, is audited once in a channel, and so often
        as its user's lines are worth: whoever repeats himself, or pleads before every line, gets the floor, or a
        flood would spend every audit.
        """
        certain: Certain = {}
        for i, (case, verdict) in enumerate(zip(cases, verdicts, strict=True)):
            reason = _obligation(case, verdict)
            if reason is None or not able[i]:
                continue
            if reason is not AuditReason.BAD_REPLY:
                is_plea = reason is not AuditReason.MEMORY
                if not self._bounds.allows_plea(case) or (is_plea and not self._pleas.is_new(case, reason)):
                    continue
                self._bounds.take(case, is_plea=True)
            self._remember([_said(case)])
            certain[i] = reason
        return certain

    def _worthiest(
        self,
        cases: Sequence[Case],
        verdicts: Sequence[Verdict | None],
        able: Sequence[bool],
        certain: Certain,
        chances: Sequence[float],
    ) -> Certain:
        """Return the most doubtful, as far as the pace allows; not what repeats an audited text.

        A repetition in the same channel is left to the floor: the same words were judged there already.
        """
        if self._doubts is None:
            return {}
        decided = self._rated(cases, verdicts)
        rated = [doubt for _, doubt in decided]
        chosen: Certain = {}
        for place in self.pace.begin(rated, chances, len(certain)):
            i, _ = decided[place]
            if not self.pace.allows_another:
                break
            if i in certain or not able[i] or _said(cases[i]) in self._audited_texts:
                continue
            if not self._bounds.left(cases[i]):
                continue
            self._remember([_said(cases[i])])
            self.pace.take_one()
            self._bounds.take(cases[i])
            chosen[i] = self._doubts.reason
        return chosen

    def _rated(self, cases: Sequence[Case], verdicts: Sequence[Verdict | None]) -> list[tuple[int, Doubt]]:
        """Return how doubtful each case with a plan is, of a user near his bound only as many as he has left.

        The rest of his doubts are out of the ranking too: they would else set a threshold that the others' never
        reach.
        """
        decided = [(i, v) for i, v in enumerate(verdicts) if v is not None and v.plan is not None]
        if self._doubts is None or not decided:
            return []
        doubts = self._doubts.of([cases[i] for i, _ in decided], [verdict for _, verdict in decided])
        by_user: dict[tuple[str, str | None], list[tuple[int, Doubt]]] = {}
        for (i, _), doubt in zip(decided, doubts, strict=True):
            by_user.setdefault((cases[i].channel, cases[i].user_id), []).append((i, doubt))
        kept: list[tuple[int, Doubt]] = []
        for own in by_user.values():
            most = self._bounds.most_of(cases[own[0][0]], len(own))
            kept += own if len(own) <= most else sorted(own, key=lambda each: -each[1].value)[:most]
        return sorted(kept, key=lambda each: each[0])

    def _remember(self, texts: Iterable[Said]) -> None:
        self._audited_texts.update(dict.fromkeys(texts))
        while len(self._audited_texts) > MANY_TEXTS:
            del self._audited_texts[next(iter(self._audited_texts))]


class _Till:
    """Both purses that an audit has to fit into: what audits may cost, and what the run may."""

    def __init__(self, spec: AuditSpec, pace: AuditPace, expert: Expert, purse: Purse) -> None:
        self._spec = spec
        self._pace = pace
        self._expert = expert
        self._purse = purse

    def affords(self, case: Case) -> bool:
        """Whether one more audit fits."""
        return self._pace.affords(_worst_usd(self._spec, case, self._expert)) and self._purse.may_audit(case)

    def reserve(self, case: Case) -> bool:
        """Set aside what an audit that fits may cost."""
        self._purse.reserve_audit(case)
        return self._pace.reserve(_worst_usd(self._spec, case, self._expert))


def _obligation(case: Case, verdict: Verdict | None) -> AuditReason | None:
    """Return why a case is audited whatever the policy thinks of it, null where it needn't be."""
    if verdict is not None and verdict.plan is None and verdict.not_judged is None:
        return AuditReason.BAD_REPLY
    if verdict is not None and verdict.must_audit is not None:
        return verdict.must_audit
    if case.addresses_moderator:
        return AuditReason.ADDRESSES_MODERATOR
    return AuditReason.MEMORY if _may_be_turned(case, verdict) else None


def _may_be_turned(case: Case, verdict: Verdict | None) -> bool:
    """Whether a sanction may be a memory's alone: nothing tells in the text, and nobody knows what is said without."""
    if verdict is None or verdict.plan is None or not verdict.plan.action.is_sanction:
        return False
    is_known = verdict.without_memory is not None and verdict.without_memory.action.is_sanction
    return bool(verdict.memory_ids) and not is_known and not evidence_of(case.signals)


def _worst_usd(spec: AuditSpec, case: Case, expert: Expert) -> float | None:
    """Return what auditing the case may cost at most, null where nobody knows; not reckoned without a budget."""
    return 0.0 if spec.usd is None else expert.worst_case_usd([case])


def _said(case: Case) -> Said:
    return case.channel, case.normalised


def _is_severe(sanction: Sanction, long_timeout_s: int) -> bool:
    if sanction.under_sanction:
        return False
    is_long = sanction.action == Action.TIMEOUT and (sanction.duration_s or 0) >= long_timeout_s
    return is_long or sanction.action == Action.BAN
