"""Embedders from a config: which class each name stands for, and whose work is kept where."""

from __future__ import annotations

from moderation_pipeline.config.run_config import MemorySpec
from moderation_pipeline.embedders.embedder import Embedder
from moderation_pipeline.embedders.kept_embeddings import KeptEmbeddings
from moderation_pipeline.embedders.kept_vectors import KeptVectors, SqliteVectors
from moderation_pipeline.embedders.tfidf import TfidfEmbedder
from moderation_pipeline.warehouse.folder import DataFolder, has_shared_store


def build_embedder(spec: MemorySpec, folder: DataFolder) -> Embedder:
    """Return the embedder that the config's memory names; a model's embeddings are kept.

    Raises:
        NotInstalledError: the libraries of the embedder are not installed.
    """
    match spec.embedder:
        case "tfidf":
            return TfidfEmbedder()
        case "minilm":
            from moderation_pipeline.embedders.minilm import MinilmEmbedder

            return KeptEmbeddings(MinilmEmbedder(), _kept(folder))
        case "sbert":
            from moderation_pipeline.embedders.sbert import SbertEmbedder

            return KeptEmbeddings(SbertEmbedder(spec.model), _kept(folder))


def _kept(folder: DataFolder) -> KeptVectors:
    """Return where vectors are kept: in the store that machines share, else in the data folder."""
    if not has_shared_store():
        return SqliteVectors(folder.embeddings)
    from moderation_pipeline.embedders.shared_vectors import SharedVectors
    from moderation_pipeline.warehouse.shared_database import named_database

    return SharedVectors(named_database())
