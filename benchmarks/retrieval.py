"""Retrieval at scale: time per query and recall@5 at 10,000 and at 1,000,000 memories, on one core.

    python benchmarks/retrieval.py [--small 10000] [--large 1000000] [--only sparse|dense] [--no-usearch]

For each kind of vector, in one run: exact search, the project's index, and (dense) usearch, another library.

- sparse: TF-IDF of real text, the distinct lines of the synthetic chat, a line with a number of its own added
  where the generator repeats itself. Exact is SciPy's product with all rows, by the index's own weights.
- dense: 384 dimensions, synthetic: 2,000 subjects in a space of 24 directions, lines scattered around them,
  much as sentence encoders lay out chat (they are not a model's own, and say nothing of one's quality).

Queries are more of the same, 64 at a time, as the loop asks. Recall counts the five nearest that are at least
`LEAST` similar, ties included. Exits with 1 where the project's index takes more than 3 times as long at the
large size as at the small one, or finds less than .95.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix
from threadpoolctl import threadpool_limits

from moderation_pipeline.embedders.embedder import Vectors
from moderation_pipeline.embedders.tfidf import BITS, TfidfEmbedder
from moderation_pipeline.memory.dense_index import DenseIndex
from moderation_pipeline.memory.index import Hits, Index
from moderation_pipeline.memory.sparse_index import SparseIndex
from moderation_pipeline.synthetic.synthetic_chat import SyntheticSettings, generate
from moderation_pipeline.text.normalise import normalise_text

TOP = 5
LEAST = 0.5
BATCH = 64
QUERIES = 640
WRITTEN_AT_ONCE = 65_536
DIMENSIONS = 384
SUBJECTS, DIRECTIONS, SCATTER = 2_000, 24, 0.8
SLOWDOWN, RECALL = 3.0, 0.95

Search = Callable[[Vectors], Hits]


class Result(NamedTuple):
    """How one way of searching did at one size."""

    name: str
    memories: int
    build_s: float
    query_us: float
    recall: float


def timed(name: str, memories: int, build_s: float, search: Search, asked: Vectors, truth: Truth) -> Result:
    parts, started = [], time.perf_counter()
    for begin in range(0, QUERIES, BATCH):
        hits = search(asked[begin : begin + BATCH])
        parts.append(hits._replace(query=hits.query + begin))
    query_us = (time.perf_counter() - started) / QUERIES * 1e6
    found = Hits(*map(np.concatenate, zip(*parts, strict=True)))
    return Result(name, memories, build_s, query_us, truth.recall(found))


class Truth:
    """The exact answer: for each query how similar its fifth is, and how many there are to find."""

    def __init__(self, exact: Iterator[NDArray[np.float32]]) -> None:
        """Take the similarities to all rows, a few queries at a time."""
        fifth, wanted = [], []
        for similarities in exact:
            best = -np.sort(-np.partition(similarities, -TOP, axis=1)[:, -TOP:], axis=1)
            fifth.append(np.maximum(best[:, -1], LEAST))
            wanted.append((best >= LEAST).sum(axis=1))
        self._fifth, self._wanted = np.concatenate(fifth), np.concatenate(wanted)

    def recall(self, found: Hits) -> float:
        """Return the share of the nearest that were found; any of those tied for fifth will do."""
        good = found.similarity >= self._fifth[found.query] - 2e-5
        per_query = np.bincount(found.query[good], minlength=len(self._wanted))
        return float(np.minimum(per_query, self._wanted).sum() / self._wanted.sum())


def lines(count: int) -> list[str]:
    """Return distinct lines of the synthetic chat."""
    seen: dict[str, None] = {}
    for comment in generate(SyntheticSettings(comments=min(count * 2, 1_000_000), seed=7)):
        text = normalise_text(comment.text)
        seen[text if text not in seen else f"{text} {len(seen)}"] = None
        if len(seen) == count:
            return list(seen)
    texts = list(seen)
    return texts + [
        f"{texts[at % len(texts)]} {texts[(at * 7 + 1) % len(texts)]}" for at in range(count - len(texts))
    ]


def scattered(count: int, seed: int) -> NDArray[np.float32]:
    """Return unit vectors around subjects; the subjects are the same for every seed."""
    fixed, chance = np.random.default_rng(1), np.random.default_rng(seed)
    subjects = fixed.standard_normal((SUBJECTS, DIRECTIONS)) @ fixed.standard_normal((DIRECTIONS, DIMENSIONS))
    subjects /= np.linalg.norm(subjects, axis=1, keepdims=True)
    vectors = np.empty((count, DIMENSIONS), dtype=np.float32)
    for begin in range(0, count, WRITTEN_AT_ONCE):
        part = vectors[begin : begin + WRITTEN_AT_ONCE]
        part[:] = chance.standard_normal(part.shape, dtype=np.float32) * np.float32(SCATTER / DIMENSIONS**0.5)
        part += subjects[chance.integers(0, SUBJECTS, len(part))]
        part /= np.linalg.norm(part, axis=1, keepdims=True)
    return vectors


def built(index: Index, vectors: Vectors) -> float:
    """Write all vectors and return how long that took."""
    started, count = time.perf_counter(), vectors.shape[0]
    for begin in range(0, count, WRITTEN_AT_ONCE):
        rows = np.arange(begin, min(begin + WRITTEN_AT_ONCE, count))
        index.add(vectors[begin : begin + WRITTEN_AT_ONCE], rows, np.zeros(len(rows), dtype=np.int64))
    return time.perf_counter() - started


def sparse_results(size: int, vectors: csr_matrix, asked: csr_matrix) -> Iterator[Result]:
    index = SparseIndex(1 << BITS)
    build_s = built(index, vectors[:size])
    weights, queries = index.weighted(vectors[:size]), index.weighted(asked)
    by_term = weights.T.tocsr()

    def exact(batch: csr_matrix) -> NDArray[np.float32]:
        return np.asarray((batch @ by_term).toarray())

    truth = Truth(exact(queries[begin : begin + 8]) for begin in range(0, QUERIES, 8))
    # Timed without making the product dense, which an exact search would not need either.
    yield timed("exact: SciPy, all terms", size, 0.0, lambda batch: near(batch @ by_term), queries, truth)
    found = lambda batch: index.search(batch, None, least=LEAST, top=TOP)  # noqa: E731
    yield timed("ours: rare terms first", size, build_s, found, asked, truth)


def near(product: csr_matrix) -> Hits:
    entries = np.flatnonzero(product.data >= LEAST)
    query = np.searchsorted(product.indptr, entries, side="right") - 1
    return Hits(query, product.indices[entries].astype(np.int64), product.data[entries].astype(np.float64))


def dense_results(
    size: int, vectors: NDArray[np.float32], asked: NDArray[np.float32], *, with_usearch: bool
) -> Iterator[Result]:
    kept = vectors[:size]
    truth = Truth(asked[begin : begin + 8] @ kept.T for begin in range(0, QUERIES, 8))
    yield timed("exact: NumPy", size, 0.0, lambda batch: compared(batch, kept), asked, truth)
    index = DenseIndex(DIMENSIONS)
    build_s = built(index, kept)
    found = lambda batch: index.search(batch, None, least=LEAST, top=TOP)  # noqa: E731
    yield timed("ours: exact, or faiss HNSW", size, build_s, found, asked, truth)
    if with_usearch:
        yield from usearch_results(size, kept, asked, truth)


def compared(batch: Vectors, kept: NDArray[np.float32]) -> Hits:
    product = np.asarray(batch @ kept.T)
    place = np.argpartition(-product, TOP, axis=1)[:, :TOP]
    query = np.repeat(np.arange(len(product)), TOP)
    return Hits(query, place.ravel(), product[query, place.ravel()].astype(np.float64))


def usearch_results(
    size: int, kept: NDArray[np.float32], asked: NDArray[np.float32], truth: Truth
) -> Iterator[Result]:
    from usearch.index import Index as UsearchIndex

    other = UsearchIndex(ndim=DIMENSIONS, metric="ip", dtype="f32")
    started = time.perf_counter()
    other.add(np.arange(size, dtype=np.uint64), kept, threads=1)
    build_s = time.perf_counter() - started

    def search(batch: Vectors) -> Hits:
        matches = other.search(batch, TOP, threads=1)
        query = np.repeat(np.arange(len(matches.keys)), TOP)
        similarity = 1.0 - matches.distances.ravel().astype(np.float64)
        return Hits(query, matches.keys.ravel().astype(np.int64), similarity)

    yield timed("usearch", size, build_s, search, asked, truth)


def report(kind: str, sizes: tuple[int, int], coming: Iterable[Result]) -> bool:
    """Print a kind's results as they come and return whether ours keeps what is claimed."""
    print(f"\n{kind}\n{'':28} {'memories':>10} {'build s':>9} {'µs a query':>11} {'recall@5':>9}", flush=True)
    results = []
    for one in coming:
        results.append(one)
        print(
            f"{one.name:28} {one.memories:10,} {one.build_s:9.1f} {one.query_us:11.1f} {one.recall:9.3f}",
            flush=True,
        )
    small, large = (next(r for r in results if r.name.startswith("ours") and r.memories == n) for n in sizes)
    slowdown = large.query_us / small.query_us
    kept = slowdown <= SLOWDOWN and large.recall >= RECALL
    print(
        f"ours: {slowdown:.1f} times the time at {large.memories / small.memories:.0f} times the memories, ",
        end="",
    )
    print(f"recall@5 {large.recall:.3f} (claimed: {SLOWDOWN:.0f} times, {RECALL})", flush=True)
    return kept


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--small", type=int, default=10_000)
    parser.add_argument("--large", type=int, default=1_000_000)
    parser.add_argument("--only", choices=("sparse", "dense"))
    parser.add_argument("--no-usearch", action="store_true")
    arguments = parser.parse_args()
    sizes, kept = (arguments.small, arguments.large), True
    with threadpool_limits(limits=1):
        if arguments.only != "dense":
            counts = TfidfEmbedder().embed(lines(sizes[1] + QUERIES))
            chance = np.random.default_rng(7).permutation(counts.shape[0])
            counts = counts[chance]
            results = (r for n in sizes for r in sparse_results(n, counts[:n], counts[sizes[1] :]))
            kept &= report("TF-IDF of distinct lines of the synthetic chat", sizes, results)
        if arguments.only != "sparse":
            vectors, asked = scattered(sizes[1], 7), scattered(QUERIES, 8)
            with_usearch = not arguments.no_usearch
            results = (r for n in sizes for r in dense_results(n, vectors, asked, with_usearch=with_usearch))
            kept &= report(f"{DIMENSIONS} dense dimensions, synthetic", sizes, results)
    sys.exit(0 if kept else 1)


if __name__ == "__main__":
    main()
