"""The keyless Student: fast rules over the signals, and the votes of memories.

Every signal is evidence for a category, with the chance that a comment that shows it breaks the rule; evidence adds up
as independent chances, and tells less where it is usual (`customary`). Careful reading (targets, quotes, negation,
earlier lines) is `careful_rules`'; counting is `signals`'; what memories say together is `memory.vote`'s.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import NamedTuple

from moderation_pipeline.agents.keyless.customary import weighed
from moderation_pipeline.agents.keyless.evidence import Evidence, plan_from
from moderation_pipeline.agents.keyless.signal_evidence import KNOWN_AT_MOST, coarse, evidence_of
from moderation_pipeline.agents.keyless.speaking import not_spoken, unless_unspoken
from moderation_pipeline.agents.student import Student
from moderation_pipeline.cases.case import Case
from moderation_pipeline.cases.situation import Situation
from moderation_pipeline.cases.verdict import Contribution, Receipt, Verdict
from moderation_pipeline.config.run_config import VoteSpec
from moderation_pipeline.memory.turning import as_far_as_trusted
from moderation_pipeline.memory.vote import vote

RECEIPT = Receipt(backend="rules")
"""Shared by every verdict of the rules: they cost nothing, and making one per comment would."""


class _Known(NamedTuple):
    """What was found in comments of one key, and the verdict where nothing is taken off it."""

    evidence: list[Evidence]
    verdict: Verdict


class RulesStudent(Student):
    """Decides by the signals of a comment, how usual they are, and, where it is clear, a vote of memories."""

    def __init__(self, spec: VoteSpec | None = None) -> None:
        self._vote_spec = spec or VoteSpec()
        self.hears_from = self._vote_spec.least_similarity
        self._known: dict[tuple[float | str | None, ...], _Known] = {}

    async def decide(self, cases: Sequence[Case], situations: Sequence[Situation]) -> list[Verdict]:
        """Return one verdict per case, in order."""
        return [self._decide(case, situation) for case, situation in zip(cases, situations, strict=True)]

    def _decide(self, case: Case, situation: Situation) -> Verdict:
        unspoken = not_spoken(case)
        evidence, verdict = self._read(case, unspoken, is_newcomer=False)
        if evidence and (custom := case.custom) is not None:
            if custom.is_newcomer:
                evidence, verdict = self._read(case, unspoken, is_newcomer=True)
            told = weighed(evidence, custom)
            if told.note or told.evidence != evidence:
                verdict = unless_unspoken(_verdict(*told), unspoken)
        return self._with_vote(verdict, situation) if situation.recalled else verdict

    def _read(self, case: Case, unspoken: str | None, *, is_newcomer: bool) -> _Known:
        """Return the evidence in a case, and the verdict where nothing is taken off it."""
        is_trusted = case.is_moderator or case.is_broadcaster
        key = (*coarse(case.signals), is_trusted, is_newcomer, unspoken)
        known = self._known.get(key)
        if known is None:
            evidence = evidence_of(case.signals, is_trusted=is_trusted, is_newcomer=is_newcomer)
            known = _Known(evidence, unless_unspoken(_verdict(evidence), unspoken))
            if len(self._known) < KNOWN_AT_MOST:
                self._known[key] = known
        return known

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


def _verdict(evidence: Sequence[Evidence], at_most: float = 1.0, note: str = "") -> Verdict:
    explanation = tuple(Contribution("signal", piece.reason, round(piece.weight, 3)) for piece in evidence)
    return Verdict(plan_from(evidence, at_most, note), RECEIPT, explanation=explanation)
