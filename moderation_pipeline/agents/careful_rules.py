"""The keyless Expert: careful rules over the comment and the lines around it."""

from __future__ import annotations

from collections.abc import Sequence

from moderation_pipeline.agents.case import Case
from moderation_pipeline.agents.evidence import plan_from
from moderation_pipeline.agents.expert import Expert
from moderation_pipeline.agents.rules import evidence_of
from moderation_pipeline.agents.verdict import Receipt, Verdict

RECEIPT = Receipt(backend="careful_rules")


class CarefulRulesExpert(Expert):
    """Audits by reading what the fast rules only count."""

    async def audit(self, cases: Sequence[Case]) -> list[Verdict]:
        """Return one verdict per case, in order."""
        return [Verdict(plan_from(evidence_of(case.signals)), RECEIPT) for case in cases]
