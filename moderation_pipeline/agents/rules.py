"""The keyless Student: fast rules over the signals, and the votes of memories.

Every signal adds evidence for a category; evidence adds up as independent chances (noisy or). Careful reading
(targets, quotes, negation, earlier lines) is `careful_rules`'; counting is `signals`'.
"""

from __future__ import annotations

from collections.abc import Sequence

from moderation_pipeline.agents.case import Case
from moderation_pipeline.agents.evidence import Evidence, plan_from
from moderation_pipeline.agents.plan import Category
from moderation_pipeline.agents.signals import Signals
from moderation_pipeline.agents.student import Situation, Student
from moderation_pipeline.agents.verdict import Receipt, Verdict

RECEIPT = Receipt(backend="rules")
FIELDS_THAT_COUNT = Signals._fields.index("words")
"""The signals before `words` decide; the rest only describe. A key of them alone repeats often."""


class RulesStudent(Student):
    """Decides by the signals of a comment alone, and by its memories where it has any."""

    def __init__(self) -> None:
        self._known: dict[tuple[float, ...], Verdict] = {}

    async def decide(self, cases: Sequence[Case], situations: Sequence[Situation]) -> list[Verdict]:
        """Return one verdict per case, in order."""
        return [self._decide(case, situation) for case, situation in zip(cases, situations, strict=True)]

    def _decide(self, case: Case, situation: Situation) -> Verdict:
        key = case.signals[:FIELDS_THAT_COUNT]
        verdict = self._known.get(key)
        if verdict is None:
            verdict = Verdict(plan_from(evidence_of(case.signals)), RECEIPT)
            self._known[key] = verdict
        return verdict


def evidence_of(signals: Signals) -> list[Evidence]:
    """Return what the signals say, one piece of evidence per kind of signal."""
    found = []
    for name, category, weight in WEIGHTS:
        if getattr(signals, name):
            found.append(Evidence(category, weight, name))
    return found


WEIGHTS = (
    ("taunt", Category.HARASSMENT, 0.7),
    ("insult_mild", Category.HARASSMENT, 0.7),
    ("insult_strong", Category.HARASSMENT, 0.9),
    ("dismissal", Category.HARASSMENT, 0.9),
    ("report_call", Category.HARASSMENT, 0.3),
    ("profanity", Category.HARASSMENT, 0.6),
    ("slur", Category.HATE, 0.92),
    ("slur_ambiguous", Category.HATE, 0.5),
    ("sexual", Category.SEXUAL, 0.6),
    ("sexual_strong", Category.SEXUAL, 0.85),
    ("threat", Category.THREAT, 0.85),
    ("self_harm_incitement", Category.THREAT, 0.9),
    ("self_harm", Category.SELF_HARM, 0.9),
    ("spam_phrase", Category.SPAM, 0.8),
    ("links", Category.SPAM, 0.6),
    ("personal_information", Category.PERSONAL_INFORMATION, 0.7),
    ("phones", Category.PERSONAL_INFORMATION, 0.85),
    ("emails", Category.PERSONAL_INFORMATION, 0.8),
    ("ip_addresses", Category.PERSONAL_INFORMATION, 0.8),
    ("street_addresses", Category.PERSONAL_INFORMATION, 0.8),
)
