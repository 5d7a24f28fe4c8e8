"""The memory of a run: recalls what is near a comment's state, learns from audits, and forgets by value.

What the memories *say* together is `vote.py`'s, which vectors are near is an index's, who is forgotten is
`forgetting.py`'s; here they are kept in step. Nothing draws on chance or a clock: the same calls in the same
order leave the same memories.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

import numpy as np
import polars as pl
from scipy.sparse import csr_matrix

from moderation_pipeline.cases.situation import Recalled
from moderation_pipeline.config.run_config import MemorySpec
from moderation_pipeline.embedders.embedder import Embedder, Vectors
from moderation_pipeline.memory import snapshot
from moderation_pipeline.memory.accounting import Effect, effect
from moderation_pipeline.memory.dense_index import DenseIndex
from moderation_pipeline.memory.forgetting import (
    Farewell,
    harmful,
    most_of_a_user,
    over_capacity,
    over_user_share,
)
from moderation_pipeline.memory.index import Hits, Index, Numbers
from moderation_pipeline.memory.records import Memory, Origin, Records, memory_id
from moderation_pipeline.memory.sparse_index import SparseIndex
from moderation_pipeline.memory.vote import near_enough
from moderation_pipeline.plan import Plan

DUPLICATES = 32
"""How many near-duplicates of a new state are looked at, for the one to merge with and those in conflict."""


class Learnt(NamedTuple):
    """What an audit taught: the state of the comment, the Expert's plan, and who and what caused it."""

    state: str
    plan: Plan
    channel: str
    source_user_id: str | None
    source_comment_id: str
    position: int


class _Similar(NamedTuple):
    """A near-duplicate of a case: a memory's row, or the number of an earlier case of the same batch."""

    dissimilarity: float
    row: int
    is_case: bool


class MemoryStore:
    """Memories of one run; `len` counts the active ones."""

    def __init__(self, spec: MemorySpec, embedder: Embedder, *, chat: str, config: str) -> None:
        self._spec = spec
        self._embedder = embedder
        self._chat = chat
        self._config = config
        self._records = Records()
        self._index: Index | None = None
        self._asked: Vectors | None = None
        self._asked_place: dict[str, int] = {}

    def __len__(self) -> int:
        return self._records.active

    @classmethod
    def start_from(
        cls, frame: pl.DataFrame, spec: MemorySpec, embedder: Embedder, *, chat: str, config: str
    ) -> MemoryStore:
        """Return a store that begins with another run's snapshot; its memories keep their origin."""
        store = cls(spec, embedder, chat=chat, config=config)
        store._records = snapshot.from_frame(frame)
        memories = store._records.memories
        active = np.flatnonzero(store._records.numbers["is_active"])
        if len(active):
            store._add_to_index(embedder.embed([memories[row].state for row in active]), active)
            store._forget(over_capacity(store._records, spec.capacity))
            store._forget(over_user_share(store._records, spec))
        return store

    def snapshot(self) -> pl.DataFrame:
        """Return the table `memory_snapshot` of this run: all memories, retired ones too."""
        return snapshot.to_frame(self._records, chat=self._chat, config=self._config)

    def recall(
        self, states: Sequence[str], channels: Sequence[str], *, least: float = 0.0
    ) -> list[tuple[Recalled, ...]]:
        """Return, for each state, the memories nearest to it, nearest first, the newer first among equals.

        `least` is how near they must be where that is more than the config asks.
        """
        if not self._records.active or self._index is None:
            return [()] * len(states)
        asked = list(zip(states, channels, strict=True))
        place = {question: number for number, question in enumerate(dict.fromkeys(asked))}
        self._asked = self._embedder.embed([state for state, _ in place])
        self._asked_place = {state: number for (state, _), number in place.items()}
        hits = self._index.search(
            self._asked,
            self._codes(channel for _, channel in place),
            least=max(least, self._spec.least_similarity),
            top=self._spec.top_k,
        )
        recalled = self._nearest(hits, [state for state, _ in place])
        return [recalled[place[question]] for question in asked]

    def dense_vectors(self, states: Sequence[str]) -> Sequence[Sequence[float]]:
        """Return the embeddings of states, of which `recall` was just asked; an empty one each of a sparse embedder."""
        if not self._embedder.is_dense:
            return [()] * len(states)
        vectors: list[list[float]] = np.asarray(self._vectors(states)).tolist()
        return vectors

    def _vectors(self, states: Sequence[str]) -> Vectors:
        """Return the vectors of states: mostly those that were just asked about."""
        if self._asked is not None and all(state in self._asked_place for state in states):
            return self._asked[[self._asked_place[state] for state in states]]
        return self._embedder.embed(states)

    def learn(self, cases: Sequence[Learnt]) -> list[str]:
        """Remember cases, in stream order, and return the identifier of the memory that each went into.

        A near-duplicate that says the same is merged into the memory it resembles, which gains support. One
        that says something else is kept beside it, linked both ways; the newer audit is recalled first. Then
        the least valuable beyond the capacity, and of users beyond their share, are retired.
        """
        if not cases:
            return []
        vectors = self._vectors([case.state for case in cases])
        similar = self._similar(vectors, cases)
        rows: list[int] = []
        fresh: dict[int, int] = {}
        for number, case in enumerate(cases):
            known = [fresh.get(one.row, -1) if one.is_case else one.row for one in similar[number]]
            known = [row for row in known if row >= 0]
            row = self._merged(case, known)
            if row is None:
                row = fresh[number] = self._remembered(case, known)
            rows.append(row)
        if fresh:
            self._add_to_index(vectors[list(fresh)], np.array(list(fresh.values())))
        self._forget(over_capacity(self._records, self._spec.capacity))
        self._forget(over_user_share(self._records, self._spec))
        return [self._records.memories[row].memory_id for row in rows]

    def count_uses(self, memory_ids: Iterable[str]) -> None:
        """Count decisions that memories had a part in, audited or not: one for each time that a memory is named."""
        np.add.at(self._records.numbers["uses"], self._rows(memory_ids), 1)

    def account(self, memory_ids: Sequence[str], *, without: Plan, with_: Plan, audited: Plan) -> None:
        """Count what an audit says that one use of these memories did; retire what harms.

        `without` is what would have been decided without them, `with_` what was decided.
        """
        self._judge(self._rows(memory_ids), effect(without=without, with_=with_, audited=audited))

    def account_heard(self, recalled: Sequence[Recalled], *, without: Plan, audited: Plan) -> None:
        """Count what an audit says of memories that were near enough to be heard but not followed.

        Each is judged by its own plan: would following it have helped? So a memory earns trust, or loses it,
        before anything depends on it.
        """
        for memory in near_enough(recalled, self._spec.vote):
            what = effect(without=without, with_=memory.plan, audited=audited)
            self._judge(self._rows([memory.memory_id]), what)

    def _judge(self, rows: Numbers, what: Effect) -> None:
        self._records.numbers[what][rows] += 1
        self._forget(harmful(self._records, rows, self._spec.retire_after_uses))

    def _rows(self, memory_ids: Iterable[str]) -> Numbers:
        return np.array([self._records.row_of[one] for one in memory_ids], dtype=np.int64)

    def _merged(self, case: Learnt, known: Iterable[int]) -> int | None:
        """Return the nearest of the known memories that says the same, after confirming it."""
        for row in known:
            if self._records.memories[row].plan.agrees_with(case.plan):
                most = most_of_a_user(self._records, self._spec)
                self._records.confirm(row, case.source_user_id, most)
                return row
        return None

    def _remembered(self, case: Learnt, conflicting: Iterable[int]) -> int:
        identifier = memory_id(self._chat, self._config, case.source_comment_id)
        origin = Origin(
            chat=self._chat,
            config=self._config,
            channel=case.channel,
            user_id=case.source_user_id,
            comment_id=case.source_comment_id,
            position=case.position,
        )
        row = self._records.add(Memory(identifier, case.state, case.plan, origin))
        for other in conflicting:
            self._records.link(row, other)
        return row

    def _similar(self, vectors: Vectors, cases: Sequence[Learnt]) -> list[list[_Similar]]:
        """Return, per case, its near-duplicates among memories and earlier cases, nearest first."""
        if self._index is None:
            self._index = _index_for(vectors)
        least, codes = self._spec.merge_similarity, self._codes(case.channel for case in cases)
        pairs = self._index.pairs(vectors, least=least)
        if codes is not None:
            pairs = pairs.where(codes[pairs.query] == codes[pairs.row])
        hits = self._index.search(vectors, codes, least=least, top=DUPLICATES)
        similar: list[list[_Similar]] = [[] for _ in cases]
        for query, row, similarity in _ranked(pairs, pairs.row).tuples():
            similar[query].append(_Similar(-similarity, row, is_case=True))
        for query, row, similarity in _ranked(hits, self._records.numbers["recency"][hits.row]).tuples():
            similar[query].append(_Similar(-similarity, row, is_case=False))
        return [sorted(found, key=lambda one: one.dissimilarity) for found in similar]

    def _nearest(self, hits: Hits, asked: Sequence[str]) -> list[tuple[Recalled, ...]]:
        """Return the first `top_k` of the hits of each state asked about as memories."""
        count = len(asked)
        found: list[list[Recalled]] = [[] for _ in range(count)]
        words = [frozenset(state.split()) for state in asked]
        ranked = _ranked(hits, self._records.numbers["recency"][hits.row])
        first = np.searchsorted(ranked.query, np.arange(count))
        ranked = ranked.where(np.arange(len(ranked.query)) - first[ranked.query] < self._spec.top_k)
        columns = [
            self._records.numbers[name][ranked.row].tolist() for name in ("support", "helped", "harmed")
        ]
        memories = self._records.memories
        for (query, row, similarity), support, helped, harmed in zip(ranked.tuples(), *columns, strict=True):
            name, state, plan, _ = memories[row]
            newer = self._overruled_by(row) if row in self._records.conflicts else ()
            found[query].append(
                Recalled(
                    memory_id=name,
                    similarity=similarity,
                    support=support,
                    state=state,
                    plan=plan,
                    helped=helped,
                    harmed=harmed,
                    overruled_by=newer,
                    is_contained=words[query].issuperset(state.split()),
                    is_same=state == asked[query],
                )
            )
        return [tuple(one) for one in found]

    def _overruled_by(self, row: int) -> tuple[str, ...]:
        """Return the memories in conflict with one that have the newer audit behind them."""
        recency = self._records.numbers["recency"]
        newer = [other for other in self._records.conflicts[row] if recency[other] > recency[row]]
        return tuple(self._records.memories[other].memory_id for other in newer)

    def _codes(self, channels: Iterable[str]) -> Numbers | None:
        if self._spec.scope == "all":
            return None
        return np.fromiter(map(self._records.channel_code, channels), dtype=np.int64)

    def _add_to_index(self, vectors: Vectors, rows: Numbers) -> None:
        if self._index is None:
            self._index = _index_for(vectors)
        self._index.add(vectors, rows, self._records.numbers["channel"][rows])

    def _forget(self, leaving: Sequence[Farewell]) -> None:
        for row, because in leaving:
            self._records.retire(row, because)
        if self._index is not None and leaving:
            self._index.retire(np.array([farewell.row for farewell in leaving], dtype=np.int64))


def _index_for(vectors: Vectors) -> Index:
    if isinstance(vectors, csr_matrix):
        return SparseIndex(vectors.shape[1])
    return DenseIndex(vectors.shape[1])


def _ranked(hits: Hits, recency: Numbers) -> Hits:
    """Return the hits, query by query, nearest first, the more recent first among equals."""
    order = np.lexsort((-recency, -hits.similarity, hits.query))
    return Hits(hits.query[order], hits.row[order], hits.similarity[order])
