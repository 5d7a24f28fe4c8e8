"""The Expert's interface: what audits some decisions, carefully. Implementations are its neighbours."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence

from moderation_pipeline.agents.case import Case
from moderation_pipeline.agents.verdict import Verdict


class Expert(ABC):
    """Judges cases blind: it is shown the comment, its context and the rules, nothing that a config did."""

    @abstractmethod
    async def audit(self, cases: Sequence[Case]) -> list[Verdict]:
        """Return one verdict per case, in order; a bad reply is a verdict without a plan, no exception."""

    def can_audit(self, case: Case) -> bool:  # noqa: ARG002  (an Expert of labels knows only some cases)
        """Whether this Expert has anything to say about the case."""
        return True
