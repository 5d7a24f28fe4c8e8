"""Chat text made fit for a terminal: what would move the cursor, recolour or hide is shown, not done (law 6).

What is invisible is `text/visible.py`'s to say; the page escapes in `report/markup.py`.
"""

from __future__ import annotations

import unicodedata

from moderation_pipeline.text.visible import is_invisible

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
    for at, character in enumerate(text):
        marks = marks + 1 if unicodedata.category(character) in ("Mn", "Me") else 0
        if is_invisible(text, at):
            shown.append(_named(character))
        elif marks <= MOST_MARKS:
            shown.append(character)
    return shown


def _named(character: str) -> str:
    code = ord(character)
    if code < 0x20:
        return chr(0x2400 + code)
    return "␡" if code == 0x7F else f"<U+{code:04X}>"
