"""The keyless Expert: careful rules over the comment and the lines around it.

It reads where the fast rules count: disguises and slips, whom something is aimed at, quotation and
counter-speech, negation, reclaimed and gaming use, what is said about groups of people, and (in
`earlier_lines`) what came before. What was developed on what: the weights on the train split of CONDA, the
reading of hate on a half of HateCheck's templates and on its list of functionalities (Röttger et al.
2021); `benchmarks/keyless_quality.py` reports the rest apart.
"""

from __future__ import annotations

from collections.abc import Sequence

from moderation_pipeline.agents.expert import Expert
from moderation_pipeline.agents.keyless.close_reading import text_evidence
from moderation_pipeline.agents.keyless.customary import weighed
from moderation_pipeline.agents.keyless.earlier_lines import evidence_of_earlier_lines
from moderation_pipeline.agents.keyless.evidence import Evidence, plan_from
from moderation_pipeline.agents.keyless.signal_evidence import WEIGHTS, as_trusted, flood_evidence, leanings
from moderation_pipeline.agents.keyless.speaking import not_spoken, unless_unspoken
from moderation_pipeline.cases.case import Case
from moderation_pipeline.cases.verdict import Contribution, Receipt, Verdict
from moderation_pipeline.text.names import emote_names
from moderation_pipeline.text.patterns import PATTERNS

RECEIPT = Receipt(backend="careful_rules")


class CarefulRulesExpert(Expert):
    """Audits by reading what the fast rules only count."""

    async def audit(self, cases: Sequence[Case]) -> list[Verdict]:
        """Return one verdict per case, in order."""
        return [self._audit(case) for case in cases]

    def _audit(self, case: Case) -> Verdict:
        text = text_evidence(
            case.normalised,
            is_reply=case.reply_to is not None,
            is_believed=not case.addresses_moderator,
            language=case.language,
            names=emote_names(case.text),
        )
        if case.signals.emote_ez:
            text = tuple(piece for piece in text if not piece.reason.startswith("a taunt"))
        evidence = [*text, *_counted(case)]
        evidence += evidence_of_earlier_lines(case, evidence)
        if case.is_moderator or case.is_broadcaster:
            evidence = as_trusted(evidence)
        told = weighed(evidence, case.custom)
        explanation = tuple(
            Contribution("signal", piece.reason, round(piece.weight, 3)) for piece in told.evidence
        )
        verdict = Verdict(plan_from(*told), RECEIPT, explanation=explanation)
        return unless_unspoken(verdict, not_spoken(case)).standing


def _counted(case: Case) -> list[Evidence]:
    """Return the signals that are patterns or floods, not words: taken as the fast rules take them."""
    found = [
        Evidence(weight.category, weight.once, weight.reason, weight.signal)
        for weight in WEIGHTS
        if weight.signal in PATTERNS and getattr(case.signals, weight.signal)
    ]
    found += flood_evidence(case.signals)
    return found + leanings(case.signals, found, is_newcomer=case.is_newcomer) if found else found
