from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from moderation_pipeline.embedders.tfidf import TfidfEmbedder
from moderation_pipeline.memory.dense_index import DenseIndex
from moderation_pipeline.memory.index import Hits

DIMENSIONS = 16


def unit_vectors(count: int, seed: int, *, centres: int = 12) -> NDArray[np.float32]:
    """Vectors around a few centres, as sentences around a few subjects."""
    chance = np.random.default_rng(seed)
    centre = np.random.default_rng(1).normal(size=(centres, DIMENSIONS))
    vectors = centre[chance.integers(0, centres, count)] + 0.4 * chance.normal(size=(count, DIMENSIONS))
    return np.asarray(vectors / np.linalg.norm(vectors, axis=1, keepdims=True), dtype=np.float32)


def filled(vectors: NDArray[np.float32], *, exact_rows: int, batch: int = 50) -> DenseIndex:
    """An index with each vector under twice its number, in channel 0 or 1 by turns."""
    index = DenseIndex(DIMENSIONS, exact_rows=exact_rows)
    for begin in range(0, len(vectors), batch):
        numbers = np.arange(begin, min(begin + batch, len(vectors)))
        index.add(vectors[numbers], 2 * numbers, numbers % 2)
    return index


def best(hits: Hits, top: int) -> dict[int, list[int]]:
    order = np.lexsort((hits.row, -hits.similarity, hits.query))
    found: dict[int, list[int]] = {}
    for query, row in zip(hits.query[order].tolist(), hits.row[order].tolist(), strict=True):
        found.setdefault(query, []).append(row)
    return {query: rows[:top] for query, rows in found.items()}


@given(st.integers(1, 60), st.integers(0, 1000), st.floats(-0.5, 0.95))
def test_a_small_index_finds_what_comparing_with_every_vector_finds(
    count: int, seed: int, least: float
) -> None:
    vectors, asked = unit_vectors(count, seed), unit_vectors(5, seed + 1)
    hits = filled(vectors, exact_rows=1000).search(asked, None, least=least, top=3)
    expected = np.round(asked.astype(np.float64) @ vectors.T.astype(np.float64), 4) >= least
    found = {(query, row // 2) for query, row, _ in hits.tuples()}
    clear = np.abs(asked @ vectors.T - least) > 1e-3
    assert {pair for pair in found if clear[pair]} == {tuple(pair) for pair in np.argwhere(expected & clear)}


@pytest.mark.local
def test_a_large_index_finds_nearly_all_of_the_five_nearest() -> None:
    pytest.importorskip("faiss", reason="faiss is not installed")
    vectors, asked = unit_vectors(3000, 3), unit_vectors(200, 4)
    exact = best(filled(vectors, exact_rows=5000).search(asked, None, least=-1, top=5), 5)
    graph = best(filled(vectors, exact_rows=100).search(asked, None, least=-1, top=5), 5)
    recall = np.mean([len(set(exact[query]) & set(graph[query])) / 5 for query in exact])
    assert recall >= 0.95


@pytest.mark.local
def test_a_large_index_is_the_same_whenever_it_is_built() -> None:
    pytest.importorskip("faiss", reason="faiss is not installed")
    vectors, asked = unit_vectors(2000, 5), unit_vectors(100, 6)
    one = filled(vectors, exact_rows=100).search(asked, None, least=0.2, top=5)
    two = filled(vectors, exact_rows=100).search(asked, None, least=0.2, top=5)
    assert list(one.tuples()) == list(two.tuples())


@pytest.mark.local
@pytest.mark.parametrize("exact_rows", [5000, 100])
def test_the_retired_are_never_found_not_even_where_most_of_the_near_ones_are_retired(
    exact_rows: int,
) -> None:
    pytest.importorskip("faiss", reason="faiss is not installed")
    vectors = unit_vectors(2000, 7, centres=2)
    index = filled(vectors, exact_rows=exact_rows)
    nearest = np.argsort(-(vectors @ vectors[0]))
    retired = 2 * np.sort(nearest[:400])
    index.retire(retired)
    hits = index.search(vectors[:1], None, least=-1, top=5)
    assert not np.isin(hits.row, retired).any()
    assert set(best(hits, 5)[0]) == set((2 * nearest[400:405]).tolist())


@pytest.mark.local
@pytest.mark.parametrize("exact_rows", [5000, 100])
def test_an_index_that_lost_most_of_its_rows_still_finds_the_rest(exact_rows: int) -> None:
    pytest.importorskip("faiss", reason="faiss is not installed")
    vectors = unit_vectors(1000, 8)
    index = filled(vectors, exact_rows=exact_rows)
    index.retire(2 * np.arange(0, 990))
    index.add(vectors[:1], np.array([5000]), np.array([0]))
    hits = index.search(vectors[:1], None, least=-1, top=20)
    assert set(hits.row.tolist()) == {5000, *(2 * np.arange(990, 1000)).tolist()}


@pytest.mark.local
@pytest.mark.parametrize("exact_rows", [5000, 600, 100])
def test_a_channel_is_searched_alone(exact_rows: int) -> None:
    pytest.importorskip("faiss", reason="faiss is not installed")
    vectors, asked = unit_vectors(1000, 9), unit_vectors(40, 10)
    channels = np.arange(40) % 2
    hits = filled(vectors, exact_rows=exact_rows).search(asked, channels, least=0.0, top=5)
    assert ((hits.row // 2) % 2 == channels[hits.query]).all()
    assert set(hits.query.tolist()) == set(range(40))


def test_sparse_vectors_are_refused() -> None:
    with pytest.raises(TypeError, match="A dense index takes arrays, not csr_matrix"):
        DenseIndex(DIMENSIONS).search(TfidfEmbedder().embed(["gg"]), None, least=0.5, top=5)
