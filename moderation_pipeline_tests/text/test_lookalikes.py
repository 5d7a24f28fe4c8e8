from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from moderation_pipeline.text.lookalikes import INVISIBLE, fold_lookalikes


@given(st.text(alphabet=st.characters(max_codepoint=127)))
def test_ascii_is_left_alone(text: str) -> None:
    assert fold_lookalikes(text) == text


@given(st.text(max_size=40))
def test_nothing_invisible_is_left(text: str) -> None:
    assert INVISIBLE.search(fold_lookalikes(text)) is None


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("раураl pаypal", "раураl pаypal".translate(str.maketrans("рауа", "paya"))),
        ("fυck", "fuck"),
        ("ᴋɪʟʟ", "kill"),
        ("it’s “so”", 'it\'s "so"'),
        ("\U000e0067hi\U000e007f", "hi"),
        ("z̷a̷l̷g̷o̷", "zalgo"),
    ],
)
def test_a_disguise_of_unicode_is_undone(text: str, expected: str) -> None:
    assert fold_lookalikes(text) == expected


@pytest.mark.parametrize(
    "text", ["привет", "Ελλάδα", "日本語", "한국어", "हिन्दी", "עברית", "señor", "łódź", "straße", "🇩🇪"]
)
def test_a_word_of_one_script_stays_what_it_is(text: str) -> None:
    assert fold_lookalikes(text) == text


def test_beside_a_disguised_word_of_a_latin_text_words_of_look_alikes_alone_are_disguised_too() -> None:
    assert fold_lookalikes("оnе еуе open") == "one eye open"


def test_one_mixed_word_doesn_t_make_latin_of_a_russian_text() -> None:
    assert fold_lookalikes("еуе рост сахар pост") == "еуе рост сахар poct"


@pytest.mark.parametrize("text", ["всi люди бачили цей фiльм", "добре, зустрiнемося пiзнiше"])
def test_a_latin_letter_in_a_text_of_another_script_is_a_slip_and_no_disguise(text: str) -> None:
    assert fold_lookalikes(text) == text


@pytest.mark.parametrize(
    ("text", "folded"),
    [
        ("you are an іdіоt", "you are an idiot"),
        ("ты жё мы іdіоt", "ты жё мы idiot"),
        ("ты жё мы рussу", "ты жё мы pussy"),
    ],
)
def test_a_disguised_word_is_folded_in_any_text(text: str, folded: str) -> None:
    assert fold_lookalikes(text) == folded
