"""A batch of sparse queries, each split in two: its rare terms find candidates, its common ones score them.

Most of what a multiplication with all rows adds up is common terms, which decide little: they weigh little,
and nearly every row has some. Terms are sorted into bands by how many rows have them. Of each query, the bands
of the commonest terms are set aside as long as they are shorter (as a vector) than the least similarity asked
for. Rows have length 1, so by the inequality of Cauchy and Schwarz a row that shares none of the other terms
can't be near enough (prefix filtering: Bayardo, Ma, Srikant 2007, *Scaling up all pairs similarity search*);
and since the length of every row's common bands is known too, few candidates are left to be scored in full.
Nothing near is missed, however many rows there are; time grows with them (docs/measured.md).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix

from moderation_pipeline.memory.index import Numbers
from moderation_pipeline.memory.sparse_rows import Floats, SparseRows

BANDS = 24
"""Band b holds the terms that 2^b - 1 to 2^(b + 1) - 2 rows have; the last is that of 8 million rows and more."""
SLACK = 0.95
"""How near the length of what is set aside may come to the least similarity: nearer, less is read, but more
candidates are left to be ruled out one by one. At 5,000 memories and a least similarity of .5, slacks of .6,
.8 and .95 read 136, 92 and 67 thousand postings a batch and leave 220, 250 and 290 candidates; at .8 they read
66, 32 and 15 thousand and leave 50, 60 and 90."""
MARGIN = 1e-4
"""For sums of 32-bit numbers that come out a little low."""

Bands = NDArray[np.int64]


def bands_of(frequency: Numbers) -> Bands:
    """Return the band of terms that so many rows have."""
    return np.minimum(np.log2(frequency + 1).astype(np.int64), BANDS - 1)


def lengths_from_band(weights: SparseRows, band: Bands) -> Floats:
    """Return, per row and band, the length of the row's terms of that band and the commoner ones."""
    squares = _by_band(weights, band, weights.values**2)
    return np.sqrt(np.cumsum(squares[:, ::-1], axis=1)[:, ::-1]).astype(np.float32)


@dataclass(frozen=True, slots=True)
class Candidates:
    """Rows (by their place in a segment) that may be near, each with the query that it may be near to."""

    query: Numbers
    place: Numbers

    def where(self, kept: NDArray[np.bool_]) -> Candidates:
        """Return those that are kept."""
        return self if kept.all() else Candidates(self.query[kept], self.place[kept])


@dataclass(frozen=True, slots=True)
class Queries:
    """Queries split in two. `common_from` is the first band set aside, `reach` the length of what was."""

    weights: SparseRows
    rare: csr_matrix
    common_from: Numbers
    reach: Floats
    least: float

    def candidates(self, by_term: csr_matrix, lengths: Floats) -> Candidates:
        """Return the rows of a segment (terms x rows; `lengths_from_band` of them) that may be near enough."""
        product = self.rare @ by_term
        enough = np.float32(self.least - MARGIN)
        # The length of a row's common bands is 1 at most: one number per query rules most entries out at once.
        found = np.flatnonzero(product.data >= np.repeat(enough - self.reach, np.diff(product.indptr)))
        query = np.searchsorted(product.indptr, found, side="right") - 1
        place, partial = product.indices[found], product.data[found]
        common = self.reach[query] * lengths[place, self.common_from[query]]
        return Candidates(query, place).where(partial + common >= enough)


def prepared(weights: SparseRows, band: Bands, *, terms: int, least: float) -> Queries:
    """Return the queries split, by their weights; there are `terms` terms in all."""
    lengths = lengths_from_band(weights, band)
    common_from = np.argmax(lengths <= SLACK * least, axis=1)
    is_rare = band[weights.terms] < common_from[weights.row_of_entry]
    return Queries(
        weights=weights,
        rare=weights.entries(is_rare).matrix(terms),
        common_from=common_from,
        reach=lengths[np.arange(weights.count), common_from],
        least=least,
    )


def _by_band(rows: SparseRows, band: Bands, values: Floats | Numbers) -> NDArray[np.float64]:
    """Return the sums of the values by row and band."""
    places = rows.row_of_entry * BANDS + band[rows.terms]
    sums = np.bincount(places, weights=values.astype(np.float64), minlength=rows.count * BANDS)
    return np.asarray(sums.reshape(-1, BANDS), dtype=np.float64)
