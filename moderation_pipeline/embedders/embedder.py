"""The Embedder's interface: texts in, one vector per text out. Implementations are its neighbours."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix

from moderation_pipeline.errors import ModerationError

Vectors: TypeAlias = csr_matrix | NDArray[np.float32]
"""One row per text: sparse term counts (weighted later, by the index holding them) or dense unit vectors."""

MARKS = "\u2016"
"""In a text to be embedded, parts its words from the marks of its context, which are one word each."""


class Embedder(ABC):
    """Turns texts into vectors; stateless, so that a text has one vector whatever was embedded before it."""

    name: str
    """Names the embedder and its model in tables and caches."""

    is_dense: bool = True
    """Whether its vectors are a model's few numbers, not counts of words."""

    @abstractmethod
    def embed(self, texts: Sequence[str]) -> Vectors:
        """Return one row per text, in order; `len(texts)` may be 0."""


def words_of(text: str) -> str:
    """Return a text as an encoder of sentences may read it.

    That is without the marks of its context, which it would misread, and with code points that are no
    characters (lone surrogates) replaced, on which tokenizers raise.
    """
    return text.partition(MARKS)[0].rstrip().encode("utf-8", "replace").decode()


class NotInstalledError(ModerationError):
    """An embedder whose libraries are not installed."""

    def __init__(self, embedder: str, missing: str | None, extra: str) -> None:
        super().__init__(
            f"memory.embedder is {embedder!r}, but {missing or 'a library'} is not installed. "
            f"Install the extra {extra!r} (pip install 'moderation-pipeline[{extra}]'), "
            "or set memory: {embedder: tfidf}, which needs nothing."
        )
