"""Hostile text made harmless and visible, for HTML and for Markdown (law 6).

What a reader can't see is written out: a line break as ⏎, a zero-width or bidirectional control as U+200B, a
stack of combining marks as its number. What a page could act on is escaped. Text is cut at a length, which is
said. Both outputs are safe anywhere inside a paragraph, a list item or a table's cell.
"""

from __future__ import annotations

import re
import unicodedata
from typing import NamedTuple

from markupsafe import Markup, escape

from moderation_pipeline.text.visible import is_invisible

LONGEST = 280
MOST_MARKS = 3
"""Combining marks kept on one letter: enough for every script, too few to smear over the lines above."""

SIGNS = {"\n": "⏎", "\r": "␍", "\t": "⇥"}
_ACTIVE = re.compile(r"[\\`*\[\]<>&|~$]|(?<![A-Za-z0-9])_|_(?![A-Za-z0-9])|:(?=//)|(?<=www)\.", re.IGNORECASE)
"""What CommonMark, GitHub's tables, links and formulas act on anywhere in a line."""

_OPENING = re.compile(r"^(\d+(?=[.)](?:\s|$)))?([#+=.)-])")
"""What makes a heading, a list or a rule where a block begins."""

_ENTITIES = {"<": "&lt;", ">": "&gt;", "&": "&amp;"}


_PLAIN_OR_ONE = re.compile(r"((?:[ -~]+|[^\W\u115f\u1160\u3164\uffa0]+)+)|.", re.DOTALL)
"""A stretch that needs no look at each of its characters (five thousand cases have ten million), or one that does.

Letters and digits of any script can be seen, but for the Hangul fillers; marks are neither.
"""


class Piece(NamedTuple):
    """A stretch of text, or a sign that stands for something invisible."""

    text: str
    is_sign: bool


def as_html(text: str | None, longest: int = LONGEST) -> Markup:
    """Return the text as HTML that shows it literally, signs in `<span class="sign">`."""
    return Markup(
        "".join(
            f'<span class="sign">{escape(piece.text)}</span>' if piece.is_sign else escape(piece.text)
            for piece in pieces(text, longest)
        )
    )


def as_markdown(text: str | None, longest: int = LONGEST) -> str:
    """Return the text as CommonMark (and GitHub's tables) that renders literally; signs stand in ⟨ ⟩."""
    line = "".join(
        f"⟨{piece.text}⟩" if piece.is_sign else _ACTIVE.sub(_inert, piece.text)
        for piece in pieces(text, longest)
    )
    return _OPENING.sub(r"\1\\\2", line.strip())


def _inert(match: re.Match[str]) -> str:
    return _ENTITIES.get(match[0], f"\\{match[0]}")


def pieces(text: str | None, longest: int = LONGEST) -> list[Piece]:
    """Return the text cut to `longest` characters as stretches of visible text and signs."""
    if not text:
        return [Piece("no text", is_sign=True)]
    cut, left = text[:longest], len(text) - longest
    found: list[Piece] = []
    for part in _PLAIN_OR_ONE.finditer(cut):
        sign = _sign(cut, part.start()) if part[1] is None else None
        _append(found, part[0] if sign is None else sign, is_sign=sign is not None)
    found = _counted(found)
    return [*found, Piece(f"… {left:,} more", is_sign=True)] if left > 0 else found


def _append(found: list[Piece], text: str, *, is_sign: bool) -> None:
    if not is_sign and found and not found[-1].is_sign:
        found[-1] = Piece(found[-1].text + text, is_sign=False)
    else:
        found.append(Piece(text, is_sign))


def _counted(found: list[Piece]) -> list[Piece]:
    """Return the pieces with runs of one sign as `U+200B ×12`."""
    result: list[Piece] = []
    runs: list[int] = []
    for piece in found:
        if result and piece.is_sign and result[-1] == piece:
            runs[-1] += 1
        else:
            result.append(piece)
            runs.append(1)
    return [
        Piece(f"{piece.text} ×{run}", is_sign=True) if run > 1 else piece
        for piece, run in zip(result, runs, strict=True)
    ]


def _sign(text: str, index: int) -> str | None:
    """Return what stands for a character that can't be seen, null for one that can."""
    character = text[index]
    if character in SIGNS:
        return SIGNS[character]
    if is_invisible(text, index):
        return f"U+{ord(character):04X}"
    return _sign_of_mark(text, index) if unicodedata.category(character) in ("Mn", "Me") else None


def _sign_of_mark(text: str, index: int) -> str | None:
    """Return what stands for a mark on top of too many; the shape of an emoji is none."""
    before = text[max(0, index - MOST_MARKS) : index]
    stacked = len(before) == MOST_MARKS and all(unicodedata.category(each) in ("Mn", "Me") for each in before)
    return "mark" if stacked else None
