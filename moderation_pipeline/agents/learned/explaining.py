"""Why a head decided as it did: the features that weighed most, and the memories that turned it.

A head hears memories as two numbers, what speaks for a violation and what against. A memory is in the row's
`memory_ids` only where the decision would have been another without any; all others are judged by what they
proposed (`MemoryStore.account_heard`), so that they earn trust before anything depends on them.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from moderation_pipeline.agents.learned.reading.row_blocks import Cells
from moderation_pipeline.cases.situation import Recalled
from moderation_pipeline.cases.verdict import Contribution

EXPLAINED = 4
"""Features named in a decision's row."""

FOR, AGAINST = "memory_for", "memory_against"
"""The two features that memories are heard as (`reading/features.py`)."""


def explained(
    weights: NDArray[np.float64], rows: Cells, names: Sequence[str]
) -> list[tuple[Contribution, ...]]:
    """Return, for each row, the features that weighed most, for or against a violation; of equals the first."""
    weighed = rows.values * weights[rows.columns]
    every, begins, row = np.arange(rows.rows), rows.ends[:-1], rows.row_of_each
    left = np.zeros((len(every), np.diff(rows.ends).max(initial=1)))
    left[row, np.arange(len(weighed)) - begins[row]] = np.abs(weighed)
    found: list[list[Contribution]] = [[] for _ in every]
    for _ in range(EXPLAINED):
        most = left.argmax(axis=1)
        some = np.flatnonzero(left[every, most])
        left[every, most] = 0
        cells = (begins + most)[some]
        for place, column, weight in zip(
            some.tolist(), rows.columns[cells].tolist(), weighed[cells].tolist(), strict=True
        ):
            found[place].append(Contribution("feature", names[column], round(weight, 3)))
    return [tuple(each) for each in found]


def by_memories(
    explanation: tuple[Contribution, ...], recalled: Sequence[Recalled]
) -> tuple[Contribution, ...]:
    """Return the explanation with the features of memories as the memories they are made of."""
    if all(each.name not in (FOR, AGAINST) for each in explanation):
        return explanation
    return tuple(part for each in explanation for part in (_by_memory(each, recalled) or (each,)))


def _by_memory(each: Contribution, recalled: Sequence[Recalled]) -> tuple[Contribution, ...]:
    """Return a feature of memories as the memories it is made of, each with its share of the weight."""
    if each.name not in (FOR, AGAINST):
        return ()
    speaking = [memory for memory in recalled if memory.plan.is_violation == (each.name == FOR)]
    return tuple(_shares(each.weight, speaking))


def _shares(weight: float, speaking: Sequence[Recalled]) -> Iterator[Contribution]:
    whole = sum(memory.similarity for memory in speaking)
    for memory in speaking:
        yield Contribution("memory", memory.memory_id, round(weight * memory.similarity / whole, 3))
