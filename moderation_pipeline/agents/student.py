"""The Student's interface: what decides every comment, quickly. Implementations are its neighbours."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence

from moderation_pipeline.cases.case import Case
from moderation_pipeline.cases.situation import Lesson, Situation
from moderation_pipeline.cases.verdict import Verdict


class Student(ABC):
    """Decides every comment of a batch."""

    hears_from: float = 0.0
    """The similarity from which a memory can make a difference: those less near needn't be looked for."""

    reads_vectors: bool = False
    """Whether a case's embedding is of use to it."""

    @property
    def learns(self) -> bool:
        """Whether audits may change what it decides: whether it hears of them. One that doesn't may be asked ahead."""
        return type(self).learn is not Student.learn

    @abstractmethod
    async def decide(self, cases: Sequence[Case], situations: Sequence[Situation]) -> list[Verdict]:
        """Return one verdict per case, in order; a bad reply is a verdict without a plan, no exception."""

    def worst_case_usd(
        self,
        cases: Sequence[Case],  # noqa: ARG002
        situations: Sequence[Situation],  # noqa: ARG002
    ) -> float | None:
        """Return what deciding the batch may cost at most, at list price; null where no price is known."""
        return 0.0

    async def aclose(self) -> None:  # noqa: B027  (most Students hold nothing open)
        """Close what is held open, in the event loop that used it; waits for calls that were paid for."""

    def learn(self, lessons: Sequence[Lesson]) -> None:  # noqa: B027  (most Students do not learn)
        """Take in the audits of one batch, in stream order. Students that don't learn ignore them."""
