from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from moderation_pipeline.agents.keyless.reading import Reading, read
from moderation_pipeline.text.lexicon import Hit


def hit_of(reading: Reading, term: str) -> Hit:
    return next(hit for hit in reading.hits if hit.term == term)


@given(st.text(max_size=60))
def test_any_text_can_be_read(text: str) -> None:
    reading = read(text)
    assert len(reading.words) == len(reading.sentences) == len(reading.quoted)
    assert list(reading.sentences) == sorted(reading.sentences)
    assert all(0 <= hit.start < hit.end <= len(reading.words) for hit in reading.hits)


def test_sentences_and_glued_messages_are_told_apart() -> None:
    assert read("one two. three! four [sepa] five").sentences == (0, 0, 1, 2, 3)


def test_no_phrase_crosses_the_end_of_a_sentence() -> None:
    assert "shut up" not in {hit.term for hit in read("shut. up").hits}


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("i don't, he'll", ("i", "dont", "he", "will")),
        ("we're here, you're not", ("we", "are", "here", "youre", "not")),
        ("l'été déjà", ("lete", "deja")),
        ("@bob hi", ("@bob", "hi")),
    ],
)
def test_words_are_read_without_apostrophes_and_accents(text: str, words: tuple[str, ...]) -> None:
    assert read(text).words == words


def test_what_is_quoted_is_told_from_what_is_said() -> None:
    reading = read('he really called me "an idiot" yesterday')
    assert reading.is_quoted(hit_of(reading, "idiot*"))


def test_a_text_that_is_all_quotation_is_said() -> None:
    reading = read('"you idiot"')
    assert not reading.is_quoted(hit_of(reading, "idiot*"))


def test_a_lonely_quotation_mark_quotes_nothing() -> None:
    assert not any(read('he is 6"2 and an idiot').quoted)


@pytest.mark.parametrize(
    ("text", "term", "is_negated"),
    [
        ("we must not hurt them", "hurt*", True),
        ("nobody here deserves to be attacked", "attack*", True),
        ("i never said they are stupid", "stupid*", True),
        ("they are stupid and not funny", "stupid*", False),
        ("not funny but they are stupid", "stupid*", False),
        ("isn't it obvious that they are stupid?", "stupid*", False),
        ("why don't we just kill them?", "kill*", False),
        ("they are no more than parasites", "parasite*", False),
    ],
)
def test_a_negation_reaches_what_it_denies(text: str, term: str, is_negated: bool) -> None:
    reading = read(text)
    assert reading.is_negated(hit_of(reading, term)) is is_negated


def test_what_someone_denies_having_said_is_disclaimed() -> None:
    reading = read("i never said you are an idiot")
    assert reading.is_disclaimed(hit_of(reading, "idiot*"))
    reading = read("i can't believe what an idiot you are")
    assert not reading.is_disclaimed(hit_of(reading, "idiot*"))
