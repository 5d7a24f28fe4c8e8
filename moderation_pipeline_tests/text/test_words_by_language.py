from __future__ import annotations

import pytest

from moderation_pipeline.agents.keyless.reading import without_accents
from moderation_pipeline.text.lexicon import lexicon
from moderation_pipeline.text.normalise import normalise_text
from moderation_pipeline.text.words_by_language import (
    NO_TERMS,
    index_for,
    languages_file,
    own_words,
    patterns_for,
)

LANGUAGES = tuple(languages_file().languages)


def groups(word: str, language: str | None) -> set[str]:
    return {group for group, _ in index_for(language).groups_of(word)}


def test_there_are_words_for_the_languages_that_chat_is_most_written_in() -> None:
    assert {"de", "es", "fr", "pt", "it", "pl", "tr", "ru"} <= set(LANGUAGES)


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_list_is_a_group_or_a_reading_that_the_lexicon_knows(language: str) -> None:
    known = {*lexicon().file.groups, *lexicon().file.readings, *NO_TERMS}
    assert set(languages_file().languages[language]) <= known


@pytest.mark.parametrize("language", LANGUAGES)
def test_terms_are_written_as_texts_are_when_they_are_read(language: str) -> None:
    terms = [
        term.replace("*", "") for terms in languages_file().languages[language].values() for term in terms
    ]
    assert [term for term in terms if without_accents(normalise_text(term)) != term] == []


@pytest.mark.parametrize(
    ("word", "language"), [("negro", "es"), ("retard", "fr"), ("tard", "fr"), ("die", "de"), ("pole", "pl")]
)
def test_a_term_that_is_an_ordinary_word_of_the_language_is_none_in_it(word: str, language: str) -> None:
    assert groups(word, None)
    assert not groups(word, language) & {"slur", "insult_strong", "violence", "taunt_weak"}
    assert word in own_words()[language]


@pytest.mark.parametrize(
    ("word", "language"),
    [("hoe", "nl"), ("slutet", "sv"), ("kys", "da"), ("ez", "hu"), ("suka", "id"), ("fag", "no")],
)
def test_a_term_is_none_in_a_language_without_words_here_where_it_is_ordinary(
    word: str, language: str
) -> None:
    assert groups(word, None)
    assert not groups(word, language)


@pytest.mark.parametrize(
    ("word", "language"), [("hurensohn", "de"), ("gilipollas", "es"), ("connard", "fr"), ("stronzo", "it")]
)
def test_an_insult_of_the_language_is_one(word: str, language: str) -> None:
    assert "insult_strong" in groups(word, language)


def test_english_abuse_is_abuse_in_every_language() -> None:
    abuse = ("motherfucker", "nigger", "bitch")
    assert [(word, each) for each in own_words() for word in abuse if not groups(word, each)] == []


@pytest.mark.parametrize("language", LANGUAGES)
def test_what_is_counted_is_what_the_lexicon_counts(language: str) -> None:
    assert set(patterns_for(language)) <= set(lexicon().file.groups)
