"""The terms of a text: its words, and the letters within them, with slips of the finger undone.

Both are found token by token, what stands between spaces, for chats repeat tokens far more than texts. Which terms
count, and how much, is `vocabulary.py`'s.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache
from typing import NamedTuple

from moderation_pipeline.text.spelling import without_slips

WORD, CHARACTERS = "word ", "letters "
"""What the name of a term begins with; the rest is the term itself."""

LETTERS = (2, 3, 4, 5)
"""So many of them are a term: words and letters, for pairs of words cost F1 on the research stream (.844, not .848)."""

_WORDS = re.compile(r"\b\w+\b|[?!.]+")


class Token(NamedTuple):
    """The names of a token's terms, as often as they are in it, in their order."""

    words: Sequence[str]
    letters: Sequence[str]


def tokens_of(text: str) -> list[str]:
    """Return what stands between spaces in a normalised text once slips are undone."""
    return without_slips(text).split()


@lru_cache(maxsize=16_384)
def token_of(token: str) -> Token:
    """Return the terms of a token."""
    # As scikit-learn's `char_wb` has them, with a space at either end; what is shorter is one term.
    spaced = f" {token} "
    return Token(
        tuple([WORD + term for term in _WORDS.findall(token)]),
        tuple(
            [CHARACTERS + spaced[at : at + many] for many in LETTERS for at in range(len(spaced) - many + 1)]
        ),
    )
