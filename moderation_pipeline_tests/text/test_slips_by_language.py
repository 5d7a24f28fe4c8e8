from __future__ import annotations

import pytest

from moderation_pipeline.agents.keyless.reading import without_accents
from moderation_pipeline.text.slips_by_language import corrected_in, ordinary_by_language
from moderation_pipeline.text.words_by_language import languages_file


@pytest.mark.parametrize(
    ("word", "language", "meant"),
    [
        ("musilme", "de", ("muslime",)),
        ("hassefrauen", "de", ("hasse", "frauen")),
        ("fluchtl1nge", "de", ("fluchtlinge",)),
        ("homsoexuales", "es", ("homosexuales",)),
        ("sonidiotas", "es", ("son", "idiotas")),
        ("imigrnates", "pt", ("imigrantes",)),
        ("smi3ci", "pl", ("smieci",)),
    ],
)
def test_one_slip_is_undone_in_its_language(word: str, language: str, meant: tuple[str, ...]) -> None:
    assert corrected_in(word, language) == meant


@pytest.mark.parametrize("word", ["schule", "schulleiterin", "immigration"])
def test_a_word_that_begins_as_an_ordinary_one_is_left_alone(word: str) -> None:
    assert corrected_in(word, "de") == (word,)


def test_a_language_without_words_has_no_slips() -> None:
    assert ordinary_by_language().keys() == languages_file().languages.keys()
    assert corrected_in("musilme", "nl") == ("musilme",)


@pytest.mark.parametrize("language", sorted(languages_file().languages))
def test_what_is_undone_of_the_commonest_words_is_far_rarer_than_what_it_is_taken_for(language: str) -> None:
    wordfreq = pytest.importorskip("wordfreq", reason="needs the extra dev")
    wrongly = []
    for word in wordfreq.top_n_list(language, 20_000):
        plain = without_accents(word)
        meant = corrected_in(plain, language)
        if meant != (plain,) and plain.isalpha():
            frequency = wordfreq.zipf_frequency(word, language)
            if len(meant) > 1 or frequency >= wordfreq.zipf_frequency(meant[0], language) - 1.5:
                wrongly.append(word)
    assert wrongly == []
