"""The Expert's interface: what audits some decisions, carefully. Implementations are its neighbours."""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Sequence

from moderation_pipeline.cases.case import Case
from moderation_pipeline.cases.verdict import Verdict
from moderation_pipeline.plan import Plan


class Expert(ABC):
    """Judges cases blind: it is shown the comment, its context and the rules, nothing that a config did."""

    @abstractmethod
    async def audit(self, cases: Sequence[Case]) -> list[Verdict]:
        """Return one verdict per case, in order; a bad reply is a verdict without a plan, no exception."""

    def worst_case_usd(self, cases: Sequence[Case]) -> float | None:  # noqa: ARG002
        """Return what auditing the cases may cost at most, at list price; null where no price is known."""
        return 0.0

    async def aclose(self) -> None:  # noqa: B027  (most Experts hold nothing open)
        """Close what is held open, in the event loop that used it; waits for calls that were paid for."""

    def can_audit(self, case: Case) -> bool:  # noqa: ARG002  (an Expert of labels knows only some cases)
        """Whether this Expert has anything to say about the case."""
        return True


class SeesStudent(ABC):
    """The ability of an Expert that is shown the Student's plans: anchored by them, on purpose."""

    @abstractmethod
    async def audit_beside(self, cases: Sequence[Case], proposed: Sequence[Plan | None]) -> list[Verdict]:
        """Audit with the Student's plans beside the cases; null where it has none."""


class AuditsByBatch(ABC):
    """The ability of an Expert whose audits only wait, once begun, until the loop can't go on without them."""

    @abstractmethod
    async def collected(self, audits: asyncio.Future[list[Verdict]]) -> list[Verdict]:
        """Return audits that were begun, or stop the run until they are there."""
