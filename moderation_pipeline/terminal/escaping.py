"""Chat text made fit for a terminal: what would move the cursor, recolour or hide is shown, not done (law 6).

Reports escape for HTML in `evaluation`; prompts show invisible characters in `agents`.
"""

from __future__ import annotations

import unicodedata

ZERO_WIDTH_JOINER = "\u200d"
MOST_MARKS = 3
"""Combining marks kept on one letter: enough for Vietnamese, too few to scribble over other lines."""


def harmless(text: str) -> str:
    """Return the text in one line, every character visible: `␛` for escape, `<U+202E>` for what hides."""
    if text.isascii() and text.isprintable():
        return text
    return "".join(_shown(text))


def _shown(text: str) -> list[str]:
    shown: list[str] = []
    marks = 0
    for i, character in enumerate(text):
        category = unicodedata.category(character)
        marks = marks + 1 if category in ("Mn", "Me") else 0
        if marks > MOST_MARKS or (marks and _is_variation_selector(character)):
            continue
        if character == ZERO_WIDTH_JOINER and _joins_emoji(text, i):
            shown.append(character)
        elif category[0] == "C" or category in ("Zl", "Zp"):
            shown.append(_named(character))
        else:
            shown.append(character)
    return shown


def _named(character: str) -> str:
    code = ord(character)
    if code < 0x20:
        return chr(0x2400 + code)
    return "␡" if code == 0x7F else f"<U+{code:04X}>"


def _joins_emoji(text: str, i: int) -> bool:
    around = (text[i - 1 : i], text[i + 1 : i + 2])
    return all(
        each and (unicodedata.category(each) in ("So", "Sk") or ord(each) == 0xFE0F) for each in around
    )


def _is_variation_selector(character: str) -> bool:
    """Tell those that choose a glyph (kept: U+FE0F makes an emoji) from the 240 used to smuggle bytes."""
    return 0xE0100 <= ord(character) <= 0xE01EF or 0xFE00 <= ord(character) <= 0xFE0D
