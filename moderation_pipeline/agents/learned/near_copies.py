"""Which audited texts are near-copies: they share more than half of their words with the first of them.

Who has a line audited again and again says it with another word at the end, or has others say it. What hangs on it is
`proof.py`'s.
"""

from __future__ import annotations

import re

_WORDS = re.compile(r"\w+")

SHARED = 0.5
"""Of all words of two near-copies, more than this part is in both (Jaccard's coefficient): lines that only begin alike
have other words in plenty, and a copy has few."""


class NearCopies:
    """Numbers normalised texts in the order in which they came: near-copies have the number of the first of them."""

    def __init__(self) -> None:
        self._number_of: dict[str, int] = {}
        self._firsts: list[frozenset[str]] = []
        self._firsts_with: dict[str, list[int]] = {}

    def of(self, text: str) -> int:
        """Return the number that a text shares with its near-copies: of the nearest first before it, from then on."""
        known = self._number_of.get(text)
        if known is None:
            known = self._number_of[text] = self._nearest_or_new(text)
        return known

    def _nearest_or_new(self, text: str) -> int:
        words = frozenset(_WORDS.findall(text)) or frozenset([text])
        # Who shares more than half of his words shares one of the longer half: those are seldom in another text.
        telling = sorted(words, key=lambda word: (-len(word), word))[: (len(words) + 1) // 2]
        found = {number for word in telling for number in self._firsts_with.get(word, ())}
        near, number = max(((_shared(words, self._firsts[each]), -each) for each in found), default=(0.0, 0))
        if near > SHARED:
            return -number
        self._firsts.append(words)
        for word in telling:
            self._firsts_with.setdefault(word, []).append(len(self._firsts) - 1)
        return len(self._firsts) - 1


def _shared(one: frozenset[str], other: frozenset[str]) -> float:
    return len(one & other) / len(one | other)
