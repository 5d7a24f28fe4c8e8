"""Embedders from a config: which class each name stands for, and whose work is kept on disk."""

from __future__ import annotations

from moderation_pipeline.config.run_config import MemorySpec
from moderation_pipeline.embedders.embedder import Embedder
from moderation_pipeline.embedders.kept_embeddings import KeptEmbeddings
from moderation_pipeline.embedders.tfidf import TfidfEmbedder
from moderation_pipeline.warehouse.folder import DataFolder


def build_embedder(spec: MemorySpec, folder: DataFolder) -> Embedder:
    """Return the embedder that the config's memory names; a model's embeddings are kept in the data folder.

    Raises:
        NotInstalledError: the libraries of the embedder are not installed.
    """
    match spec.embedder:
        case "tfidf":
            return TfidfEmbedder()
        case "minilm":
            from moderation_pipeline.embedders.minilm import MinilmEmbedder

            return KeptEmbeddings(MinilmEmbedder(), folder.embeddings)
        case "sbert":
            from moderation_pipeline.embedders.sbert import SbertEmbedder

            return KeptEmbeddings(SbertEmbedder(spec.model), folder.embeddings)
