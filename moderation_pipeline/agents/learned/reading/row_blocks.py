"""Sparse rows put together from blocks of columns, a batch at a time.

Batches are small: what SciPy does to check a matrix and to stack several takes longer than the sums over it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix

Floats = NDArray[np.float64]


class Cells(NamedTuple):
    """A block of columns: the cells of all rows in turn, the column of each, and where each row begins and ends."""

    values: Floats
    columns: NDArray[np.int32]
    ends: NDArray[np.int64]
    width: int

    @classmethod
    def of(cls, matrix: csr_matrix) -> Cells:
        """Return the block of a matrix of SciPy's."""
        return cls(matrix.data, matrix.indices, matrix.indptr, matrix.shape[1])

    @property
    def matrix(self) -> csr_matrix:
        """The block as SciPy has it."""
        return csr_matrix((self.values, self.columns, self.ends), shape=(self.rows, self.width))

    @property
    def rows(self) -> int:
        """How many rows there are."""
        return len(self.ends) - 1

    @property
    def row_of_each(self) -> NDArray[np.int64]:
        """The row of each cell."""
        return np.repeat(np.arange(self.rows), np.diff(self.ends))

    def take(self, rows: NDArray[np.int64]) -> Cells:
        """Return some rows, in this order."""
        lengths = np.diff(self.ends)[rows]
        ends = ends_of(lengths)
        cells = np.arange(ends[-1]) + np.repeat(self.ends[rows] - ends[:-1], lengths)
        return Cells(self.values[cells], self.columns[cells], ends, self.width)


def cells_of(numbers: Floats) -> Cells:
    """Return what is not 0 of full rows."""
    rows, columns = np.nonzero(numbers)
    return Cells(
        numbers[rows, columns],
        columns.astype(np.int32),
        ends_of(np.bincount(rows, minlength=len(numbers))),
        numbers.shape[1],
    )


def ends_of(lengths: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return where rows of so many cells begin and end."""
    ends = np.zeros(len(lengths) + 1, dtype=np.int64)
    np.cumsum(lengths, out=ends[1:])
    return ends


def beside(blocks: Sequence[Cells]) -> Cells:
    """Return the blocks as one, each row's cells in the order of the blocks."""
    ends = np.sum([block.ends for block in blocks], axis=0)
    values, columns = np.empty(ends[-1]), np.empty(ends[-1], dtype=np.int32)
    begins, width = ends[:-1].copy(), 0
    for block in blocks:
        lengths = np.diff(block.ends)
        places = np.arange(len(block.values)) + np.repeat(begins - block.ends[:-1], lengths)
        values[places] = block.values
        columns[places] = block.columns + width
        begins += lengths
        width += block.width
    return Cells(values, columns, ends, width)
