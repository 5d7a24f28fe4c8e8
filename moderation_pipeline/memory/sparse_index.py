"""An inverted index over sparse counts, weighted by TF-IDF as they are written and asked; SciPy multiplies.

Weight of a term: (1 + ln count) · (1 + ln((1 + n) / (1 + rows with the term))), rows of length 1, as
scikit-learn's `TfidfVectorizer(sublinear_tf=True)` has it. The frequencies are those of the last
*reweighting*, which is due when as many rows were written since as half of those it saw: so the cost per
write stays constant, and what is nearest never depends on anything but the calls made.

Rows lie in segments that are merged as they grow (each several times the next), so a write touches a small
one, and all are searched.
"""

from __future__ import annotations

from dataclasses import dataclass

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


@dataclass(frozen=True, slots=True)
class _Segment:
    """Some rows: their counts (in the index's own term numbers), and their weights by term."""

    rows: Numbers
    counts: csr_matrix
    by_term: csr_matrix


class SparseIndex(Index):
    """Exact nearest rows by cosine of TF-IDF weights."""

    def __init__(self, columns: int) -> None:
        self._term_of_column = np.full(columns, UNKNOWN, dtype=np.int32)
        self._columns: NDArray[np.int32] = np.empty(0, dtype=np.int32)
        self._frequency: NDArray[np.int64] = np.empty(0, dtype=np.int64)
        self._weighed_rows = 0
        self._written_since = 0
        self._segments: list[_Segment] = []
        self._is_active = np.zeros(0, dtype=np.bool_)
        self._channels: Numbers = np.empty(0, dtype=np.int64)

    def add(self, vectors: Vectors, rows: Numbers, channels: Numbers) -> None:
        """Take in counts; amortised constant time per row."""
        counts = self._in_own_terms(_sparse(vectors), learn=True)
        self._grow(int(rows.max()) + 1)
        self._is_active[rows] = True
        self._channels[rows] = channels
        self._written_since += len(rows)
        if self._written_since > REWEIGH_GROWTH * self._weighed_rows:
            self._reweigh(rows, counts)
        else:
            self._append(rows, counts)

    def retire(self, rows: Numbers) -> None:
        """Never return these rows again; their space is freed when their segment is next merged."""
        self._is_active[rows] = False

    def search(self, vectors: Vectors, channels: Numbers | None, *, least: float, top: int) -> Hits:  # noqa: ARG002
        """Return every active row that is near enough."""
        queries = self._weighted(_sparse(vectors))
        parts = [self._search_segment(segment, queries, least) for segment in self._segments]
        hits = Hits(*(np.concatenate(column) for column in zip(_NOTHING, *parts, strict=True)))
        kept = self._is_active[hits.row]
        if channels is not None:
            kept &= self._channels[hits.row] == channels[hits.query]
        return hits.where(kept)

    def pairs(self, vectors: Vectors, *, least: float) -> Hits:
        """Return which of these texts are near an earlier one, by the weights that hold now."""
        weighted = self._weighted(_sparse(vectors), keep_unknown=True)
        hits = _near(weighted @ weighted.T.tocsr(), np.arange(weighted.shape[0]), least)
        return hits.where(hits.row < hits.query)

    def _search_segment(self, segment: _Segment, queries: csr_matrix, least: float) -> Hits:
        return _near(_narrowed(queries, segment.by_term.shape[0]) @ segment.by_term, segment.rows, least)

    def _in_own_terms(self, counts: csr_matrix, *, learn: bool) -> csr_matrix:
        """Return the counts with the index's own term numbers as columns; unknown terms are UNKNOWN."""
        terms = self._term_of_column[counts.indices]
        if learn and len(new := np.unique(counts.indices[terms == UNKNOWN])):
            known = len(self._columns)
            self._term_of_column[new] = np.arange(known, known + len(new), dtype=np.int32)
            self._columns = np.concatenate([self._columns, new.astype(np.int32)])
            terms = self._term_of_column[counts.indices]
        shape = (counts.shape[0], max(len(self._columns), 1))
        own = csr_matrix(shape, dtype=np.float32)
        own.data, own.indices, own.indptr = counts.data, terms, counts.indptr
        return own

    def _weighted(self, counts: csr_matrix, *, keep_unknown: bool = False) -> csr_matrix:
        """Return unit rows of weights. Terms that no row has count towards a query's length alone."""
        own = self._in_own_terms(counts, learn=False)
        weights = self._weights(own)
        if keep_unknown:
            return csr_matrix((weights, counts.indices, counts.indptr), shape=counts.shape)
        return _without(own, weights, own.indices == UNKNOWN)

    def _weights(self, own: csr_matrix) -> NDArray[np.float32]:
        """Return the weight of each entry, each row scaled to length 1."""
        frequency = np.zeros(len(own.indices), dtype=np.int64)
        weighed = (own.indices != UNKNOWN) & (own.indices < len(self._frequency))
        frequency[weighed] = self._frequency[own.indices[weighed]]
        rarity = np.log((1 + self._weighed_rows) / (1 + frequency)) + 1
        weights = (1 + np.log(own.data)) * rarity
        lengths = np.sqrt(np.add.reduceat(weights**2, own.indptr[:-1])) if len(weights) else weights
        return np.asarray(weights / np.repeat(lengths, np.diff(own.indptr)), dtype=np.float32)

    def _append(self, rows: Numbers, counts: csr_matrix) -> None:
        while self._segments and self._is_due(len(self._segments[-1].rows), len(rows)):
            rows, counts = self._joined(self._segments.pop(), rows, counts)
        self._segments.append(self._segment(rows, counts))

    @staticmethod
    def _is_due(before: int, last: int) -> bool:
        return before < SMALL_SEGMENT or last * SEGMENT_RATIO >= before

    def _joined(self, segment: _Segment, rows: Numbers, counts: csr_matrix) -> tuple[Numbers, csr_matrix]:
        """Return a segment's active rows followed by these."""
        kept = self._is_active[segment.rows]
        older = segment.counts if kept.all() else segment.counts[np.flatnonzero(kept)]
        return np.concatenate([segment.rows[kept], rows]), _stacked(older, counts)

    def _segment(self, rows: Numbers, counts: csr_matrix) -> _Segment:
        weighted = csr_matrix(counts.shape, dtype=np.float32)
        weighted.data, weighted.indices, weighted.indptr = (
            self._weights(counts),
            counts.indices,
            counts.indptr,
        )
        return _Segment(rows, counts, weighted.T.tocsr())

    def _reweigh(self, rows: Numbers, counts: csr_matrix) -> None:
        """Count the frequencies anew over the active rows, and weigh everything by them in one segment."""
        while self._segments:
            rows, counts = self._joined(self._segments.pop(), rows, counts)
        self._frequency = np.bincount(counts.indices, minlength=len(self._columns))
        self._weighed_rows = len(rows)
        self._written_since = 0
        self._segments = [self._segment(rows, counts)]

    def _grow(self, size: int) -> None:
        if size > len(self._is_active):
            room = max(2 * len(self._is_active), size, SMALL_SEGMENT)
            self._is_active = np.concatenate(
                [self._is_active, np.zeros(room - len(self._is_active), np.bool_)]
            )
            self._channels = np.concatenate([self._channels, np.zeros(room - len(self._channels), np.int64)])


_NOTHING = Hits(np.empty(0, np.int64), np.empty(0, np.int64), np.empty(0, np.float64))


def _sparse(vectors: Vectors) -> csr_matrix:
    if not isinstance(vectors, csr_matrix):
        raise TypeError(f"A sparse index takes csr_matrix, not {type(vectors).__name__}: wrong embedder?")
    return vectors


def _near(product: csr_matrix, rows: Numbers, least: float) -> Hits:
    """Return the entries of a product (queries x rows of a segment) that are at least `least`."""
    near = np.flatnonzero(product.data >= least - 1e-5)
    similarity = rounded(product.data[near])
    near, similarity = near[similarity >= least], similarity[similarity >= least]
    query = np.searchsorted(product.indptr, near, side="right") - 1
    return Hits(query, rows[product.indices[near]], similarity)


def _without(matrix: csr_matrix, data: NDArray[np.float32], dropped: NDArray[np.bool_]) -> csr_matrix:
    """Return a matrix with this data, less the entries that are dropped."""
    before = np.concatenate([[0], np.cumsum(~dropped)])
    result = csr_matrix(matrix.shape, dtype=np.float32)
    result.data, result.indices = data[~dropped], matrix.indices[~dropped]
    result.indptr = before[matrix.indptr].astype(np.int32)
    return result


def _narrowed(queries: csr_matrix, terms: int) -> csr_matrix:
    """Return the queries with the terms that a segment of so many terms can know."""
    if queries.shape[1] == terms:
        return queries
    known = _without(queries, queries.data, queries.indices >= terms)
    known.resize((queries.shape[0], terms))
    return known


def _stacked(above: csr_matrix, below: csr_matrix) -> csr_matrix:
    """Return two matrices of the same terms, one above the other (`below` may know more terms)."""
    stacked = csr_matrix((above.shape[0] + below.shape[0], below.shape[1]), dtype=np.float32)
    stacked.data = np.concatenate([above.data, below.data])
    stacked.indices = np.concatenate([above.indices, below.indices])
    stacked.indptr = np.concatenate([above.indptr, below.indptr[1:] + above.indptr[-1]])
    return stacked
