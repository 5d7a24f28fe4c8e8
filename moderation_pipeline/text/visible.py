"""What is invisible in a text, decided once; and text as data in a prompt: that shown, its length bounded.

The page's and the terminal's own ways to show it are `report/markup.py`'s and `terminal/escaping.py`'s. What a text
*means* once obfuscation is undone is `normalise.py`'s; a model is shown what was typed.
"""

from __future__ import annotations

import re
import unicodedata

INVISIBLE_CATEGORIES = frozenset({"Cc", "Cf", "Cn", "Co", "Cs", "Zl", "Zp"})
INVISIBLE_LETTERS = frozenset("\u115f\u1160\u2800\u3164\uffa0\u034f\u17b4\u17b5")
"""Letters and marks that have no shape: Hangul fillers, the Braille blank, joiners."""

VARIATION_SELECTORS = re.compile("[\ufe00-\ufe0e\U000e0100-\U000e01ef]")
"""They choose a glyph, and smuggle bytes; the sixteenth makes an emoji of the sign before it."""

PICTURE_SELECTOR = "\ufe0f"
KEYCAPS = frozenset("0123456789#*\u2139")
"""Digits, signs and a letter that the selector makes an emoji of."""

NEW_EMOJI = re.compile("[\U0001f000-\U0001faff]")
"""Unassigned here means: an emoji that is newer than this Python's tables."""

PLAIN = re.compile(r"[ -~\u00a1-\u00ac\u00ae-\u024f]*")
"""Text in which every character can be seen: most of chat, and told at once."""

EMOJI_JOINER = "\u200d"


def visible(text: str) -> str:
    """Return the text with every character that can't be seen as ⟨U+200B⟩, runs of one as ⟨U+200B⟩×12."""
    if PLAIN.fullmatch(text):
        return text
    shown: list[str] = []
    position = 0
    while position < len(text):
        character = text[position]
        if not is_invisible(text, position):
            shown.append(character)
            position += 1
            continue
        end = position
        while end < len(text) and text[end] == character:
            end += 1
        count = end - position
        shown.append(f"⟨U+{ord(character):04X}⟩" + (f"×{count}" if count > 1 else ""))
        position = end
    return "".join(shown)


def shortened(text: str, most: int) -> str:
    """Return the text with what is over `most` characters cut out of its middle, and the cut said."""
    if len(text) <= most:
        return text
    head, tail = most * 3 // 4, most // 4
    return f"{text[:head]}⟨{len(text) - head - tail} characters left out⟩{text[-tail:]}"


def is_invisible(text: str, at: int) -> bool:
    """Whether nobody who reads the text sees the character there, or what it does to others.

    A joiner between two emoji and a selector after a sign are parts of an emoji, and seen.
    """
    character = text[at]
    if character == EMOJI_JOINER:
        return not (0 < at < len(text) - 1 and _is_pictured(text[at - 1 : at + 2 : 2]))
    if character == PICTURE_SELECTOR:
        return not (at > 0 and _may_be_pictured(text[at - 1]))
    if character in INVISIBLE_LETTERS or VARIATION_SELECTORS.match(character):
        return True
    return unicodedata.category(character) in INVISIBLE_CATEGORIES and not NEW_EMOJI.match(character)


def _may_be_pictured(character: str) -> bool:
    """Whether a selector may make an emoji of the character: of any sign, and of few letters and digits."""
    return character in KEYCAPS or unicodedata.category(character)[0] in "SP"


def _is_pictured(around: str) -> bool:
    """Whether both neighbours of a joiner belong to an emoji: a symbol, its skin tone, its selector."""
    return all(unicodedata.category(each) in ("So", "Sk") or each == "\ufe0f" for each in around)


def legible(name: str) -> str:
    """Return a file's name as UTF-8 can hold it, no two names as one: of bytes that are no letters their codes."""
    return name.encode("utf-8", "backslashreplace").decode("utf-8")
