"""Terms as numbered features, known from audited texts alone.

A term that no audited text held has no weight, so it needs no number: the vocabulary grows with the audits,
and every feature has a name that an explanation can show. Weighting follows TF-IDF (Salton & Buckley 1988,
doi:10.1016/0306-4573(88)90021-0) with 1 + log counts; words and characters are scaled to unit length apart.
What the terms of a text are is in `terms.py`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from itertools import chain
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from moderation_pipeline.agents.learned.reading.row_blocks import Cells, ends_of
from moderation_pipeline.agents.learned.reading.terms import terms_of, token_of, tokens_of

Floats = NDArray[np.float64]

KEPT_TOKENS = 32_768
"""Tokens whose numbers are remembered until the next fit."""


class Numbered(NamedTuple):
    """The terms of an audited text by number, with their weights; words come first."""

    numbers: NDArray[np.int32]
    weights: Floats
    words: int


class _KnownToken(NamedTuple):
    """The numbers of those of a token's terms that are known, as often as they are in it, in their order."""

    words: Sequence[int]
    letters: Sequence[int]


class Vocabulary:
    """Numbers terms in the order in which audits brought them; counts the audited texts holding each."""

    def __init__(self) -> None:
        self._numbers: dict[str, int] = {}
        self._document_counts: list[int] = []
        self._documents = 0
        self._idf: Floats = np.empty(0)
        # What is known changes only when weights are taken anew, so that a token is looked up once in between.
        self._known_tokens: dict[str, _KnownToken] = {}

    def __len__(self) -> int:
        return len(self._numbers)

    @property
    def names(self) -> list[str]:
        """Return the terms by number, as an explanation shows them."""
        return list(self._numbers)

    def learn(self, text: str) -> Numbered:
        """Number the new terms of an audited text, and return all of its terms. Weights stay until `freeze`."""
        terms = terms_of(text)
        self._documents += 1
        numbers = [self._numbers.setdefault(name, len(self._numbers)) for name in terms.names]
        self._document_counts += [0] * (len(self._numbers) - len(self._document_counts))
        for number in numbers:
            self._document_counts[number] += 1
        return Numbered(np.array(numbers, dtype=np.int32), terms.weights, terms.words)

    def freeze(self) -> None:
        """Take the weights from the counts as they are now, for all rows until the next time."""
        counts = np.array(self._document_counts, dtype=np.float64)
        self._idf = np.log((1 + self._documents) / (1 + counts)) + 1
        self._known_tokens.clear()

    def rows(self, terms: Sequence[Numbered]) -> Cells:
        """Return the weights of the known terms of audited texts, as wide as there were terms when last frozen."""
        numbers = np.concatenate([np.empty(0, dtype=np.int32), *(each.numbers for each in terms)])
        weights = np.concatenate([np.empty(0), *(each.weights for each in terms)])
        halves = np.array([n for each in terms for n in (each.words, len(each.numbers) - each.words)])
        half = np.repeat(np.arange(2 * len(terms)), halves)
        kept = numbers < len(self._idf)
        return self._scaled(numbers[kept], weights[kept], half[kept], len(terms))

    def rows_of(self, texts: Sequence[str]) -> Cells:
        """Return the same of normalised texts, audited or not."""
        numbers: list[int] = []
        counts: list[int] = []
        halves: list[int] = []
        for text in texts:
            tokens = [self._known(token) for token in tokens_of(text)]
            for found in ([each.words for each in tokens], [each.letters for each in tokens]):
                counted = Counter(chain.from_iterable(found))
                numbers += counted
                counts += counted.values()
                halves.append(len(counted))
        weights = 1 + np.log(np.array(counts, dtype=np.float64))
        half = np.repeat(np.arange(2 * len(texts)), halves)
        return self._scaled(np.array(numbers, dtype=np.int32), weights, half, len(texts))

    def _known(self, token: str) -> _KnownToken:
        known = self._known_tokens.get(token)
        if known is None:
            if len(self._known_tokens) >= KEPT_TOKENS:
                self._known_tokens.clear()
            known = self._known_tokens[token] = _KnownToken(*map(self._look_up, token_of(token)))
        return known

    def _look_up(self, names: Sequence[str]) -> list[int]:
        find, known = self._numbers.get, len(self._idf)
        return [number for name in names if (number := find(name, known)) < known]

    def _scaled(
        self, numbers: NDArray[np.int32], weights: Floats, half: NDArray[np.int64], rows: int
    ) -> Cells:
        """Return the rows of numbered terms; the words of a text, and its letters, are scaled to unit length apart.

        `half` is twice the row for words, and one more for letters.
        """
        weights = weights * self._idf[numbers]
        lengths = np.sqrt(np.bincount(half, weights**2, minlength=2 * rows))
        ends = ends_of(np.bincount(half // 2, minlength=rows))
        return Cells(weights / lengths[half], numbers, ends, len(self._idf))

    @property
    def document_counts(self) -> NDArray[np.int64]:
        """How many audited texts held each term, by number."""
        return np.array(self._document_counts, dtype=np.int64)

    @property
    def documents(self) -> int:
        """How many texts were audited."""
        return self._documents

    @classmethod
    def restored(cls, names: Sequence[str], counts: NDArray[np.int64], documents: int) -> Vocabulary:
        """Return the vocabulary that a snapshot kept, frozen."""
        vocabulary = cls()
        vocabulary._numbers = {name: number for number, name in enumerate(names)}
        vocabulary._document_counts = counts.tolist()
        vocabulary._documents = documents
        vocabulary.freeze()
        return vocabulary
