"""The index's interface: which of the vectors kept are near the ones asked for. Its neighbours implement it.

An index knows rows (numbers that the store gives out in rising order) and vectors, nothing of memories.
Which of equally near rows comes first is the store's to say.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from moderation_pipeline.embedders.embedder import Vectors

DECIMALS = 5
"""Similarities are rounded to this, so that the order of additions can't decide which of two is nearer."""

Numbers = NDArray[np.int64]
Similarities = NDArray[np.float64]


class Hits(NamedTuple):
    """What was found: (query, row, similarity) as three columns, in no particular order."""

    query: Numbers
    row: Numbers
    similarity: Similarities

    def where(self, kept: NDArray[np.bool_]) -> Hits:
        """Return those of the hits that are kept."""
        return Hits(self.query[kept], self.row[kept], self.similarity[kept])

    def tuples(self) -> Iterator[tuple[int, int, float]]:
        """Yield (query, row, similarity), hit by hit."""
        return zip(self.query.tolist(), self.row.tolist(), self.similarity.tolist(), strict=True)


class Index(ABC):
    """Finds near vectors. Deterministic: the same calls in the same order give the same hits."""

    @abstractmethod
    def add(self, vectors: Vectors, rows: Numbers, channels: Numbers) -> None:
        """Take in vectors under row numbers of their own, higher than those there, and codes of channels."""

    @abstractmethod
    def retire(self, rows: Numbers) -> None:
        """Never return these rows again."""

    @abstractmethod
    def search(self, vectors: Vectors, channels: Numbers | None, *, least: float, top: int) -> Hits:
        """Return at least the `top` nearest rows of each query that are at least `least` similar.

        With `channels`, one code per query, only rows of the query's channel are returned. More than `top`
        may come back (ties always do, so that the store can break them by rules of its own).
        """

    @abstractmethod
    def pairs(self, vectors: Vectors, *, least: float) -> Hits:
        """Return which of these vectors are at least `least` similar to an earlier one of them (`row`)."""


def rounded(similarities: NDArray[np.floating]) -> Similarities:
    """Return similarities as they may be compared: rounded, and no more than 1."""
    return np.minimum(np.round(similarities.astype(np.float64), DECIMALS), 1.0)


def joined(parts: Sequence[Hits]) -> Hits:
    """Return the hits of all parts."""
    nothing = Hits(np.empty(0, np.int64), np.empty(0, np.int64), np.empty(0, np.float64))
    return parts[0] if len(parts) == 1 else Hits(*map(np.concatenate, zip(nothing, *parts, strict=True)))
