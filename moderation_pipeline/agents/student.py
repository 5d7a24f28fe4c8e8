"""The Student's interface: what decides every comment, quickly. Implementations are its neighbours."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from moderation_pipeline.agents.case import Case
from moderation_pipeline.agents.plan import Plan
from moderation_pipeline.agents.verdict import Verdict


class Standing(NamedTuple):
    """What this run did to a user so far: unexpired strikes; the sanction in force (None, timeout, ban)."""

    strikes: int
    sanction: str | None


class Recalled(NamedTuple):
    """A memory retrieved for a case: `similarity` in [0, 1] of its state to the case's.

    `support` counts the disagreements that taught it, `helped` and `harmed` what later audits said of it.
    `overruled_by` are the near-duplicates that say something else, and behind which there is a newer audit.
    """

    memory_id: str
    similarity: float
    support: int
    state: str
    plan: Plan
    helped: int = 0
    harmed: int = 0
    overruled_by: tuple[str, ...] = ()


def leading(recalled: Sequence[Recalled]) -> list[Recalled]:
    """Return the memories without those beside which a newer one that contradicts them was recalled."""
    names = {memory.memory_id for memory in recalled}
    return [memory for memory in recalled if names.isdisjoint(memory.overruled_by)]


@dataclass(frozen=True, slots=True)
class Situation:
    """What only Students may know about a case (law 3): the user's standing, and what memory recalls.

    `vector` is the case's embedding, where a dense embedder is configured and the Student reads it.
    """

    standing: Standing
    recalled: tuple[Recalled, ...] = ()
    vector: Sequence[float] = ()


@dataclass(frozen=True, slots=True)
class Lesson:
    """An audited case, for Students that learn: what was decided, what the Expert said, and how it was chosen."""

    case: Case
    situation: Situation
    decided: Verdict
    audited: Verdict
    audit_probability: float
    audit_reason: str


class Student(ABC):
    """Decides every comment of a batch."""

    hears_from: float = 0.0
    """The similarity from which a memory can make a difference: those less near needn't be looked for."""

    reads_vectors: bool = False
    """Whether a case's embedding is of use to it."""

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
