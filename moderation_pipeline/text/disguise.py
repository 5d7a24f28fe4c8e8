"""What normalising undid: letters that were hidden, or only stretched.

How it is undone is in `comments.normalise`.
"""

from __future__ import annotations

import html
import re
import unicodedata
from typing import NamedTuple

HIDDEN_INSIDE = re.compile(
    "[A-Za-z][\u00ad\u034f\u180b-\u180f\u200b-\u200f\u202a-\u202e\u2060-\u206f\ufeff\U000e0000-\U000e0fff]+[A-Za-z]"
)
FANCY_LETTER = re.compile("[\U0001d400-\U0001d7ff\U0001f130-\U0001f189\u24b6-\u24e9]")
"""Letters of mathematics and in circles, which no language is written in."""

RUN = re.compile(r"(.)\1+")


class Disguise(NamedTuple):
    """Whether letters were hidden, and whether letters were stretched; 0 or 1 each."""

    obfuscated: int
    stretched: int


def disguise(text: str, normalised: str) -> Disguise:
    """Return how a text and its normalised form differ, beyond case, spaces, entities and punctuation.

    An invisible character after the text (which chat clients add so that a line may be sent twice) hides
    nothing.
    """
    if HIDDEN_INSIDE.search(text) or FANCY_LETTER.search(text):
        return Disguise(1, 0)
    before = [_letters(word) for word in unicodedata.normalize("NFKC", html.unescape(text)).lower().split()]
    after = [_letters(word) for word in normalised.split()]
    before, after = [word for word in before if word], [word for word in after if word]
    if before == after:
        return Disguise(0, 0)
    is_same = [RUN.sub(r"\1", word) for word in before] == [RUN.sub(r"\1", word) for word in after]
    return Disguise(0, 1) if is_same else Disguise(1, 0)


def _letters(word: str) -> str:
    return "".join([sign for sign in word if sign.isalnum()])
