"""The memory at 5,000 memories beside the obvious implementation, in one run, on one core.

    python benchmarks/memory_baseline.py [--memories 5000] [--comments 12800] [--writes-per-1000 50]

Both answer for every comment which five memories are nearest by TF-IDF, and both learn at the same rate while
they stay at the same size. The obvious one refits scikit-learn's TfidfVectorizer (its defaults: single words,
the cheapest it offers) at each write and asks NearestNeighbors once per comment; ours recalls 64 comments at
a time with words, word pairs and character 4-grams, merges near-duplicates, links conflicts, forgets by value.
The text is the synthetic chat's. Exits with 1 where ours has less than 30 times the throughput.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections import deque
from collections.abc import Sequence
from typing import NamedTuple

from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.neighbors import NearestNeighbors
from threadpoolctl import threadpool_limits

from moderation_pipeline.config.run_config import MemorySpec
from moderation_pipeline.embedders.tfidf import TfidfEmbedder
from moderation_pipeline.memory.store import Learnt, MemoryStore
from moderation_pipeline.plan import Action, Category, Plan
from moderation_pipeline.synthetic.synthetic_chat import SyntheticSettings, generate
from moderation_pipeline.text.normalise import normalise_text

BATCH = 64
TOP_K = 5
CLAIM = 30
PLANS = (
    Plan(Action.DELETE, Category.HARASSMENT, 1.0, "an insult"),
    Plan(Action.ALLOW, Category.NONE, 1.0, "harmless"),
)


class Pace(NamedTuple):
    """How fast an implementation went."""

    name: str
    comments: int
    writes: int
    seconds: float

    @property
    def per_second(self) -> float:
        """Comments per second."""
        return self.comments / self.seconds


def texts(count: int) -> list[str]:
    settings = SyntheticSettings(comments=count, base_rate=0.15, seed=7)
    return [normalise_text(comment.text) for comment in generate(settings)]


def ours(memories: Sequence[str], stream: Sequence[str], writes_every: int, size: int) -> Pace:
    store = MemoryStore(MemorySpec(capacity=size, top_k=TOP_K), TfidfEmbedder(), chat="c", config="k")
    for begin in range(0, len(memories), BATCH):
        store.learn([lesson(text, begin + at) for at, text in enumerate(memories[begin : begin + BATCH])])
    writes, started = 0, time.perf_counter()
    for begin in range(0, len(stream), BATCH):
        batch = stream[begin : begin + BATCH]
        store.recall(batch, ["main"] * len(batch))
        numbers = range(begin, begin + len(batch))
        lessons = [lesson(stream[at], len(memories) + at) for at in numbers if at % writes_every == 0]
        store.learn(lessons)
        writes += len(lessons)
    return Pace(f"MemoryStore ({len(store):,} memories)", len(stream), writes, time.perf_counter() - started)


def lesson(text: str, at: int) -> Learnt:
    return Learnt(text, PLANS[at % 2], "main", f"user-{at % 997}", f"comment-{at}", at)


def obvious(memories: Sequence[str], stream: Sequence[str], writes_every: int) -> Pace:
    kept = deque(memories, maxlen=len(memories))
    vectorizer = TfidfVectorizer()
    nearest = NearestNeighbors(n_neighbors=TOP_K, metric="cosine").fit(vectorizer.fit_transform(kept))
    writes, started = 0, time.perf_counter()
    for at, text in enumerate(stream):
        nearest.kneighbors(vectorizer.transform([text]))
        if at % writes_every == 0:
            kept.append(text)
            nearest.fit(vectorizer.fit_transform(kept))
            writes += 1
    seconds = time.perf_counter() - started
    return Pace(f"TfidfVectorizer + NearestNeighbors ({len(kept):,} memories)", len(stream), writes, seconds)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--memories", type=int, default=5_000)
    parser.add_argument("--comments", type=int, default=12_800)
    parser.add_argument("--writes-per-1000", type=int, default=50)
    arguments = parser.parse_args()
    size, writes_every = arguments.memories, 1000 // arguments.writes_per_1000
    # More than are held, for near-duplicates merge: the memory is full when the clock starts.
    said = texts(4 * size + arguments.comments)
    before, stream = said[: 4 * size], said[4 * size :]
    distinct = len(set(stream)) / len(stream)
    print(f"{len(stream):,} comments of the synthetic chat, {distinct:.0%} distinct, one core")
    with threadpool_limits(limits=1):
        fast = ours(before, stream, writes_every, size)
        slow = obvious(list(dict.fromkeys(before))[-size:], stream[: 20 * BATCH], writes_every)
    for pace in (fast, slow):
        print(
            f"{pace.name:62} {pace.comments:7,} comments {pace.writes:4} writes {pace.seconds:7.2f} s "
            f"{pace.per_second:9,.0f} comments/s {1e6 / pace.per_second:8.1f} µs a comment"
        )
    ratio = fast.per_second / slow.per_second
    print(f"{ratio:.0f} times the throughput (claimed: at least {CLAIM})")
    sys.exit(0 if ratio >= CLAIM else 1)


if __name__ == "__main__":
    main()
