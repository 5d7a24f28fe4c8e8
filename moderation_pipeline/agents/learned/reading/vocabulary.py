"""Terms as numbered features, known from audited texts alone.

A term that no audited text held has no weight, so it needs no number: the vocabulary grows with the audits,
and every feature has a name that an explanation can show. Weighting follows TF-IDF (Salton & Buckley 1988,
doi:10.1016/0306-4573(88)90021-0) with 1 + log counts; words and characters are scaled to unit length apart.
What the terms of a text are is in `terms.py`.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain, count
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from moderation_pipeline.agents.learned.reading.row_blocks import Cells, ends_of
from moderation_pipeline.agents.learned.reading.terms import Token, token_of, tokens_of

Floats = NDArray[np.float64]
TermNumbers = NDArray[np.int32]

ROOM = 4_096
"""Terms for whose counts there is room to begin with; it doubles."""

KEPT_TOKENS = 32_768
"""Tokens whose numbers are remembered."""


class Numbered(NamedTuple):
    """The terms of an audited text by number, with their weights; words come first."""

    numbers: TermNumbers
    weights: Floats
    words: int


@dataclass(slots=True)
class _KnownToken:
    """The numbers of those of a token's terms that are known, as often as they are in it, in their order.

    `others` are the names of the rest, none of which was among the first `width` terms.
    """

    words: TermNumbers
    letters: TermNumbers
    others: Sequence[str]
    width: int


class _Counted(NamedTuple):
    """Distinct terms in the order in which they first come, the half that each is of, and how often it is there."""

    numbers: TermNumbers
    halves: NDArray[np.int64]
    counts: NDArray[np.int64]

    @property
    def weights(self) -> Floats:
        """1 + log of the counts."""
        weights: Floats = 1 + np.log(self.counts.astype(np.float64))
        return weights


class Vocabulary:
    """Numbers terms in the order in which audits brought them; counts the audited texts holding each."""

    def __init__(self) -> None:
        # The next number for each name that is looked up anew.
        self._numbers: defaultdict[str, int] = defaultdict(count().__next__)
        self._document_counts: NDArray[np.int64] = np.zeros(ROOM, dtype=np.int64)
        self._documents = 0
        self._idf: Floats = np.empty(0)
        # Terms keep their numbers, so that of a token that was looked up only the rest is, once weights are taken anew.
        self._known_tokens: dict[str, _KnownToken] = {}
        # Of audited texts: all terms of their tokens are numbered.
        self._word_numbers: dict[str, TermNumbers] = {}
        self._letter_numbers: dict[str, TermNumbers] = {}

    def __len__(self) -> int:
        return len(self._numbers)

    @property
    def names(self) -> list[str]:
        """Return the terms by number, as an explanation shows them."""
        return list(self._numbers)

    def learn(self, texts: Sequence[str]) -> list[Numbered]:
        """Number the new terms of audited texts, and return all of their terms. Weights stay until `freeze`."""
        tokens = [tokens_of(text) for text in texts]
        found: list[TermNumbers] = []
        for of_text in tokens:
            found += [self._numbers_of(self._word_numbers, token) for token in of_text]
            found += [self._numbers_of(self._letter_numbers, token) for token in of_text]
        counted = _counted(np.concatenate([NO_TERMS, *found]), _halves(tokens, found), len(self._numbers))
        self._documents += len(texts)
        lacking = len(self._numbers) - len(self._document_counts)
        if lacking > 0:
            self._document_counts = np.pad(self._document_counts, (0, max(lacking, len(self._numbers))))
        np.add.at(self._document_counts, counted.numbers, 1)
        return _by_text(counted, len(texts))

    def _numbers_of(self, numbered: dict[str, TermNumbers], token: str) -> TermNumbers:
        """Return the numbers of a token's words or letters, the new ones numbered now; they keep them."""
        known = numbered.get(token)
        if known is None:
            terms = token_of(token)
            names = terms.words if numbered is self._word_numbers else terms.letters
            if len(numbered) >= KEPT_TOKENS:
                numbered.clear()
            known = numbered[token] = np.array([*map(self._numbers.__getitem__, names)], dtype=np.int32)
        return known

    def freeze(self) -> None:
        """Take the weights from the counts as they are now, for all rows until the next time."""
        self._idf = np.log((1 + self._documents) / (1 + self.document_counts.astype(np.float64))) + 1

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
        tokens = [tokens_of(text) for text in texts]
        known = {token: self._known(token) for token in dict.fromkeys(chain.from_iterable(tokens))}
        found: list[TermNumbers] = []
        for of_text in tokens:
            found += [known[token].words for token in of_text]
            found += [known[token].letters for token in of_text]
        counted = _counted(np.concatenate([NO_TERMS, *found]), _halves(tokens, found), len(self._idf))
        return self._scaled(counted.numbers, counted.weights, counted.halves, len(texts))

    def _known(self, token: str) -> _KnownToken:
        known, width = self._known_tokens.get(token), len(self._idf)
        if known is not None:
            if known.width == width:
                return known
            if self._numbers.keys().isdisjoint(known.others):
                known.width = width
                return known
        if len(self._known_tokens) >= KEPT_TOKENS:
            self._known_tokens.clear()
        known = self._known_tokens[token] = self._looked_up(token_of(token))
        return known

    def _looked_up(self, token: Token) -> _KnownToken:
        find, width = self._numbers.get, len(self._idf)
        halves: list[TermNumbers] = []
        others: list[str] = []
        for names in (token.words, token.letters):
            numbers = [find(name, width) for name in names]
            known = [number for number in numbers if number < width]
            if len(known) < len(numbers):
                others += [name for name, number in zip(names, numbers, strict=True) if number >= width]
            halves.append(np.array(known, dtype=np.int32))
        words, letters = halves
        return _KnownToken(words, letters, others, width)

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
        return self._document_counts[: len(self._numbers)].copy()

    @property
    def documents(self) -> int:
        """How many texts were audited."""
        return self._documents

    @classmethod
    def restored(cls, names: Sequence[str], counts: NDArray[np.int64], documents: int) -> Vocabulary:
        """Return the vocabulary that a snapshot kept, frozen."""
        vocabulary = cls()
        vocabulary._numbers = defaultdict(
            count(len(names)).__next__, zip(names, range(len(names)), strict=True)
        )
        vocabulary._document_counts = counts.astype(np.int64)
        vocabulary._documents = documents
        vocabulary.freeze()
        return vocabulary


NO_TERMS: TermNumbers = np.empty(0, dtype=np.int32)


def _halves(tokens: Sequence[Sequence[str]], found: Sequence[TermNumbers]) -> NDArray[np.int64]:
    """Return the half that each term is of: of each text the words of all its tokens, then their letters."""
    of_token = np.repeat(np.arange(2 * len(tokens)), [len(of_text) for of_text in tokens for _ in range(2)])
    return np.repeat(of_token, [len(each) for each in found])


def _by_text(counted: _Counted, texts: int) -> list[Numbered]:
    """Return the terms of each text apart; copied, for one text that is kept would keep those of its whole batch."""
    weights, per_half = counted.weights, np.bincount(counted.halves, minlength=2 * texts)
    ends = ends_of(per_half[::2] + per_half[1::2]).tolist()
    return [
        Numbered(counted.numbers[begin:end].copy(), weights[begin:end].copy(), words)
        for begin, end, words in zip(ends[:-1], ends[1:], per_half[::2].tolist(), strict=True)
    ]


def _counted(numbers: TermNumbers, half: NDArray[np.int64], width: int) -> _Counted:
    """Count the terms of each half, of which there are `width` in all.

    All halves at once, by sorting: a dictionary for each takes several times as long. A term's place is the last
    digits of what is sorted, so that the first of equal ones is known.
    """
    many = len(numbers)
    digits = many.bit_length()
    keys = ((half * width + numbers) << digits) + np.arange(many)
    keys.sort()
    terms, places = keys >> digits, keys & ((1 << digits) - 1)
    first = np.flatnonzero(np.diff(terms, prepend=-1))
    counts = np.zeros(many, dtype=np.int64)
    counts[places[first]] = np.diff(first, append=many)
    kept = np.flatnonzero(counts)
    return _Counted(numbers[kept], half[kept], counts[kept])
