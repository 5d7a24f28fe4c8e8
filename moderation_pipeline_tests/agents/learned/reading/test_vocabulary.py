"""Tests of the vocabulary: what audits taught it counts from the next fit on, in audited texts and in others."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.feature_extraction.text import CountVectorizer

from moderation_pipeline.agents.learned.reading import vocabulary as module
from moderation_pipeline.agents.learned.reading.terms import CHARACTERS, WORD, token_of
from moderation_pipeline.agents.learned.reading.vocabulary import Vocabulary

TEXTS = ["zorg the zorg!", "hello there", "the zorg the florps ?", "there there"]


def taught() -> Vocabulary:
    vocabulary = Vocabulary()
    vocabulary.learn(TEXTS)
    vocabulary.freeze()
    return vocabulary


def test_terms_are_words_and_the_letters_within_them_as_often_as_they_are_said() -> None:
    vocabulary = Vocabulary()

    [terms] = vocabulary.learn(["zo a zo!"])

    weights = dict(zip(vocabulary.names, terms.weights.tolist(), strict=True))
    assert terms.numbers.tolist() == list(range(len(vocabulary)))
    assert vocabulary.names[: terms.words] == [f"{WORD}zo", f"{WORD}a", f"{WORD}!"]
    assert weights[f"{WORD}zo"] == weights[f"{CHARACTERS} zo"] == 1 + np.log(2)
    assert weights[f"{CHARACTERS}zo!"] == 1
    assert f"{CHARACTERS}o a" not in weights


def test_a_text_reads_the_same_whether_or_not_it_was_audited() -> None:
    vocabulary = taught()
    audited = vocabulary.learn(TEXTS)

    rows = vocabulary.rows_of(TEXTS).matrix

    np.testing.assert_array_equal(rows.toarray(), vocabulary.rows(audited).matrix.toarray())


@given(st.lists(st.text("ab !?", max_size=30), min_size=1, max_size=8))
def test_many_texts_read_together_are_what_each_is_alone(texts: list[str]) -> None:
    vocabulary = taught()
    vocabulary.learn(texts[::2])
    vocabulary.freeze()

    together = vocabulary.rows_of(texts)

    alone = [vocabulary.rows_of([text]) for text in texts]
    audited = vocabulary.rows(vocabulary.learn(texts))
    for columns in ("columns", "values"):
        parts = np.concatenate([getattr(each, columns) for each in alone])
        np.testing.assert_array_equal(getattr(together, columns), parts)
        np.testing.assert_array_equal(getattr(together, columns), getattr(audited, columns))


@given(st.lists(st.text("ab !?", max_size=30), min_size=1, max_size=8))
def test_what_is_learnt_of_a_batch_is_what_would_be_learnt_one_by_one(texts: list[str]) -> None:
    at_once, one_by_one = taught(), taught()

    together = at_once.learn(texts)
    apart = [each for text in texts for each in one_by_one.learn([text])]

    assert at_once.names == one_by_one.names
    np.testing.assert_array_equal(at_once.document_counts, one_by_one.document_counts)
    assert at_once.documents == one_by_one.documents
    for one, other in zip(together, apart, strict=True):
        assert one.words == other.words
        np.testing.assert_array_equal(one.numbers, other.numbers)
        np.testing.assert_array_equal(one.weights, other.weights)


@pytest.mark.parametrize("token", ["a", "ab", "zorg", "a.b!?", "..", "é🙂x", "abcdefgh"])
def test_letters_within_words_are_what_scikit_learn_finds(token: str) -> None:
    letters = CountVectorizer(lowercase=False, analyzer="char_wb", ngram_range=(2, 5)).build_analyzer()
    words = CountVectorizer(lowercase=False, token_pattern=r"\b\w+\b|[?!.]+").build_analyzer()

    found = token_of(token)

    assert list(found.letters) == [CHARACTERS + each for each in letters(token)]
    assert list(found.words) == [WORD + each for each in words(token)]


def test_words_and_letters_are_each_scaled_to_unit_length() -> None:
    vocabulary = taught()

    row = vocabulary.rows_of(["the zorg"]).matrix.toarray()[0]

    is_word = np.array([name.startswith(WORD) for name in vocabulary.names])
    np.testing.assert_allclose([(row[is_word] ** 2).sum(), (row[~is_word] ** 2).sum()], 1)


def test_a_term_counts_from_the_next_fit_on_and_not_before() -> None:
    vocabulary = taught()
    known = vocabulary.rows_of(["quux"]).matrix

    [terms] = vocabulary.learn(["quux"])
    not_yet = vocabulary.rows_of(["quux"]).matrix
    vocabulary.freeze()

    assert known.nnz == not_yet.nnz == 0
    assert vocabulary.rows_of(["quux"]).matrix.nnz == len(terms.numbers)


def test_a_token_of_which_audits_taught_more_is_looked_up_again() -> None:
    vocabulary, reads_late = taught(), taught()
    vocabulary.rows_of(["zorgs zorg"])
    for each in (vocabulary, reads_late):
        each.learn(["zorgs"])
        each.freeze()

    np.testing.assert_array_equal(
        vocabulary.rows_of(["zorgs zorg"]).matrix.toarray(),
        reads_late.rows_of(["zorgs zorg"]).matrix.toarray(),
    )


def test_more_terms_than_there_is_room_for_are_counted_too() -> None:
    vocabulary = Vocabulary()
    texts = [f"w{number}x w0x" for number in range(module.ROOM)]
    vocabulary.learn(texts)

    counts = dict(zip(vocabulary.names, vocabulary.document_counts.tolist(), strict=True))

    assert len(counts) > module.ROOM
    assert counts[f"{WORD}w0x"] == len(texts)
    assert counts[f"{WORD}w{module.ROOM - 1}x"] == 1


def test_more_tokens_than_are_remembered_are_looked_up_again() -> None:
    vocabulary = taught()
    before = vocabulary.rows_of(["zorg"]).matrix.toarray()

    vocabulary.rows_of([f"w{number}" for number in range(module.KEPT_TOKENS + 1)])

    np.testing.assert_array_equal(vocabulary.rows_of(["zorg"]).matrix.toarray(), before)
