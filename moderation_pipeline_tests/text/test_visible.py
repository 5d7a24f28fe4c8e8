from __future__ import annotations

import sys
import unicodedata
from functools import cache

import pytest

from moderation_pipeline.report.markup import pieces
from moderation_pipeline.terminal.escaping import harmless
from moderation_pipeline.text.visible import is_invisible, shortened, visible

PLANE = 0x10000
EVEN_PLANES = range(4 * PLANE, 14 * PLANE), range(15 * PLANE, 17 * PLANE)
"""Nobody's yet, and everybody's own: of their characters, which differ in nothing but the last two, every 61st."""


@cache
def every_character() -> str:
    """All of Unicode, each between two letters."""
    return "a".join(
        chr(code)
        for code in range(sys.maxunicode + 1)
        if code % 61 == 0 or code % PLANE >= PLANE - 2 or not any(code in planes for planes in EVEN_PLANES)
    )


def test_planes_of_which_few_characters_are_looked_at_are_the_same_throughout() -> None:
    for planes in EVEN_PLANES:
        assert len({unicodedata.category(chr(code)) for code in planes if code % PLANE < PLANE - 2}) == 1


@cache
def what_is_seen() -> frozenset[str]:
    every = every_character()
    return frozenset(text for at, text in enumerate(every) if not is_invisible(every, at))


def on_a_page(text: str) -> str:
    return "".join(piece.text for piece in pieces(text, len(text)) if not piece.is_sign)


@pytest.mark.parametrize("show", [visible, harmless, on_a_page], ids=["prompt", "terminal", "page"])
def test_what_can_not_be_seen_is_shown_wherever_text_is_and_what_can_be_is_left(show: object) -> None:
    assert callable(show)
    left = set(show(every_character()))
    signs = set("⟨⟩<>U+×0123456789ABCDEF") | {chr(0x2400 + code) for code in range(0x20)} | {"\u2421"}
    assert left - signs == what_is_seen() - signs


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("gg \U0001fae8 wp", "gg \U0001fae8 wp"),
        ("1\ufe0f\u20e3 \u2194\ufe0f \u2764\ufe0f", "1\ufe0f\u20e3 \u2194\ufe0f \u2764\ufe0f"),
        ("a\ufe0fb", "a⟨U+FE0F⟩b"),
        ("a\u200d1", "a⟨U+200D⟩1"),
        ("\u200b\u200b\u200b", "⟨U+200B⟩×3"),
        ("private \ue000", "private ⟨U+E000⟩"),
    ],
)
def test_a_prompt_shows_what_hides_and_leaves_emoji_whole(text: str, shown: str) -> None:
    assert visible(text) == shown


def test_a_long_text_loses_its_middle_and_says_so() -> None:
    assert shortened("x" * 100, 8) == "xxxxxx⟨92 characters left out⟩xx"
