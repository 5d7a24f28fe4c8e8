"""An index over dense unit vectors, as sentence encoders make them: exact, by one matrix product."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from moderation_pipeline.backends.embedder import Vectors
from moderation_pipeline.memory.index import Hits, Index, Numbers, rounded


class DenseIndex(Index):
    """Exact nearest rows by cosine."""

    def __init__(self, dimensions: int) -> None:
        self._vectors: NDArray[np.float32] = np.zeros((64, dimensions), dtype=np.float32)
        self._rows: Numbers = np.zeros(64, dtype=np.int64)
        self._channels: Numbers = np.zeros(64, dtype=np.int64)
        self._is_active = np.zeros(64, dtype=np.bool_)
        self._size = 0

    def add(self, vectors: Vectors, rows: Numbers, channels: Numbers) -> None:
        """Take in unit vectors."""
        begin, end = self._size, self._size + len(rows)
        while end > len(self._rows):
            self._vectors, self._rows, self._channels, self._is_active = (
                np.concatenate([column, np.zeros_like(column)])
                for column in (self._vectors, self._rows, self._channels, self._is_active)
            )
        self._vectors[begin:end] = _dense(vectors)
        self._rows[begin:end], self._channels[begin:end], self._is_active[begin:end] = rows, channels, True
        self._size = end

    def retire(self, rows: Numbers) -> None:
        """Never return these rows again."""
        self._is_active[np.searchsorted(self._rows[: self._size], rows)] = False

    def search(self, vectors: Vectors, channels: Numbers | None, *, least: float, top: int) -> Hits:  # noqa: ARG002
        """Return every active row that is near enough."""
        similarity = rounded(_dense(vectors) @ self._vectors[: self._size].T)
        near = (similarity >= least) & self._is_active[: self._size]
        if channels is not None:
            near &= channels[:, None] == self._channels[: self._size]
        query, place = np.nonzero(near)
        return Hits(query, self._rows[place], similarity[query, place])

    def pairs(self, vectors: Vectors, *, least: float) -> Hits:
        """Return which of these vectors are near an earlier one."""
        dense = _dense(vectors)
        similarity = np.tril(rounded(dense @ dense.T), -1)
        query, row = np.nonzero(similarity >= least)
        return Hits(query, row, similarity[query, row])


def _dense(vectors: Vectors) -> NDArray[np.float32]:
    if not isinstance(vectors, np.ndarray):
        raise TypeError(f"A dense index takes arrays, not {type(vectors).__name__}: wrong embedder?")
    return vectors
