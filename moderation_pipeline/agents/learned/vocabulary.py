"""Words and character n-grams as numbered features, known from audited texts alone; slips of the finger undone.

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

from moderation_pipeline.text.spelling import without_slips

WORD, CHARACTERS = "word ", "letters "
"""What the name of a term begins with; the rest is the term itself."""

_words = CountVectorizer(lowercase=False, token_pattern=r"(?u)\b\w+\b|[?!.]+").build_analyzer()
_characters = CountVectorizer(lowercase=False, analyzer="char_wb", ngram_range=(2, 5)).build_analyzer()
"""Words and characters within words: pairs of words cost F1 on the research stream (.844, not .848)."""

UNKNOWN = -1


class Terms(NamedTuple):
    """The distinct terms of a text: their names, 1 + log of their counts, and how many of them are words."""

    names: tuple[str, ...]
    weights: NDArray[np.float64]
    words: int


@lru_cache(maxsize=65_536)
def terms_of(text: str) -> Terms:
    """Return the terms of a normalised text; of like texts, which chats are full of, only once."""
    text = without_slips(text)
    words = Counter(_words(text))
    characters = Counter(_characters(text))
    names = (*(WORD + term for term in words), *(CHARACTERS + term for term in characters))
    counts = np.array([*words.values(), *characters.values()], dtype=np.float64)
    return Terms(names, 1 + np.log(counts), len(words))


class Numbered(NamedTuple):
    """The terms of a text by number (UNKNOWN where they have none), with their weights; words come first."""

    numbers: NDArray[np.int32]
    weights: NDArray[np.float64]
    words: int


class Vocabulary:
    """Numbers terms in the order in which audits brought them; counts the audited texts holding each."""

    def __init__(self) -> None:
        self._numbers: dict[str, int] = {}
        self._document_counts: list[int] = []
        self._documents = 0
        self._idf: NDArray[np.float64] = np.empty(0)

    def __len__(self) -> int:
        return len(self._numbers)

    @property
    def names(self) -> list[str]:
        """Return the terms by number, as an explanation shows them."""
        return list(self._numbers)

    def learn(self, texts: Iterable[str]) -> None:
        """Number the new terms of audited texts. Weights stay until `freeze`."""
        for text in texts:
            self._documents += 1
            for name in terms_of(text).names:
                number = self._numbers.setdefault(name, len(self._numbers))
                if number == len(self._document_counts):
                    self._document_counts.append(0)
                self._document_counts[number] += 1

    def freeze(self) -> None:
        """Take the weights from the counts as they are now, for all rows until the next time."""
        counts = np.array(self._document_counts, dtype=np.float64)
        self._idf = np.log((1 + self._documents) / (1 + counts)) + 1

    def numbered(self, text: str) -> Numbered:
        """Return the terms of a text as they are numbered now; all of them are, once `learn` took it in."""
        terms = terms_of(text)
        find = self._numbers.get
        numbers = np.array([find(name, UNKNOWN) for name in terms.names], dtype=np.int32)
        return Numbered(numbers, terms.weights, terms.words)

    def rows(self, terms: Sequence[Numbered]) -> csr_matrix:
        """Return the weights of the known terms, shape (len(terms), terms when last frozen).

        The words of a text, and its characters, are each scaled to unit length.
        """
        known = len(self._idf)
        numbers = np.concatenate([np.empty(0, dtype=np.int32), *(each.numbers for each in terms)])
        weights = np.concatenate([np.empty(0), *(each.weights for each in terms)])
        halves = np.array([n for each in terms for n in (each.words, len(each.numbers) - each.words)])
        block = np.repeat(np.arange(2 * len(terms)), halves)
        kept = (numbers != UNKNOWN) & (numbers < known)
        numbers, weights, block = numbers[kept], weights[kept], block[kept]
        weights = weights * self._idf[numbers]
        lengths = np.sqrt(np.bincount(block, weights**2, minlength=2 * len(terms)))
        pointers = np.concatenate([[0], np.cumsum(np.bincount(block // 2, minlength=len(terms)))])
        return csr_matrix((weights / lengths[block], numbers, pointers), shape=(len(terms), known))

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
