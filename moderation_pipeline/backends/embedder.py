"""The Embedder's interface: texts in, one vector per text out. Implementations are its neighbours."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix

Vectors: TypeAlias = csr_matrix | NDArray[np.float32]
"""One row per text: sparse term counts (weighted later, by the index holding them) or dense unit vectors."""

MARKS = "\u2016"
"""In a text to be embedded, parts its words from the marks of its context, which are one word each."""


class Embedder(ABC):
    """Turns texts into vectors; stateless, so that a text has one vector whatever was embedded before it."""

    name: str
    """Names the embedder and its model in tables and caches."""

    @abstractmethod
    def embed(self, texts: Sequence[str]) -> Vectors:
        """Return one row per text, in order; `len(texts)` may be 0."""
