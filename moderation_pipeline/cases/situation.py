"""What only Students may know about a case (law 3), and what they are taught: standing, memories, lessons."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from moderation_pipeline.cases.audit_reason import AuditReason
from moderation_pipeline.cases.case import Case
from moderation_pipeline.cases.verdict import Verdict
from moderation_pipeline.plan import Plan


class Standing(NamedTuple):
    """What this run did to a user so far: unexpired strikes; the sanction in force (None, timeout, ban)."""

    strikes: int
    sanction: str | None


class Recalled(NamedTuple):
    """A memory retrieved for a case: `similarity` in [0, 1] of its state to the case's.

    `support` counts the users whose comments taught it, `helped` and `harmed` what later audits said of it.
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
    is_contained: bool = True
    """Whether the case says every word that the memory does, and bears every mark of its context."""
    is_same: bool = True
    """Whether the case's state is the memory's."""

    @property
    def speaks(self) -> bool:
        """Whether it says something of the case: what is sanctioned may be the very word that the case doesn't say."""
        return self.is_contained or not self.plan.is_violation


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
    audit_reason: AuditReason
