"""Scenario data for the tests of this room: plans, cases and stores of a few words."""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import blake2b

import numpy as np
from hypothesis import strategies as st
from numpy.typing import NDArray

from moderation_pipeline.config.run_config import MemorySpec
from moderation_pipeline.embedders.embedder import Embedder
from moderation_pipeline.embedders.tfidf import TfidfEmbedder
from moderation_pipeline.memory.store import Learnt, MemoryStore
from moderation_pipeline.plan import Action, Category, Plan

ALLOW = Plan(Action.ALLOW, Category.NONE, 0.9, "harmless banter")
DELETE = Plan(Action.DELETE, Category.HARASSMENT, 0.8, "insults a player", rule="R1")
BAN = Plan(Action.BAN, Category.HATE, 1.0, "hate")
SPAM = Plan(Action.TIMEOUT, Category.SPAM, 0.7, "advertises", "no ads please", "R4", 600)
DIMENSIONS = 32
PLANS = (ALLOW, DELETE, BAN, SPAM)

WORDS = (
    "noob",
    "report",
    "mid",
    "gg",
    "ez",
    "buy",
    "followers",
    "at",
    "cheap",
    "you",
    "are",
    "trash",
    "ok",
    "??",
)


class DenseWords(Embedder):
    """A dense embedder to reckon with: the unit sum of one random direction per word, and one for all texts."""

    name = "dense words"

    def embed(self, texts: Sequence[str]) -> NDArray[np.float32]:
        sums = [sum((direction(word) for word in text.split()), 0.3 * direction("")) for text in texts]
        vectors = np.array(sums, dtype=np.float32).reshape(len(texts), DIMENSIONS)
        return np.asarray(vectors / np.linalg.norm(vectors, axis=1, keepdims=True), dtype=np.float32)


def direction(word: str) -> NDArray[np.float64]:
    seed = int.from_bytes(blake2b(word.encode(), digest_size=8).digest())
    return np.random.default_rng(seed).normal(size=DIMENSIONS)


def store(
    spec: MemorySpec | None = None,
    *,
    embedder: Embedder | None = None,
    chat: str = "arena",
    config: str = "hybrid",
) -> MemoryStore:
    return MemoryStore(spec or MemorySpec(), embedder or TfidfEmbedder(), chat=chat, config=config)


def learnt(
    state: str, plan: Plan = DELETE, *, at: int = 0, user: str | None = "mallory", channel: str = "main"
) -> Learnt:
    return Learnt(state, plan, channel, user, f"comment-{at}", at)


def states() -> st.SearchStrategy[str]:
    return st.lists(st.sampled_from(WORDS), max_size=5).map(" ".join)


@st.composite
def lessons(draw: st.DrawFn, *, least: int = 0, most: int = 40) -> list[Learnt]:
    """Cases in stream order, few words and users, so that duplicates, conflicts and crowds are common."""
    taught = draw(
        st.lists(
            st.tuples(
                states(),
                st.sampled_from(PLANS),
                st.sampled_from("abc"),
                st.sampled_from(["u", "v", "w", None]),
            ),
            min_size=least,
            max_size=most,
        )
    )
    return [
        learnt(state, plan, at=at, user=user, channel=channel)
        for at, (state, plan, channel, user) in enumerate(taught)
    ]


def taught(memory: MemoryStore, cases: Sequence[Learnt], *, batch: int = 4) -> MemoryStore:
    """Return the store after it was taught the cases, a few at a time."""
    for begin in range(0, len(cases), batch):
        memory.learn(cases[begin : begin + batch])
    return memory
