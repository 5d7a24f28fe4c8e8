"""The columns of a dense index, which grow: row numbers, channels, who is active, and the vectors themselves."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from moderation_pipeline.memory.index import Numbers


class VectorColumns:
    """One place per row, in the order in which they came; places are never reused."""

    def __init__(self, dimensions: int, room: int = 64) -> None:
        self.size = 0
        self.retired = 0
        self._dimensions = dimensions
        self._rows: Numbers = np.zeros(room, dtype=np.int64)
        self._channels: Numbers = np.zeros(room, dtype=np.int64)
        self._is_active = np.zeros(room, dtype=np.bool_)
        self._vectors: NDArray[np.float32] | None = np.zeros((room, dimensions), dtype=np.float32)

    @property
    def rows(self) -> Numbers:
        """The row number at each place."""
        return self._rows[: self.size]

    @property
    def channels(self) -> Numbers:
        """The channel's code at each place."""
        return self._channels[: self.size]

    @property
    def is_active(self) -> NDArray[np.bool_]:
        """Whether the row at each place may be returned."""
        return self._is_active[: self.size]

    @property
    def vectors(self) -> NDArray[np.float32]:
        """The vector at each place."""
        if self._vectors is None:
            raise ValueError("These vectors were handed over to a graph, which has them.")
        return self._vectors[: self.size]

    def append(self, vectors: NDArray[np.float32], rows: Numbers, channels: Numbers) -> None:
        """Add active rows at the end; the vectors are kept unless they were handed over."""
        begin, end = self.size, self.size + len(rows)
        if end > len(self._rows):
            self._grow(max(end, 2 * len(self._rows)))
        self._rows[begin:end], self._channels[begin:end], self._is_active[begin:end] = rows, channels, True
        if self._vectors is not None:
            self._vectors[begin:end] = vectors
        self.size = end

    def retire(self, rows: Numbers) -> None:
        """Mark rows as not to be returned."""
        places = np.searchsorted(self.rows, rows)
        self.retired += int(self._is_active[places].sum())
        self._is_active[places] = False

    def hand_over(self) -> None:
        """Forget the vectors: something else holds them from now on."""
        self._vectors = None

    def _grow(self, room: int) -> None:
        more = room - len(self._rows)
        self._rows = np.concatenate([self._rows, np.zeros(more, dtype=np.int64)])
        self._channels = np.concatenate([self._channels, np.zeros(more, dtype=np.int64)])
        self._is_active = np.concatenate([self._is_active, np.zeros(more, dtype=np.bool_)])
        if self._vectors is not None:
            empty = np.zeros((more, self._dimensions), dtype=np.float32)
            self._vectors = np.concatenate([self._vectors, empty])
