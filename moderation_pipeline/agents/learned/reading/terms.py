"""The terms of a text: its words, and the letters within them, with slips of the finger undone.

Both are found token by token, what stands between spaces, for chats repeat tokens far more than texts. Which terms
count, and how much, is `vocabulary.py`'s.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from functools import lru_cache
from itertools import chain
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from sklearn.feature_extraction.text import CountVectorizer

from moderation_pipeline.text.spelling import without_slips

WORD, CHARACTERS = "word ", "letters "
"""What the name of a term begins with; the rest is the term itself."""

_words = CountVectorizer(lowercase=False, token_pattern=r"(?u)\b\w+\b|[?!.]+").build_analyzer()
_characters = CountVectorizer(lowercase=False, analyzer="char_wb", ngram_range=(2, 5)).build_analyzer()
"""Words and characters within words: pairs of words cost F1 on the research stream (.844, not .848)."""


class Token(NamedTuple):
    """The names of a token's terms, as often as they are in it, in their order."""

    words: Sequence[str]
    letters: Sequence[str]


class Terms(NamedTuple):
    """The distinct terms of a text: their names, 1 + log of their counts, and how many of them are words."""

    names: Sequence[str]
    weights: NDArray[np.float64]
    words: int


def tokens_of(text: str) -> list[str]:
    """Return what stands between spaces in a normalised text once slips are undone."""
    return without_slips(text).split()


@lru_cache(maxsize=16_384)
def token_of(token: str) -> Token:
    """Return the terms of a token."""
    return Token(
        tuple(WORD + term for term in _words(token)),
        tuple(CHARACTERS + term for term in _characters(token)),
    )


def terms_of(text: str) -> Terms:
    """Return the terms of a normalised text."""
    tokens = [token_of(token) for token in tokens_of(text)]
    words = Counter(chain.from_iterable(each.words for each in tokens))
    letters = Counter(chain.from_iterable(each.letters for each in tokens))
    counts = np.array([*words.values(), *letters.values()], dtype=np.float64)
    return Terms((*words, *letters), 1 + np.log(counts), len(words))
