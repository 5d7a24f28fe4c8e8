"""The keyless Student: fast rules over the signals, and the votes of memories.

Every signal is evidence for a category, with the chance that a comment that shows it breaks the rule;
evidence adds up as independent chances. Careful reading (targets, quotes, negation, earlier lines) is
`careful_rules`'; counting is `signals`'; what memories say together is `memory.vote`'s.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from moderation_pipeline.agents.keyless.evidence import plan_from
from moderation_pipeline.agents.keyless.signal_evidence import (
    MANY_STRIKES,
    evidence_of,
    is_repeated,
    is_shouted,
    is_wall,
)
from moderation_pipeline.agents.keyless.speaking import not_spoken, why_not
from moderation_pipeline.agents.student import Student
from moderation_pipeline.cases.case import Case
from moderation_pipeline.cases.situation import Situation
from moderation_pipeline.cases.verdict import Contribution, Receipt, Verdict
from moderation_pipeline.config.run_config import VoteSpec
from moderation_pipeline.memory.turning import as_far_as_trusted
from moderation_pipeline.memory.vote import vote
from moderation_pipeline.text.signals import Signals

RECEIPT = Receipt(backend="rules")
"""Shared by every verdict of the rules: they cost nothing, and making one per comment would."""

DECIDING = Signals._fields.index("words")
"""Signals before this one decide; those from it on vary freely, and count only in the buckets of `_key`."""

LONG_WORDS = 12
"""From here on one bucket: nothing turns on how much longer a comment is."""

KNOWN_AT_MOST = 100_000
"""Verdicts remembered by their key; chats show a few thousand different ones."""


class RulesStudent(Student):
    """Decides by the signals of a comment, its user's strikes and, where it is clear, a vote of memories."""

    def __init__(self, spec: VoteSpec | None = None) -> None:
        self._vote_spec = spec or VoteSpec()
        self.hears_from = self._vote_spec.least_similarity
        self._known: dict[tuple[float | str | None, ...], Verdict] = {}

    async def decide(self, cases: Sequence[Case], situations: Sequence[Situation]) -> list[Verdict]:
        """Return one verdict per case, in order."""
        return [self._decide(case, situation) for case, situation in zip(cases, situations, strict=True)]

    def _decide(self, case: Case, situation: Situation) -> Verdict:
        strikes = situation.standing.strikes
        unspoken = not_spoken(case.language)
        key = (*_key(case, strikes), unspoken)
        verdict = self._known.get(key)
        if verdict is None:
            verdict = _unless_unspoken(_verdict(case, strikes), unspoken)
            if len(self._known) < KNOWN_AT_MOST:
                self._known[key] = verdict
        return self._with_vote(verdict, situation) if situation.recalled else verdict

    def _with_vote(self, verdict: Verdict, situation: Situation) -> Verdict:
        """Let near memories overrule the rules where they are surer, as far as memories may: an Expert taught them."""
        outcome = vote(situation.recalled, self._vote_spec)
        if outcome is None or verdict.plan is None or outcome.plan.confidence <= verdict.plan.confidence:
            return verdict
        if outcome.plan.agrees_with(verdict.plan):
            plan = replace(verdict.plan, confidence=outcome.plan.confidence)
        else:
            plan = replace(outcome.plan, reasoning=f"Like what was audited before: {outcome.plan.reasoning}")
        spoken = tuple(
            Contribution("memory", memory_id, round(outcome.margin, 3)) for memory_id in outcome.memory_ids
        )
        turned = replace(
            verdict,
            plan=plan,
            confidence_source="memory",
            memory_ids=outcome.memory_ids,
            without_memory=verdict.plan,
            explanation=(*verdict.explanation, *spoken),
            not_judged=None,
        )
        return as_far_as_trusted(turned, verdict, situation.recalled)


def _unless_unspoken(verdict: Verdict, unspoken: str | None) -> Verdict:
    """Return the verdict; one that found nothing in a language that isn't spoken says that it is none."""
    if unspoken is None or verdict.plan is None or verdict.plan.is_violation:
        return verdict
    return replace(verdict, not_judged=why_not(unspoken))


def _key(case: Case, strikes: int) -> tuple[float, ...]:
    """Return everything that the rules look at, coarsely, so that like comments share one verdict."""
    signals = case.signals
    return (
        *signals[:DECIDING],
        min(signals.words, LONG_WORDS) if is_repeated(signals) else 0,
        is_shouted(signals),
        is_wall(signals),
        strikes if strikes < MANY_STRIKES else MANY_STRIKES,
        case.is_moderator or case.is_broadcaster,
    )


def _verdict(case: Case, strikes: int) -> Verdict:
    evidence = evidence_of(case.signals, strikes=strikes, is_trusted=case.is_moderator or case.is_broadcaster)
    explanation = tuple(Contribution("signal", piece.reason, round(piece.weight, 3)) for piece in evidence)
    return Verdict(plan_from(evidence), RECEIPT, explanation=explanation)
