"""Keeps what a model embedded, so that no text is embedded twice: wraps an Embedder, and is one.

Kept by embedder and a hash of the text, as half-precision numbers; what is returned is always what would be read back,
so a warm run equals a cold one. Where they are kept is `kept_vectors.py`'s.
"""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import blake2b

import numpy as np
from numpy.typing import NDArray

from moderation_pipeline.embedders.embedder import Embedder, Vectors, words_of
from moderation_pipeline.embedders.kept_vectors import KeptVectors

AT_ONCE = 512
"""Texts asked for and written at a time: what is embedded survives a kill in steps of this many."""
IN_MEMORY = 20_000
"""Vectors held in memory besides (30 MB at 384 dimensions): chats repeat what was just said."""


class KeptEmbeddings(Embedder):
    """An embedder of dense vectors whose work is kept."""

    def __init__(self, inner: Embedder, kept: KeptVectors) -> None:
        self.name = inner.name
        self._inner = inner
        self._kept = kept
        self._recent: dict[bytes, NDArray[np.float32]] = {}

    def embed(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Return unit vectors, one row per text; distinct words are embedded once, ever."""
        if not texts:
            return _dense(self._inner.embed([]))
        hashes = [_hash(words_of(text)) for text in texts]
        wanted = dict(zip(hashes, texts, strict=True))
        found = {key: self._recent[key] for key in wanted if key in self._recent}
        missing = [key for key in wanted if key not in found]
        if missing:
            found |= self._from_kept(missing, wanted)
            self._remember(found)
        return np.stack([found[key] for key in hashes])

    def _from_kept(
        self, missing: Sequence[bytes], wanted: dict[bytes, str]
    ) -> dict[bytes, NDArray[np.float32]]:
        """Return the vectors of these texts, embedding and keeping those that no run embedded before."""
        found: dict[bytes, NDArray[np.float32]] = {}
        with self._kept.opened() as kept:
            for begin in range(0, len(missing), AT_ONCE):
                asked = missing[begin : begin + AT_ONCE]
                read = kept.read(self.name, asked)
                found |= {key: _unit(np.frombuffer(blob, np.float16)) for key, blob in read.items()}
                new = [key for key in asked if key not in read]
                if new:
                    halves = _dense(self._inner.embed([wanted[key] for key in new])).astype(np.float16)
                    kept.write(
                        self.name, {key: half.tobytes() for key, half in zip(new, halves, strict=True)}
                    )
                    found |= dict(zip(new, map(_unit, halves), strict=True))
        return found

    def _remember(self, found: dict[bytes, NDArray[np.float32]]) -> None:
        self._recent |= found
        for key in list(self._recent)[: max(len(self._recent) - IN_MEMORY, 0)]:
            del self._recent[key]


def _hash(text: str) -> bytes:
    return blake2b(text.encode(), digest_size=16).digest()


def _unit(half: NDArray[np.float16]) -> NDArray[np.float32]:
    vector = half.astype(np.float32)
    return np.asarray(vector / np.linalg.norm(vector), dtype=np.float32)


def _dense(vectors: Vectors) -> NDArray[np.float32]:
    if not isinstance(vectors, np.ndarray):
        raise TypeError(
            f"Only dense vectors are kept, not {type(vectors).__name__}: counting anew is faster."
        )
    return vectors
