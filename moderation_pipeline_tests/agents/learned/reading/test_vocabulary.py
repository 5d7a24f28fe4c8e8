"""Tests of the vocabulary: what audits taught it counts from the next fit on, in audited texts and in others."""

from __future__ import annotations

import numpy as np

from moderation_pipeline.agents.learned.reading import vocabulary as module
from moderation_pipeline.agents.learned.reading.terms import CHARACTERS, WORD, terms_of
from moderation_pipeline.agents.learned.reading.vocabulary import Vocabulary

TEXTS = ["zorg the zorg!", "hello there", "the zorg the florps ?", "there there"]


def taught() -> Vocabulary:
    vocabulary = Vocabulary()
    for text in TEXTS:
        vocabulary.learn(text)
    vocabulary.freeze()
    return vocabulary


def test_terms_are_words_and_the_letters_within_them_as_often_as_they_are_said() -> None:
    terms = terms_of("zo a zo!")

    weights = dict(zip(terms.names, terms.weights.tolist(), strict=True))
    assert list(terms.names)[: terms.words] == [f"{WORD}zo", f"{WORD}a", f"{WORD}!"]
    assert weights[f"{WORD}zo"] == weights[f"{CHARACTERS} zo"] == 1 + np.log(2)
    assert weights[f"{CHARACTERS}zo!"] == 1
    assert f"{CHARACTERS}o a" not in weights


def test_a_text_reads_the_same_whether_or_not_it_was_audited() -> None:
    vocabulary = taught()
    audited = [vocabulary.learn(text) for text in TEXTS]

    rows = vocabulary.rows_of(TEXTS).matrix

    np.testing.assert_array_equal(rows.toarray(), vocabulary.rows(audited).matrix.toarray())


def test_words_and_letters_are_each_scaled_to_unit_length() -> None:
    vocabulary = taught()

    row = vocabulary.rows_of(["the zorg"]).matrix.toarray()[0]

    is_word = np.array([name.startswith(WORD) for name in vocabulary.names])
    np.testing.assert_allclose([(row[is_word] ** 2).sum(), (row[~is_word] ** 2).sum()], 1)


def test_a_term_counts_from_the_next_fit_on_and_not_before() -> None:
    vocabulary = taught()
    known = vocabulary.rows_of(["quux"]).matrix

    vocabulary.learn("quux")
    not_yet = vocabulary.rows_of(["quux"]).matrix
    vocabulary.freeze()

    assert known.nnz == not_yet.nnz == 0
    assert vocabulary.rows_of(["quux"]).matrix.nnz == len(terms_of("quux").names)


def test_more_tokens_than_are_remembered_are_looked_up_again() -> None:
    vocabulary = taught()
    before = vocabulary.rows_of(["zorg"]).matrix.toarray()

    vocabulary.rows_of([f"w{number}" for number in range(module.KEPT_TOKENS + 1)])

    np.testing.assert_array_equal(vocabulary.rows_of(["zorg"]).matrix.toarray(), before)
