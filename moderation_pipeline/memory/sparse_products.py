"""Scalar products of a few pairs: the queries' weights laid out as a table, in which rows look up their terms.

A product is summed up term by term in the order of the row, so it hangs on the two vectors alone: not on how a
search came to the pair, nor on what else was asked. A table of all pairs that a batch asks for takes as long as
SciPy's element-wise product of those in one segment alone.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from moderation_pipeline.memory.index import Numbers
from moderation_pipeline.memory.sparse_rows import SparseRows

Columns = NDArray[np.int32]
"""For each term its column in the table; 0, which no query has anything in, but while a table is in use."""


def products(queries: SparseRows, query: Numbers, rows: SparseRows, columns: Columns) -> NDArray[np.float64]:
    """Return the scalar product of each row with the query beside it."""
    asked, query = np.unique(query, return_inverse=True)
    queries = queries.take(asked)
    # Of the entries of one term in several queries the last gives the column, which is as good as any.
    columns[queries.terms] = np.arange(1, len(queries.terms) + 1, dtype=np.int32)
    # Flat, for NumPy looks up one number three times as fast as two.
    width = len(queries.terms) + 1
    table = np.zeros(queries.count * width, dtype=np.float32)
    table[queries.row_of_entry * width + columns[queries.terms]] = queries.values
    pair = rows.row_of_entry
    shared = table[(query * width)[pair] + columns[rows.terms]] * rows.values
    columns[queries.terms] = 0
    return np.asarray(np.bincount(pair, weights=shared, minlength=rows.count), dtype=np.float64)
