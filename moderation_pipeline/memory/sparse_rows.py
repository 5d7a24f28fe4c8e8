"""Rows of term numbers and values, as CSR's three parts: what the inverted index keeps and computes with.

SciPy's matrices check themselves whenever they are made, which costs more than the work on a small one; they
are made here only where SciPy is to multiply.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix

Floats = NDArray[np.float32]
Terms = NDArray[np.int32]


@dataclass(frozen=True, slots=True)
class SparseRows:
    """Row r has `values[pointers[r]:pointers[r + 1]]` for the terms at the same places; no row is empty."""

    values: Floats
    terms: Terms
    pointers: Terms

    @property
    def count(self) -> int:
        """How many rows there are."""
        return len(self.pointers) - 1

    @property
    def row_of_entry(self) -> NDArray[np.int64]:
        """The row that each entry belongs to."""
        return np.repeat(np.arange(self.count), np.diff(self.pointers))

    def matrix(self, terms: int) -> csr_matrix:
        """Return the rows as SciPy's matrix with so many columns."""
        return csr_matrix((self.values, self.terms, self.pointers), shape=(self.count, terms))

    def with_values(self, values: Floats) -> SparseRows:
        """Return the same entries with other values."""
        return SparseRows(values, self.terms, self.pointers)

    def unit(self) -> SparseRows:
        """Return the rows scaled to length 1."""
        lengths = np.sqrt(np.add.reduceat(self.values**2, self.pointers[:-1]))
        return self.with_values(self.values / np.repeat(lengths, np.diff(self.pointers)))

    def entries(self, kept: NDArray[np.bool_]) -> SparseRows:
        """Return the entries that are kept; rows may become empty."""
        before = np.zeros(len(kept) + 1, dtype=np.int32)
        np.cumsum(kept, out=before[1:])
        return SparseRows(self.values[kept], self.terms[kept], before[self.pointers])

    def take(self, rows: NDArray[np.int64]) -> SparseRows:
        """Return some rows, in this order."""
        lengths = np.diff(self.pointers)[rows]
        pointers = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int32)
        entries = np.arange(pointers[-1]) + np.repeat(self.pointers[rows] - pointers[:-1], lengths)
        return SparseRows(self.values[entries], self.terms[entries], pointers)


def stacked(above: SparseRows, below: SparseRows) -> SparseRows:
    """Return the rows of both, those of `above` first."""
    return SparseRows(
        np.concatenate([above.values, below.values]),
        np.concatenate([above.terms, below.terms]),
        np.concatenate([above.pointers, below.pointers[1:] + above.pointers[-1]]),
    )
