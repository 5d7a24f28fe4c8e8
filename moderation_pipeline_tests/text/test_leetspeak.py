from __future__ import annotations

import pytest

from moderation_pipeline.text.leetspeak import resolved, unleeted


@pytest.mark.parametrize(
    ("word", "expected"),
    [
        ("n1gg3r", "nigger"),
        ("8itch", "bitch"),
        ("a55hole", "asshole"),
        ("@ss", "ass"),
        ("sh!t!!", "shit!!"),
        ('"n00bs"', '"noobs"'),
        ("f**k", "fuck"),
        ("mu5l1m5", "muslims"),
    ],
)
def test_signs_are_read_as_the_letters_they_stand_for(word: str, expected: str) -> None:
    assert unleeted(word) == expected


@pytest.mark.parametrize(
    "word",
    [
        "600k",
        "900k",
        "5head",
        "gr8",
        "mp3",
        "1v5",
        "4ever",
        "2nd",
        "80s",
        "@s1mple99",
        "**",
        "x*y",
        "c+",
        "!",
    ],
)
def test_what_makes_no_word_is_left_as_it_is(word: str) -> None:
    assert unleeted(word) == word


def test_a_row_of_digits_stands_for_no_word() -> None:
    assert resolved("455") is None
