from __future__ import annotations

import pytest

from moderation_pipeline.text.leetspeak import unleeted
from moderation_pipeline.text.lexicon import lexicon
from moderation_pipeline.text.ordinary_words import ordinary_words
from moderation_pipeline.text.spelling import corrected

LANGUAGES = ("en", "de", "es", "fr", "pt", "it")


@pytest.mark.parametrize(
    "word", ["counts", "shirts", "sits", "assess", "assets", "shifts", "prices", "colons", "clocks", "fins"]
)
def test_a_word_that_is_commoner_than_what_a_slip_would_make_it_is_left_alone(word: str) -> None:
    assert corrected(word) == (word,)


def test_an_inflection_of_a_common_word_is_left_alone() -> None:
    assert [corrected(word) for word in ("pricing", "plages", "mutated")] == [
        ("pricing",),
        ("plages",),
        ("mutated",),
    ]


def test_no_slur_and_no_strong_insult_is_an_ordinary_word() -> None:
    assert ordinary_words() & lexicon().strong_words == frozenset()


def test_what_stands_for_a_word_with_digits_in_it_is_still_undone() -> None:
    assert [unleeted(word) for word in ("m5s", "1d10t")] == ["m5s", "idiot"]


@pytest.mark.parametrize("language", LANGUAGES)
def test_none_of_the_twenty_thousand_commonest_words_is_guessed_at(language: str) -> None:
    wordfreq = pytest.importorskip("wordfreq", reason="needs the extra dev")
    from moderation_pipeline.agents.keyless.reading import without_accents

    words = {without_accents(word) for word in wordfreq.top_n_list(language, 20_000)}
    assert [word for word in words if corrected(word) != (word,) and word not in lexicon().words] == []
