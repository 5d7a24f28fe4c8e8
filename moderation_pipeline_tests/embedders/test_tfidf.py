from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.sparse.linalg import norm

from moderation_pipeline.embedders.embedder import MARKS
from moderation_pipeline.embedders.tfidf import AT_ONCE, TfidfEmbedder


def similarity(one: str, other: str) -> float:
    counts = TfidfEmbedder().embed([one, other])
    return float((counts[0] @ counts[1].T).toarray()[0, 0] / np.prod(norm(counts, axis=1)))


@given(st.lists(st.text()))
def test_a_text_has_one_row_whatever_stands_beside_it(texts: list[str]) -> None:
    together = TfidfEmbedder().embed(texts)
    assert together.shape[0] == len(texts)
    for number, text in enumerate(texts):
        alone = TfidfEmbedder().embed([text])
        assert (together[number] != alone).nnz == 0


@given(st.lists(st.text(st.characters(), max_size=20), min_size=1))
def test_no_text_is_without_terms_and_columns_are_sorted(texts: list[str]) -> None:
    counts = TfidfEmbedder().embed(texts)
    assert np.diff(counts.indptr).min() > 0
    assert counts.data.min() >= 1
    assert all((np.diff(counts[row].indices) > 0).all() for row in range(counts.shape[0]))


def test_a_large_batch_is_cut_and_gives_the_same_rows() -> None:
    texts = [f"line {number}" for number in range(AT_ONCE + 3)]
    counts = TfidfEmbedder().embed(texts)
    assert (counts[AT_ONCE + 1] != TfidfEmbedder().embed([texts[AT_ONCE + 1]])).nnz == 0


def test_no_texts_make_no_rows() -> None:
    assert TfidfEmbedder().embed([]).shape[0] == 0


@pytest.mark.parametrize(
    ("near", "nearer", "to"),
    [
        ("good game", "report mid noob", "report mid noobs"),
        ("noob mid report", "report mid noob", "report mid noob please"),
        ("trash", "you are trash", "you are trash lol"),
    ],
)
def test_shared_words_word_order_and_spelling_bring_texts_nearer(near: str, nearer: str, to: str) -> None:
    assert similarity(near, to) < similarity(nearer, to)


def test_counts_are_counts() -> None:
    once, thrice = TfidfEmbedder().embed(["gg", "gg gg gg"])
    assert (once.max(), thrice.max()) == (1, 3)


def test_signs_alone_are_terms_of_their_own() -> None:
    assert similarity("???", "???") == pytest.approx(1)
    assert similarity("???", "!!!") == 0


def test_a_mark_counts_as_one_word_and_not_by_its_letters() -> None:
    text, marked = TfidfEmbedder().embed(["report mid", f"report mid {MARKS} repeats_self"])
    added = marked.nnz - text.nnz
    # The mark itself, and its pair with the word before it.
    assert added == 2
    assert TfidfEmbedder().embed(["report mid repeats_self"]).nnz > marked.nnz


def test_texts_of_other_scripts_are_told_apart() -> None:
    assert similarity("привет мир", "привет мир") == pytest.approx(1)
    assert similarity("привет мир", "日本語の文") == 0
    assert 0 < similarity("日本語の文", "日本語の本") < 1
