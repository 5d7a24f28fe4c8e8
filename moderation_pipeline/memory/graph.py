"""faiss's HNSW as an index uses it: a graph of neighbours that is the same whenever it is built anew."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from moderation_pipeline.embedders.embedder import NotInstalledError
from moderation_pipeline.memory.index import Numbers

NEIGHBOURS = 24
BUILD_BREADTH = 64
SEARCH_BREADTH = 64
"""Links per vector, and how many candidates are held while building and searching. Recall@5 on a million clustered
vectors is .968 at 0.36 ms a query. With 16 links, built at a breadth of 40, it was .90, .947 and .956 at a breadth
of 64, 192 and 256, at 0.25, 0.46 and 0.49 ms; the denser graph takes about twice as long to build."""


class Neighbours(NamedTuple):
    """The best of the graph per query, best first: places (-1 where there are no more) and similarities."""

    place: Numbers
    similarity: NDArray[np.float32]


class Graph:
    """A graph over unit vectors; vectors can be added, and none be taken out."""

    def __init__(self, vectors: NDArray[np.float32]) -> None:
        try:
            import faiss
        except ImportError as error:
            raise NotInstalledError("sbert or minilm with that many memories", error.name, "minilm") from None
        faiss.omp_set_num_threads(1)  # several would add in an order of their own
        self._faiss: Any = faiss
        self._index: Any = faiss.IndexHNSWFlat(vectors.shape[1], NEIGHBOURS, faiss.METRIC_INNER_PRODUCT)
        self._index.hnsw.efConstruction = BUILD_BREADTH
        self._index.add(vectors)

    def add(self, vectors: NDArray[np.float32]) -> None:
        """Add vectors at the end."""
        self._index.add(vectors)

    @property
    def vectors(self) -> NDArray[np.float32]:
        """All vectors, as faiss holds them: a view that is valid until the next is added."""
        storage = self._faiss.downcast_index(self._index.storage)
        flat = self._faiss.rev_swig_ptr(storage.get_xb(), storage.ntotal * storage.d)
        return np.asarray(flat, dtype=np.float32).reshape(storage.ntotal, storage.d)

    def search(self, queries: NDArray[np.float32], top: int) -> Neighbours:
        """Return the `top` nearest of each query, as far as the graph finds them."""
        self._index.hnsw.efSearch = max(SEARCH_BREADTH, top)
        similarity, place = self._index.search(np.ascontiguousarray(queries), top)
        return Neighbours(place, similarity)
