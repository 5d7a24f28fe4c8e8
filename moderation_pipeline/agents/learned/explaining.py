"""Why a head decided as it did: the features that weighed most, and the memories that turned it.

A head hears memories as two numbers, what speaks for a violation and what against. A memory is in the row's
`memory_ids` only where the decision would have been another without any; all others are judged by what they
proposed (`MemoryStore.account_heard`), so that they earn trust before anything depends on them.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix

from moderation_pipeline.cases.situation import Recalled
from moderation_pipeline.cases.verdict import Contribution, Verdict
from moderation_pipeline.plan import Plan

EXPLAINED = 4
"""Features named in a decision's row."""

FOR, AGAINST = "memory_for", "memory_against"
"""The two features that memories are heard as (`reading/features.py`)."""


def explained(
    weights: NDArray[np.float64], rows: csr_matrix, names: Sequence[str]
) -> list[tuple[Contribution, ...]]:
    """Return, for each row, the features that weighed most, for or against a violation; of equals the first."""
    weighed = rows.data * weights[rows.indices]
    every = np.arange(rows.shape[0])
    lengths = np.diff(rows.indptr)
    left = np.zeros((len(every), lengths.max(initial=1)))
    left[np.repeat(every, lengths), np.arange(len(weighed)) - np.repeat(rows.indptr[:-1], lengths)] = np.abs(
        weighed
    )
    found: list[list[Contribution]] = [[] for _ in every]
    for _ in range(EXPLAINED):
        most = left.argmax(axis=1)
        some = np.flatnonzero(left[every, most])
        left[every, most] = 0
        cells = (rows.indptr[:-1] + most)[some]
        for row, column, weight in zip(
            some.tolist(), rows.indices[cells].tolist(), weighed[cells].tolist(), strict=True
        ):
            found[row].append(Contribution("feature", names[column], round(weight, 3)))
    return [tuple(each) for each in found]


def with_memories(verdict: Verdict, recalled: Sequence[Recalled], without: Plan | None) -> Verdict:
    """Return the verdict with its memories named: in the explanation where they weighed, as turning it where they did.

    `without` is what would have been decided had nothing been recalled.
    """
    explanation = tuple(
        part for each in verdict.explanation for part in (_by_memory(each, recalled) or (each,))
    )
    verdict = replace(verdict, explanation=explanation)
    if verdict.plan is None or without is None or verdict.plan.agrees_with(without):
        return verdict
    return replace(verdict, memory_ids=tuple(memory.memory_id for memory in recalled), without_memory=without)


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
