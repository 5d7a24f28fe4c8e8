"""An inverted index over sparse counts, weighted by TF-IDF as they are written and asked; SciPy multiplies.

Weight of a term: (1 + ln count) · (1 + ln((1 + n) / (1 + rows with the term))), rows of length 1, as
scikit-learn's `TfidfVectorizer(sublinear_tf=True)` has it. The frequencies are those of the last
*reweighing*, which is due when as many rows were written since as half of those it saw: so the cost per
write stays constant, and what is nearest depends on nothing but the calls made.

Rows lie in segments that are merged as they grow (each several times the next), so that a write touches a
small one; all are searched. How a query is split into what finds candidates and what only scores them is
`sparse_queries.py`'s.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import reduce
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix

from moderation_pipeline.embedders.embedder import Vectors
from moderation_pipeline.memory.index import Hits, Index, Numbers, joined, rounded
from moderation_pipeline.memory.sparse_products import Columns, products
from moderation_pipeline.memory.sparse_queries import Bands, Queries, bands_of, lengths_from_band, prepared
from moderation_pipeline.memory.sparse_rows import Floats, SparseRows, stacked

REWEIGH_GROWTH = 0.5
SMALL_SEGMENT = 512
"""Rows below which a segment is rebuilt at each write rather than searched apart."""
SEGMENT_RATIO = 6

UNKNOWN = 0
"""The term number of what no row has; known terms are numbered from 1."""


@dataclass(frozen=True, slots=True)
class _Rows:
    """Rows with their counts, their weights, and how long the common part of each is; not yet searchable."""

    numbers: Numbers
    counts: SparseRows
    weights: SparseRows
    lengths: Floats

    def then(self, later: _Rows) -> _Rows:
        """Return these rows followed by others."""
        return _Rows(
            np.concatenate([self.numbers, later.numbers]),
            stacked(self.counts, later.counts),
            stacked(self.weights, later.weights),
            np.concatenate([self.lengths, later.lengths]),
        )

    def where(self, kept: NDArray[np.bool_]) -> _Rows:
        """Return those that are kept."""
        if kept.all():
            return self
        places = np.flatnonzero(kept)
        return _Rows(
            self.numbers[places], self.counts.take(places), self.weights.take(places), self.lengths[places]
        )


@dataclass(frozen=True, slots=True)
class _Segment:
    """Rows that are searched together, and their weights by term."""

    rows: _Rows
    by_term: csr_matrix

    @property
    def size(self) -> int:
        """How many rows it has, retired ones too."""
        return len(self.rows.numbers)

    def widen(self, terms: int) -> None:
        """Make room for terms that were learnt since."""
        if self.by_term.shape[0] != terms:
            self.by_term.resize(terms, self.size)


class _Found(NamedTuple):
    """Rows that may be near, by number and weights, and for each the query that it may be near to."""

    query: Numbers
    numbers: Numbers
    weights: SparseRows

    def then(self, more: _Found) -> _Found:
        """Return these and more."""
        return _Found(
            np.concatenate([self.query, more.query]),
            np.concatenate([self.numbers, more.numbers]),
            stacked(self.weights, more.weights),
        )


class SparseIndex(Index):
    """Nearest rows by cosine of TF-IDF weights."""

    def __init__(self, columns: int) -> None:
        self._term_of = np.full(columns, UNKNOWN, dtype=np.int32)  # zeros cost nothing until they are touched
        self._terms = UNKNOWN + 1
        self._rarity: Floats = np.ones(SMALL_SEGMENT, dtype=np.float32)
        self._band: Bands = np.zeros(SMALL_SEGMENT, dtype=np.int64)
        self._columns: Columns = np.zeros(SMALL_SEGMENT, dtype=np.int32)
        self._weighed_rows = 0
        self._written_since = 0
        self._segments: list[_Segment] = []
        self._is_active = np.zeros(SMALL_SEGMENT, dtype=np.bool_)
        self._channels: Numbers = np.zeros(SMALL_SEGMENT, dtype=np.int64)

    def add(self, vectors: Vectors, rows: Numbers, channels: Numbers) -> None:
        """Take in counts; amortised constant time per row."""
        matrix = _sparse(vectors)
        self._learn_terms(matrix)
        self._make_room(int(rows[-1]) + 1)
        self._is_active[rows] = True
        self._channels[rows] = channels
        self._written_since += len(rows)
        counts = self._counts(matrix)
        if self._written_since > REWEIGH_GROWTH * self._weighed_rows:
            self._reweigh(rows, counts)
        else:
            self._append(self._rows(rows, counts))

    def retire(self, rows: Numbers) -> None:
        """Never return these rows again; their space is freed when their segment is next merged."""
        self._is_active[rows] = False

    def search(self, vectors: Vectors, channels: Numbers | None, *, least: float, top: int) -> Hits:  # noqa: ARG002
        """Return the active rows that are near enough, all of them."""
        if not self._segments:
            return joined([])
        queries = prepared(
            self._weighted(self._counts(_sparse(vectors))),
            self._band,
            terms=self._terms,
            least=least,
        )
        found = [self._candidates(segment, queries, channels) for segment in self._segments]
        query, numbers, weights = reduce(_Found.then, found)
        similarity = rounded(products(queries.weights, query, weights, self._columns))
        return Hits(query, numbers, similarity).where(similarity >= least)

    def pairs(self, vectors: Vectors, *, least: float) -> Hits:
        """Return which of these texts are near an earlier one, by the weights that hold now."""
        if vectors.shape[0] < 2:
            return joined([])
        matrix = _sparse(vectors)
        weighted = self._weighted(self._counts(matrix))
        columns, compact = np.unique(matrix.indices, return_inverse=True)
        weights = SparseRows(weighted.values, compact.astype(np.int32), weighted.pointers).matrix(
            len(columns)
        )
        product = weights @ weights.T.tocsr()
        query = np.repeat(np.arange(product.shape[0]), np.diff(product.indptr))
        hits = Hits(query, product.indices.astype(np.int64), rounded(product.data))
        return hits.where((hits.row < hits.query) & (hits.similarity >= least))

    def weighted(self, vectors: Vectors) -> csr_matrix:
        """Return the unit rows of weights that these counts have now, to compare with by other means."""
        weighted = self._weighted(self._counts(_sparse(vectors)))
        return weighted.entries(weighted.terms != UNKNOWN).matrix(self._terms)

    def _candidates(self, segment: _Segment, queries: Queries, channels: Numbers | None) -> _Found:
        """Return the rows of a segment that may be near, each with the query that it may be near to."""
        segment.widen(self._terms)
        candidates = queries.candidates(segment.by_term, segment.rows.lengths)
        row = segment.rows.numbers[candidates.place]
        kept = self._is_active[row]
        if channels is not None:
            kept &= self._channels[row] == channels[candidates.query]
        candidates = candidates.where(kept)
        place = candidates.place
        return _Found(candidates.query, segment.rows.numbers[place], segment.rows.weights.take(place))

    def _learn_terms(self, matrix: csr_matrix) -> None:
        new = np.unique(matrix.indices[self._term_of[matrix.indices] == UNKNOWN])
        self._term_of[new] = np.arange(self._terms, self._terms + len(new), dtype=np.int32)
        self._terms += len(new)
        if self._terms > len(self._rarity):
            self._rarity = _extended(self._rarity, 2 * self._terms, self._rarity[UNKNOWN])
            self._band = _extended(self._band, 2 * self._terms, 0)
            self._columns = _extended(self._columns, 2 * self._terms, 0)

    def _counts(self, matrix: csr_matrix) -> SparseRows:
        return SparseRows(matrix.data, self._term_of[matrix.indices], matrix.indptr)

    def _weighted(self, counts: SparseRows) -> SparseRows:
        """Return unit rows of weights."""
        return counts.with_values((1 + np.log(counts.values)) * self._rarity[counts.terms]).unit()

    def _rows(self, numbers: Numbers, counts: SparseRows) -> _Rows:
        weights = self._weighted(counts)
        return _Rows(numbers, counts, weights, lengths_from_band(weights, self._band))

    def _append(self, rows: _Rows) -> None:
        while self._segments and self._is_due(self._segments[-1].size, len(rows.numbers)):
            older = self._segments.pop().rows
            rows = older.where(self._is_active[older.numbers]).then(rows)
        self._segments.append(self._segment(rows))

    @staticmethod
    def _is_due(before: int, last: int) -> bool:
        return before < SMALL_SEGMENT or last * SEGMENT_RATIO >= before

    def _segment(self, rows: _Rows) -> _Segment:
        return _Segment(rows, rows.weights.matrix(self._terms).T.tocsr())

    def _reweigh(self, added: Numbers, added_counts: SparseRows) -> None:
        """Count the frequencies anew over the active rows, and weigh everything by them."""
        older = [segment.rows.where(self._is_active[segment.rows.numbers]) for segment in self._segments]
        numbers = np.concatenate([*(rows.numbers for rows in older), added])
        counts = reduce(stacked, [*(rows.counts for rows in older), added_counts])
        frequency = np.bincount(counts.terms, minlength=len(self._rarity))
        self._rarity = (np.log((1 + len(numbers)) / (1 + frequency)) + 1).astype(np.float32)
        self._band = bands_of(frequency)
        self._weighed_rows = len(numbers)
        self._written_since = 0
        self._segments = [self._segment(self._rows(numbers, counts))]

    def _make_room(self, rows: int) -> None:
        if rows > len(self._is_active):
            self._is_active = _extended(self._is_active, 2 * rows, False)
            self._channels = _extended(self._channels, 2 * rows, 0)


def _sparse(vectors: Vectors) -> csr_matrix:
    if not isinstance(vectors, csr_matrix):
        raise TypeError(f"A sparse index takes csr_matrix, not {type(vectors).__name__}: wrong embedder?")
    return vectors


def _extended(values: NDArray[Any], size: int, filler: float) -> NDArray[Any]:
    return np.concatenate([values, np.full(size - len(values), filler, dtype=values.dtype)])
