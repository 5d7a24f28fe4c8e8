from __future__ import annotations

import multiprocessing
from collections.abc import Sequence
from contextlib import AbstractContextManager
from hashlib import blake2b
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from moderation_pipeline.embedders.embedder import MARKS, Embedder
from moderation_pipeline.embedders.kept_embeddings import AT_ONCE, KeptEmbeddings
from moderation_pipeline.embedders.kept_vectors import KeptVectors, OpenVectors, SqliteVectors
from moderation_pipeline.embedders.shared_vectors import SharedVectors
from moderation_pipeline.embedders.tfidf import TfidfEmbedder
from moderation_pipeline.warehouse.shared_database import named_database


class OfThisProcess(KeptVectors):
    """The shared database as each process finds it: connections can't be sent to another."""

    def opened(self) -> AbstractContextManager[OpenVectors]:
        return SharedVectors(named_database()).opened()


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.fleet)])
def kept(request: pytest.FixtureRequest, tmp_path: Path) -> KeptVectors:
    """Each of the two places where vectors are kept, empty."""
    if request.param == "sqlite":
        return SqliteVectors(tmp_path / "kept.sqlite")
    request.getfixturevalue("shared_store")
    return OfThisProcess()


class HashEmbedder(Embedder):
    """A unit vector drawn from a hash of the text; counts what it is asked."""

    def __init__(self, name: str = "hash") -> None:
        self.name = name
        self.asked: list[str] = []

    def embed(self, texts: Sequence[str]) -> NDArray[np.float32]:
        self.asked += texts
        seeds = [int.from_bytes(blake2b(text.encode(), digest_size=8).digest()) for text in texts]
        vectors = [np.random.default_rng(seed).normal(size=8) for seed in seeds]
        units = [vector / np.linalg.norm(vector) for vector in vectors]
        return np.array(units, dtype=np.float32).reshape(len(texts), 8)


class LostEmbedder(HashEmbedder):
    """Fails at the third text, as a killed run does."""

    def embed(self, texts: Sequence[str]) -> NDArray[np.float32]:
        if "last" in texts:
            raise KeyboardInterrupt
        return super().embed(texts)


def test_no_text_is_embedded_twice_in_a_run_or_by_a_later_one(kept: KeptVectors) -> None:
    first = HashEmbedder()
    embedder = KeptEmbeddings(first, kept)
    embedder.embed(["gg", "ez", "gg"])
    embedder.embed(["ez", "noob"])
    assert first.asked == ["gg", "ez", "noob"]
    later = HashEmbedder()
    KeptEmbeddings(later, kept).embed(["gg", "noob"])
    assert later.asked == []


def test_a_warm_run_gets_the_very_vectors_of_a_cold_one(kept: KeptVectors) -> None:
    cold = KeptEmbeddings(HashEmbedder(), kept).embed(["gg", "ez"])
    warm = KeptEmbeddings(HashEmbedder(), kept).embed(["gg", "ez"])
    assert np.array_equal(cold, warm)
    assert np.allclose(cold, HashEmbedder().embed(["gg", "ez"]), atol=1e-3)


def test_two_models_do_not_share(kept: KeptVectors) -> None:
    KeptEmbeddings(HashEmbedder("one"), kept).embed(["gg"])
    other = HashEmbedder("other")
    KeptEmbeddings(other, kept).embed(["gg"])
    assert other.asked == ["gg"]


def test_texts_that_differ_in_their_marks_alone_are_one_text(kept: KeptVectors) -> None:
    inner = HashEmbedder()
    plain, marked = KeptEmbeddings(inner, kept).embed(["gg", f"gg {MARKS} reply"])
    assert np.array_equal(plain, marked)
    assert len(inner.asked) == 1


def test_what_was_embedded_before_a_kill_is_kept(kept: KeptVectors) -> None:
    texts = [str(number) for number in range(AT_ONCE)]
    with pytest.raises(KeyboardInterrupt):
        KeptEmbeddings(LostEmbedder(), kept).embed([*texts, "last"])
    resumed = HashEmbedder()
    KeptEmbeddings(resumed, kept).embed([*texts, "last"])
    assert resumed.asked == ["last"]


def embed_in_another_process(kept: KeptVectors) -> None:
    KeptEmbeddings(HashEmbedder(), kept).embed([str(number) for number in range(2000)])


def test_several_processes_may_keep_at_once(kept: KeptVectors) -> None:
    context = multiprocessing.get_context("spawn")
    processes = [context.Process(target=embed_in_another_process, args=(kept,)) for _ in range(2)]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
    assert [process.exitcode for process in processes] == [0, 0]
    inner = HashEmbedder()
    KeptEmbeddings(inner, kept).embed([str(number) for number in range(2000)])
    assert inner.asked == []


def test_sparse_counts_are_refused(kept: KeptVectors) -> None:
    with pytest.raises(TypeError, match="Only dense vectors are kept, not csr_matrix"):
        KeptEmbeddings(TfidfEmbedder(), kept).embed(["gg"])
