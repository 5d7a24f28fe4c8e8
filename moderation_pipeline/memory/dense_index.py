"""An index over dense unit vectors, as sentence encoders make them: exact while small, a graph when large.

Up to `EXACT_ROWS` rows, and within a channel of that size, one matrix product finds all. Above, faiss's HNSW
(Malkov and Yashunin 2018) is asked: built by one thread in the order of the rows, so that it is the same
graph every time. It can't forget: what is retired is left out of what it returns, and when a quarter of it is
retired it is built anew from the rest. faiss was kept over usearch and hnswlib: at 20,000 x 384 a query took
0.10 ms after 4 s of building (usearch: 0.77 ms after 19 s; hnswlib has to be compiled).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from moderation_pipeline.embedders.embedder import Vectors
from moderation_pipeline.memory.graph import Graph
from moderation_pipeline.memory.index import Hits, Index, Numbers, joined, rounded
from moderation_pipeline.memory.vector_columns import VectorColumns

EXACT_ROWS = 20_000
RETIRED_SHARE = 0.25
SPARE = 16
"""How many more than asked for are fetched from the graph at first: some may be retired, or of other channels."""
MOST_FETCHED = 2_048


class DenseIndex(Index):
    """Nearest rows by cosine."""

    def __init__(self, dimensions: int, *, exact_rows: int = EXACT_ROWS) -> None:
        self._dimensions = dimensions
        self._exact_rows = exact_rows
        self._kept = VectorColumns(dimensions)
        self._graph: Graph | None = None

    def add(self, vectors: Vectors, rows: Numbers, channels: Numbers) -> None:
        """Take in unit vectors."""
        dense = _dense(vectors)
        self._kept.append(dense, rows, channels)
        if self._graph is not None:
            self._graph.add(dense)
        elif self._kept.size > self._exact_rows:
            self._graph = Graph(self._kept.vectors)
            self._kept.hand_over()

    def retire(self, rows: Numbers) -> None:
        """Never return these rows again."""
        self._kept.retire(rows)
        if self._kept.retired > RETIRED_SHARE * self._kept.size:
            self._rebuild()

    def search(self, vectors: Vectors, channels: Numbers | None, *, least: float, top: int) -> Hits:
        """Return the nearest active rows: all that are near enough, or the graph's best of many."""
        dense = _dense(vectors)
        if channels is None:
            return self._search(dense, np.arange(len(dense)), None, least, top)
        queries_of = [(int(channel), np.flatnonzero(channels == channel)) for channel in np.unique(channels)]
        return joined([self._search(dense, queries, channel, least, top) for channel, queries in queries_of])

    def pairs(self, vectors: Vectors, *, least: float) -> Hits:
        """Return which of these vectors are near an earlier one."""
        dense = _dense(vectors)
        similarity = np.tril(rounded(dense @ dense.T), -1)
        query, row = np.nonzero(similarity >= least)
        return Hits(query, row, similarity[query, row])

    def _search(
        self, dense: NDArray[np.float32], queries: Numbers, channel: int | None, least: float, top: int
    ) -> Hits:
        """Return what is near these queries, in one channel or in all."""
        allowed = self._kept.is_active
        if channel is not None:
            allowed = allowed & (self._kept.channels == channel)
        if self._graph is None:
            return self._compared(dense, queries, allowed, self._kept.vectors, slice(None), least)
        if channel is not None and (places := np.flatnonzero(allowed)).size <= self._exact_rows:
            return self._compared(dense, queries, allowed, self._graph.vectors, places, least)
        return self._from_graph(self._graph, dense, queries, allowed, least, top)

    def _compared(
        self,
        dense: NDArray[np.float32],
        queries: Numbers,
        allowed: NDArray[np.bool_],
        vectors: NDArray[np.float32],
        places: Numbers | slice,
        least: float,
    ) -> Hits:
        """Return what comparing with the vector at every place finds."""
        product = dense[queries] @ vectors[places].T
        asked, found = np.nonzero(product >= least - 1e-4)
        similarity = rounded(product[asked, found])
        place = found if isinstance(places, slice) else places[found]
        hits = Hits(queries[asked], self._kept.rows[place], similarity)
        return hits.where((similarity >= least) & allowed[place])

    def _from_graph(
        self,
        graph: Graph,
        dense: NDArray[np.float32],
        queries: Numbers,
        allowed: NDArray[np.bool_],
        least: float,
        top: int,
    ) -> Hits:
        """Return the graph's best; where too few of them are allowed, more are fetched."""
        parts, fetched = [], top + SPARE
        while len(queries):
            fetched = min(fetched, self._kept.size)
            place, similarity = graph.search(dense[queries], fetched)
            near = rounded(similarity) >= least
            good = near & (place >= 0) & allowed[place]
            # Whoever has enough, or saw farther than what is near enough, has all that the graph gives.
            is_done = (good.sum(axis=1) >= top) | ~near[:, -1]
            if fetched >= min(MOST_FETCHED, self._kept.size):
                is_done[:] = True
            asked, rank = np.nonzero(good & is_done[:, None])
            found = self._kept.rows[place[asked, rank]]
            parts.append(Hits(queries[asked], found, rounded(similarity[asked, rank])))
            queries, fetched = queries[~is_done], 4 * fetched
        return joined(parts)

    def _rebuild(self) -> None:
        """Begin anew with the active rows."""
        active = np.flatnonzero(self._kept.is_active)
        vectors = self._kept.vectors if self._graph is None else self._graph.vectors
        rows, channels = self._kept.rows[active], self._kept.channels[active]
        kept = vectors[active]
        self._kept, self._graph = VectorColumns(self._dimensions), None
        self.add(kept, rows, channels)


def _dense(vectors: Vectors) -> NDArray[np.float32]:
    if not isinstance(vectors, np.ndarray):
        raise TypeError(f"A dense index takes arrays, not {type(vectors).__name__}: wrong embedder?")
    return vectors
