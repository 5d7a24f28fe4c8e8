"""Words and character n-grams as numbered features, known from audited texts alone.

A term that no audited text held has no weight, so it needs no number: the vocabulary grows with the audits,
and every feature has a name that an explanation can show. Weighting follows TF-IDF (Salton & Buckley 1988,
doi:10.1016/0306-4573(88)90021-0) with 1 + log counts; words and characters are scaled to unit length apart.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix
from sklearn.feature_extraction.text import CountVectorizer

KINDS = ("word", "chars")

_ANALYZERS = {
    "word": CountVectorizer(lowercase=False, token_pattern=r"(?u)\b\w+\b|[?!.]+").build_analyzer(),
    "chars": CountVectorizer(lowercase=False, analyzer="char_wb", ngram_range=(2, 5)).build_analyzer(),
}
"""Words and characters within words: pairs of words cost F1 on the research stream (.844, not .848)."""


class Term(NamedTuple):
    """A word or a run of characters of a text, and how often the text holds it."""

    kind: str
    text: str
    times: int


@lru_cache(maxsize=65_536)
def terms_of(text: str) -> tuple[Term, ...]:
    """Return the terms of a normalised text; of like texts, which chats are full of, only once."""
    return tuple(
        Term(kind, term, count) for kind in KINDS for term, count in Counter(_ANALYZERS[kind](text)).items()
    )


class Vocabulary:
    """Numbers terms in the order in which audits brought them; counts the audited texts holding each."""

    def __init__(self) -> None:
        self._numbers: dict[tuple[str, str], int] = {}
        self._names: list[tuple[str, str]] = []
        self._document_counts: list[int] = []
        self._documents = 0
        self._idf: NDArray[np.float64] = np.empty(0)

    def __len__(self) -> int:
        return len(self._names)

    @property
    def names(self) -> Sequence[tuple[str, str]]:
        """Return (kind, term) by number."""
        return self._names

    def name_of(self, number: int) -> str:
        """Return the term as an explanation shows it."""
        kind, term = self._names[number]
        return f"word {term!r}" if kind == "word" else f"letters {term!r}"

    def learn(self, texts: Iterable[str]) -> None:
        """Number the new terms of audited texts. Weights stay until `freeze`."""
        for text in texts:
            self._documents += 1
            for kind, term, _ in terms_of(text):
                number = self._numbers.setdefault((kind, term), len(self._names))
                if number == len(self._names):
                    self._names.append((kind, term))
                    self._document_counts.append(0)
                self._document_counts[number] += 1

    def freeze(self) -> None:
        """Take the weights from the counts as they are now, for all rows until the next time."""
        counts = np.array(self._document_counts, dtype=np.float64)
        self._idf = np.log((1 + self._documents) / (1 + counts)) + 1

    def rows(self, texts: Sequence[str]) -> csr_matrix:
        """Return the weights of the known terms, shape (len(texts), terms when last frozen)."""
        known = len(self._idf)
        indices: list[int] = []
        weights: list[float] = []
        pointers = [0]
        for text in texts:
            for number, weight in _weighted(terms_of(text), self._numbers, self._idf):
                indices.append(number)
                weights.append(weight)
            pointers.append(len(indices))
        return csr_matrix(
            (np.array(weights), np.array(indices, dtype=np.int32), pointers), shape=(len(texts), known)
        )

    def to_json(self) -> dict[str, list[str] | list[int] | int]:
        """Return what a snapshot keeps: terms by number, their counts, and how many texts were audited."""
        return {
            "kinds": [kind for kind, _ in self._names],
            "terms": [term for _, term in self._names],
            "document_counts": list(self._document_counts),
            "documents": self._documents,
        }

    @classmethod
    def from_json(
        cls, kinds: Sequence[str], terms: Sequence[str], counts: Sequence[int], documents: int
    ) -> Vocabulary:
        """Return the vocabulary that a snapshot kept, frozen."""
        vocabulary = cls()
        vocabulary._names = list(zip(kinds, terms, strict=True))
        vocabulary._numbers = {name: number for number, name in enumerate(vocabulary._names)}
        vocabulary._document_counts = list(counts)
        vocabulary._documents = documents
        vocabulary.freeze()
        return vocabulary


def _weighted(
    terms: Sequence[Term], numbers: dict[tuple[str, str], int], idf: NDArray[np.float64]
) -> list[tuple[int, float]]:
    """Return (number, weight) of the known terms of one text, each kind scaled to unit length."""
    known = len(idf)
    found: dict[str, list[tuple[int, float]]] = {kind: [] for kind in KINDS}
    for kind, term, count in terms:
        number = numbers.get((kind, term), known)
        if number < known:
            found[kind].append((number, (1 + float(np.log(count)) if count > 1 else 1.0) * idf[number]))
    scaled: list[tuple[int, float]] = []
    for entries in found.values():
        length = sum(weight * weight for _, weight in entries) ** 0.5
        scaled += [(number, weight / length) for number, weight in entries]
    return scaled
