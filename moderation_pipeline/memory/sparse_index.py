"""An inverted index over sparse counts, weighted by TF-IDF as they are written and asked; SciPy multiplies.

Weight of a term: (1 + ln count) · (1 + ln((1 + n) / (1 + rows with the term))), rows of length 1, as
scikit-learn's `TfidfVectorizer(sublinear_tf=True)` has it. The frequencies are those of the last
*reweighing*, which is due when as many rows were written since as half of those it saw: so the cost per
write stays constant, and what is nearest depends on nothing but the calls made.

Rows lie in segments that are merged as they grow (each several times the next), so that a write touches a
small one; all are searched.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix

from moderation_pipeline.backends.embedder import Vectors
from moderation_pipeline.memory.index import Hits, Index, Numbers, rounded

REWEIGH_GROWTH = 0.5
SMALL_SEGMENT = 256
"""Rows below which a segment is rebuilt at each write rather than searched apart."""
SEGMENT_RATIO = 4

UNKNOWN = -1
"""The term number of what no row has; as an index it finds the last place of an array, kept free for it."""

Floats = NDArray[np.float32]
Terms = NDArray[np.int32]


class _Counts(NamedTuple):
    """How often each term (a number of the index's own) occurs in each row, in CSR's three parts.

    SciPy's matrices check themselves whenever they are made, which costs more than all work on a small one.
    """

    data: Floats
    terms: Terms
    pointers: Terms


@dataclass(frozen=True, slots=True)
class _Segment:
    """Some rows: their counts, and their weights by term (terms x rows)."""

    rows: Numbers
    counts: _Counts
    by_term: csr_matrix


class SparseIndex(Index):
    """Exact nearest rows by cosine of TF-IDF weights."""

    def __init__(self, columns: int) -> None:
        self._one_above_term = np.zeros(columns, dtype=np.int32)  # zeros cost nothing until they are touched
        self._known = 0
        self._rarity: Floats = np.ones(SMALL_SEGMENT, dtype=np.float32)
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
        if self._written_since > REWEIGH_GROWTH * self._weighed_rows:
            self._reweigh(rows, self._counts(matrix))
        else:
            self._append(rows, self._counts(matrix))

    def retire(self, rows: Numbers) -> None:
        """Never return these rows again; their space is freed when their segment is next merged."""
        self._is_active[rows] = False

    def search(self, vectors: Vectors, channels: Numbers | None, *, least: float, top: int) -> Hits:  # noqa: ARG002
        """Return every active row that is near enough."""
        queries = self._matrix(self._without_unknown(self._weighted(self._counts(_sparse(vectors)))))
        hits = _joined_hits([self._search_segment(segment, queries, least) for segment in self._segments])
        kept = self._is_active[hits.row]
        if channels is not None:
            kept &= self._channels[hits.row] == channels[hits.query]
        return hits if kept.all() else hits.where(kept)

    def pairs(self, vectors: Vectors, *, least: float) -> Hits:
        """Return which of these texts are near an earlier one, by the weights that hold now."""
        if vectors.shape[0] < 2:
            return NOTHING
        matrix = _sparse(vectors)
        weighted = self._weighted(self._counts(matrix))
        columns, compact = np.unique(matrix.indices, return_inverse=True)
        weights = csr_matrix(
            (weighted.data, compact, weighted.pointers), shape=(matrix.shape[0], len(columns))
        )
        hits = _near(weights @ weights.T.tocsr(), np.arange(weights.shape[0]), least)
        return hits.where(hits.row < hits.query)

    def _search_segment(self, segment: _Segment, queries: csr_matrix, least: float) -> Hits:
        if segment.by_term.shape[0] != queries.shape[1]:
            segment.by_term.resize(queries.shape[1], len(segment.rows))
        return _near(queries @ segment.by_term, segment.rows, least)

    def _learn_terms(self, matrix: csr_matrix) -> None:
        new = np.unique(matrix.indices[self._one_above_term[matrix.indices] == 0])
        self._one_above_term[new] = np.arange(self._known + 1, self._known + len(new) + 1, dtype=np.int32)
        self._known += len(new)
        if self._known >= len(self._rarity):
            self._rarity = _extended(self._rarity, 2 * self._known, self._rarity[UNKNOWN])

    def _counts(self, matrix: csr_matrix) -> _Counts:
        return _Counts(matrix.data, self._one_above_term[matrix.indices] - 1, matrix.indptr)

    def _weighted(self, counts: _Counts) -> _Counts:
        """Return unit rows of weights."""
        weights = (1 + np.log(counts.data)) * self._rarity[counts.terms]
        lengths = np.sqrt(np.add.reduceat(weights**2, counts.pointers[:-1])) if len(weights) else weights
        weights /= np.repeat(lengths, np.diff(counts.pointers))
        return counts._replace(data=weights)

    def _matrix(self, counts: _Counts) -> csr_matrix:
        shape = (len(counts.pointers) - 1, max(self._known, 1))
        return csr_matrix((counts.data, counts.terms, counts.pointers), shape=shape)

    @staticmethod
    def _without_unknown(counts: _Counts) -> _Counts:
        """Return the entries of known terms: the others lengthen a query, and meet nothing."""
        known = counts.terms != UNKNOWN
        before = np.zeros(len(known) + 1, dtype=np.int32)
        np.cumsum(known, out=before[1:])
        return _Counts(counts.data[known], counts.terms[known], before[counts.pointers])

    def _append(self, rows: Numbers, counts: _Counts) -> None:
        while self._segments and self._is_due(len(self._segments[-1].rows), len(rows)):
            rows, counts = self._joined(self._segments.pop(), rows, counts)
        self._segments.append(self._segment(rows, counts))

    @staticmethod
    def _is_due(before: int, last: int) -> bool:
        return before < SMALL_SEGMENT or last * SEGMENT_RATIO >= before

    def _joined(self, segment: _Segment, rows: Numbers, counts: _Counts) -> tuple[Numbers, _Counts]:
        """Return a segment's active rows followed by these."""
        kept = self._is_active[segment.rows]
        older = segment.counts if kept.all() else _rows_of(segment.counts, np.flatnonzero(kept))
        return np.concatenate([segment.rows[kept], rows]), _stacked(older, counts)

    def _segment(self, rows: Numbers, counts: _Counts) -> _Segment:
        return _Segment(rows, counts, self._matrix(self._weighted(counts)).T.tocsr())

    def _reweigh(self, rows: Numbers, counts: _Counts) -> None:
        """Count the frequencies anew over the active rows, and weigh everything by them in one segment."""
        while self._segments:
            rows, counts = self._joined(self._segments.pop(), rows, counts)
        frequency = np.bincount(counts.terms, minlength=len(self._rarity))
        self._rarity = (np.log((1 + len(rows)) / (1 + frequency)) + 1).astype(np.float32)
        self._weighed_rows = len(rows)
        self._written_since = 0
        self._segments = [self._segment(rows, counts)]

    def _make_room(self, rows: int) -> None:
        if rows > len(self._is_active):
            self._is_active = _extended(self._is_active, 2 * rows, False)
            self._channels = _extended(self._channels, 2 * rows, 0)


NOTHING = Hits(np.empty(0, np.int64), np.empty(0, np.int64), np.empty(0, np.float64))


def _joined_hits(parts: list[Hits]) -> Hits:
    if len(parts) == 1:
        return parts[0]
    return Hits(*(np.concatenate(column) for column in zip(NOTHING, *parts, strict=True)))


def _sparse(vectors: Vectors) -> csr_matrix:
    if not isinstance(vectors, csr_matrix):
        raise TypeError(f"A sparse index takes csr_matrix, not {type(vectors).__name__}: wrong embedder?")
    return vectors


def _near(product: csr_matrix, rows: Numbers, least: float) -> Hits:
    """Return the entries of a product (queries x rows of a segment) that are at least `least`."""
    near = np.flatnonzero(product.data >= least - 1e-5)
    similarity = rounded(product.data[near])
    if len(similarity) and similarity.min() < least:
        near, similarity = near[similarity >= least], similarity[similarity >= least]
    query = np.searchsorted(product.indptr, near, side="right") - 1
    return Hits(query, rows[product.indices[near]], similarity)


def _rows_of(counts: _Counts, rows: Numbers) -> _Counts:
    """Return some rows of the counts, in this order."""
    lengths = np.diff(counts.pointers)[rows]
    pointers = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int32)
    entries = np.arange(pointers[-1]) + np.repeat(counts.pointers[rows] - pointers[:-1], lengths)
    return _Counts(counts.data[entries], counts.terms[entries], pointers)


def _stacked(above: _Counts, below: _Counts) -> _Counts:
    return _Counts(
        np.concatenate([above.data, below.data]),
        np.concatenate([above.terms, below.terms]),
        np.concatenate([above.pointers, below.pointers[1:] + above.pointers[-1]]),
    )


def _extended(values: NDArray[Any], size: int, filler: float) -> NDArray[Any]:
    return np.concatenate([values, np.full(size - len(values), filler, dtype=values.dtype)])
