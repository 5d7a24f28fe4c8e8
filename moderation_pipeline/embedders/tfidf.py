"""The embedder `tfidf`: hashed counts of words, word pairs and characters, as one sparse row per text.

Stateless: a text's row depends on the text alone. The weights (inverse document frequencies) belong to the
memories that are searched, and live in `memory/sparse_index.py`. All texts of a batch are hashed together
in NumPy: 4 µs a text, where scikit-learn's HashingVectorizer takes some 100.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix, vstack

from moderation_pipeline.embedders.embedder import MARKS, Embedder

BITS = 20
"""Columns are hashes of this many bits. Two lines of chat share one by chance in 1 of 400 pairs; a table of 2^22
for the index to look them up in falls out of the processor's cache (2 µs a line)."""

CHARACTERS = 4
"""Length of the character n-grams, word borders included.

Measured on the research stream (nearest memories of all labels, k = 5; F1, µs a query at 5,000 memories):
words alone .679 and 4; with 3-grams .693 and 23; with 4-grams .698 and 8; with 2- to 4-grams .699 and 54.
"""

AT_ONCE = 4096
"""Texts hashed together at most: every letter takes some 100 bytes while it is."""

PRIME = np.uint64(0x9E3779B97F4A7C15)
SPACE = 32
EMPTY, WORD, PAIR, SIGNS, GRAM = (np.uint64(salt) for salt in range(1, 6))

Hashes = NDArray[np.uint64]
Rows = NDArray[np.int64]


class TfidfEmbedder(Embedder):
    """Words, pairs of neighbouring words, runs of signs, and characters; the marks of a state as words."""

    name = "tfidf"
    is_dense = False

    def embed(self, texts: Sequence[str]) -> csr_matrix:
        """Return the counts, shape (len(texts), 2^20), float32; no row is empty."""
        if len(texts) > AT_ONCE:
            parts = [self.embed(texts[begin : begin + AT_ONCE]) for begin in range(0, len(texts), AT_ONCE)]
            return vstack(parts, format="csr")
        if not texts:
            return csr_matrix((0, 1 << BITS), dtype=np.float32)
        letters = _Letters(texts)
        rows, hashes = zip(*letters.terms(), strict=True)
        return _counted(np.concatenate(rows), np.concatenate(hashes), len(texts))


class _Letters:
    """All letters of a batch in one row, with a space before and after each text."""

    def __init__(self, texts: Sequence[str]) -> None:
        lengths = np.fromiter(map(len, texts), dtype=np.int64, count=len(texts)) + 2
        joined = f" {'  '.join(texts)} "
        self.code = np.frombuffer(joined.encode("utf-32-le", "surrogatepass"), dtype=np.uint32)
        self.text = np.repeat(np.arange(len(texts)), lengths)
        self.count = len(texts)
        code = self.code
        is_letter = ((code | 32) >= 97) & ((code | 32) <= 122)
        is_digit = (code >= 48) & (code <= 57)
        self.is_word = is_letter | is_digit | (code == 95) | ((code >= 128) & (code != ord(MARKS)))
        self.is_sign = ~self.is_word & (code > SPACE) & (code != ord(MARKS))
        self.mixed = _scrambled(np.where(self.is_word | self.is_sign, code, SPACE).astype(np.uint64))

    def terms(self) -> list[tuple[Rows, Hashes]]:
        """Return (text, hash) of every term of every kind."""
        texts, words = self._runs(self.is_word)
        neighbours = texts[1:] == texts[:-1]
        pairs = (words[:-1] * PRIME + words[1:])[neighbours]
        sign_texts, signs = self._runs(self.is_sign)
        gram_texts, grams = self._grams()
        is_empty = np.ones(self.count, dtype=np.bool_)
        is_empty[texts] = is_empty[sign_texts] = False
        empty = np.flatnonzero(is_empty)
        return [
            (texts, words ^ WORD),
            (texts[1:][neighbours], pairs ^ PAIR),
            (sign_texts, signs ^ SIGNS),
            (gram_texts, grams ^ GRAM),
            (empty, np.full(len(empty), EMPTY)),
        ]

    def _runs(self, inside: NDArray[np.bool_]) -> tuple[Rows, Hashes]:
        """Return text and hash of each unbroken run of the letters that are `inside`."""
        begins = inside.copy()
        begins[1:] &= ~inside[:-1]
        starts = np.flatnonzero(begins)
        if not len(starts):
            return np.empty(0, np.int64), np.empty(0, np.uint64)
        letters = np.flatnonzero(inside)
        within = letters - starts[np.cumsum(begins)[letters] - 1]
        powers = np.cumprod(np.full(int(within.max()) + 1, PRIME))
        weighted = self.mixed[letters] * powers[within]
        return self.text[starts], np.add.reduceat(weighted, np.flatnonzero(begins[letters]))

    def _grams(self) -> tuple[Rows, Hashes]:
        """Return text and hash of each run of CHARACTERS letters with a word's letter second or third."""
        count = max(len(self.code) - CHARACTERS + 1, 0)
        hashes = self.mixed[:count].copy()
        for offset in range(1, CHARACTERS):
            hashes = hashes * PRIME + self.mixed[offset : offset + count]
        same_text = self.text[:count] == self.text[CHARACTERS - 1 :]
        in_word = self.is_word[1 : count + 1] | self.is_word[2 : count + 2]
        kept = same_text & in_word & ~self._after_marks()[CHARACTERS - 1 :]
        return self.text[:count][kept], hashes[kept]

    def _after_marks(self) -> NDArray[np.bool_]:
        seen = np.cumsum(self.code == ord(MARKS))
        if seen[-1] == 0:
            return np.zeros(len(seen), dtype=np.bool_)
        before_text = np.concatenate([[0], seen])[np.searchsorted(self.text, np.arange(self.count))]
        return seen > before_text[self.text]


def _scrambled(values: Hashes) -> Hashes:
    """Spread 64 bits (the finaliser of splitmix64), so that sums and products of them make good hashes."""
    values = (values + PRIME) * np.uint64(0xBF58476D1CE4E5B9)
    values = (values ^ (values >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return values ^ (values >> np.uint64(31))


def _counted(texts: Rows, hashes: Hashes, count: int) -> csr_matrix:
    """Return how often each hash occurs in each text, as a matrix with sorted columns."""
    columns = _scrambled(hashes) >> np.uint64(64 - BITS)
    keys = np.sort((texts << BITS) | columns.astype(np.int64))
    starts = np.flatnonzero(np.concatenate([[True], keys[1:] != keys[:-1]]))
    counts = np.diff(np.append(starts, len(keys))).astype(np.float32)
    keys = keys[starts]
    pointers = np.searchsorted(keys, np.arange(count + 1) << BITS)
    indices = (keys & ((1 << BITS) - 1)).astype(np.int32)
    return csr_matrix((counts, indices, pointers.astype(np.int32)), shape=(count, 1 << BITS))
