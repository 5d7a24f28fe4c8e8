from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.feature_extraction.text import TfidfTransformer

from moderation_pipeline.embedders.tfidf import BITS, TfidfEmbedder
from moderation_pipeline.memory.index import Hits
from moderation_pipeline.memory.sparse_index import SMALL_SEGMENT, SparseIndex
from moderation_pipeline_tests.memory.memories import WORDS, states


def filled(texts: list[str], batch: int) -> SparseIndex:
    index = SparseIndex(1 << BITS)
    for begin in range(0, len(texts), batch):
        part = texts[begin : begin + batch]
        rows = np.arange(begin, begin + len(part))
        index.add(TfidfEmbedder().embed(part), rows, np.zeros(len(part), np.int64))
    return index


def many_texts(count: int) -> list[str]:
    return [f"{WORDS[n % 13]} {WORDS[n % 11]} player{n % 97} said{n}" for n in range(count)]


def pairs_of(hits: Hits) -> dict[tuple[int, int], float]:
    return {(query, row): similarity for query, row, similarity in hits.tuples()}


@given(st.lists(states(), min_size=1, max_size=20), st.lists(states(), min_size=1, max_size=5))
def test_similarities_are_scikit_learns_when_all_was_written_at_once(
    texts: list[str], asked: list[str]
) -> None:
    found = filled(texts, len(texts)).search(TfidfEmbedder().embed(asked), None, least=0.05, top=5)
    sparse = TfidfEmbedder().embed([*texts, *asked])
    counts = sparse[:, np.unique(sparse.indices)]
    oracle = TfidfTransformer(sublinear_tf=True).fit(counts[: len(texts)])
    weights = oracle.transform(counts)
    expected = (weights[len(texts) :] @ weights[: len(texts)].T).toarray()
    for (query, row), similarity in pairs_of(found).items():
        assert similarity == pytest.approx(expected[query, row], abs=2e-5)
    assert len(found.query) == (np.round(expected, 5) >= 0.05).sum()


def test_every_row_is_found_however_the_segments_lie() -> None:
    texts = many_texts(5 * SMALL_SEGMENT)
    found = filled(texts, 7).search(TfidfEmbedder().embed(texts), None, least=0.999, top=1)
    assert set(zip(found.query.tolist(), found.row.tolist(), strict=True)) >= {
        (n, n) for n in range(len(texts))
    }


def test_retired_rows_are_not_found_before_or_after_their_segment_is_merged() -> None:
    texts = many_texts(4 * SMALL_SEGMENT)
    index = filled(texts[: 2 * SMALL_SEGMENT], 64)
    retired = np.arange(0, 2 * SMALL_SEGMENT, 2)
    index.retire(retired)
    before = index.search(TfidfEmbedder().embed(texts), None, least=0.1, top=5)
    rows = np.arange(2 * SMALL_SEGMENT, len(texts))
    index.add(TfidfEmbedder().embed(texts[2 * SMALL_SEGMENT :]), rows, np.zeros(len(rows), np.int64))
    after = index.search(TfidfEmbedder().embed(texts), None, least=0.1, top=5)
    assert not np.isin(before.row, retired).any()
    assert not np.isin(after.row, retired).any()
    assert set(range(1, 2 * SMALL_SEGMENT, 2)) <= set(after.row.tolist())


@given(st.lists(states(), min_size=1, max_size=12))
def test_pairs_are_those_that_a_search_among_them_would_find(texts: list[str]) -> None:
    index = filled(texts, len(texts))
    vectors = TfidfEmbedder().embed(texts)
    searched = pairs_of(index.search(vectors, None, least=0.5, top=5))
    expected = {pair: similarity for pair, similarity in searched.items() if pair[1] < pair[0]}
    assert pairs_of(index.pairs(vectors, least=0.5)) == pytest.approx(expected, abs=2e-5)


def test_a_term_written_after_the_last_weighing_is_found_all_the_same() -> None:
    index = filled(many_texts(64), 64)
    index.add(TfidfEmbedder().embed(["zebra crossing"]), np.array([64]), np.zeros(1, np.int64))
    found = index.search(TfidfEmbedder().embed(["zebra crossing"]), None, least=0.9, top=5)
    assert pairs_of(found) == {(0, 64): 1.0}


@given(st.lists(states(), min_size=1, max_size=20), st.lists(states(), min_size=2, max_size=6))
def test_a_similarity_hangs_on_the_two_texts_alone_and_not_on_how_they_were_searched(
    texts: list[str], asked: list[str]
) -> None:
    index = filled(texts, 3)
    vectors = TfidfEmbedder().embed(asked)
    all_near = pairs_of(index.search(vectors, None, least=0.05, top=5))
    expected = {pair: similarity for pair, similarity in all_near.items() if similarity >= 0.7}
    assert pairs_of(index.search(vectors, None, least=0.7, top=5)) == expected
    one_by_one = [pairs_of(index.search(vectors[[n]], None, least=0.7, top=5)) for n in range(len(asked))]
    assert {(n, row): one[0, row] for n, one in enumerate(one_by_one) for _, row in one} == expected
