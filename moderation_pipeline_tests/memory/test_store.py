from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from polars.testing import assert_frame_equal

from moderation_pipeline.cases.situation import Recalled
from moderation_pipeline.config.run_config import MemorySpec
from moderation_pipeline.embedders.tfidf import TfidfEmbedder
from moderation_pipeline.memory.store import Learnt, MemoryStore
from moderation_pipeline.plan import Plan
from moderation_pipeline.warehouse.tables import MEMORY_SNAPSHOT
from moderation_pipeline_tests.memory.memories import (
    ALLOW,
    BAN,
    DELETE,
    SPAM,
    DenseWords,
    learnt,
    lessons,
    states,
    store,
    taught,
)


def recalled(memory: MemoryStore, state: str, channel: str = "main") -> tuple[Recalled, ...]:
    return memory.recall([state], [channel])[0]


def column(memory: MemoryStore, name: str) -> list[object]:
    return memory.snapshot()[name].to_list()


def test_an_empty_memory_recalls_nothing() -> None:
    assert store().recall(["gg", "ez"], ["main", "main"]) == [(), ()]


def test_what_was_learnt_is_recalled_with_its_plan_and_a_similarity_of_one() -> None:
    memory = taught(store(), [learnt("you are trash", DELETE)])
    (found,) = recalled(memory, "you are trash")
    assert (found.plan, found.state, found.similarity, found.support) == (DELETE, "you are trash", 1.0, 1)


def test_the_nearer_memory_comes_first_and_the_far_one_does_not_come() -> None:
    memory = taught(
        store(), [learnt("you are trash noob", at=0), learnt("you are trash", at=1), learnt("gg", at=2)]
    )
    assert [one.state for one in recalled(memory, "you are trash")] == ["you are trash", "you are trash noob"]


def test_no_more_than_top_k_are_recalled() -> None:
    cases = [
        learnt(f"you are trash {word}", at=at) for at, word in enumerate(("noob", "ok", "mid", "gg", "ez"))
    ]
    memory = taught(store(MemorySpec(top_k=2)), cases)
    assert len(recalled(memory, "you are trash")) == 2


def test_a_near_duplicate_that_says_the_same_is_merged_and_counts_as_support() -> None:
    said = [learnt("buy cheap followers", SPAM, at=at, user=f"user{at}") for at in range(5)]
    memory = taught(store(), said)
    assert (len(memory), column(memory, "support")) == (1, [5])
    assert column(memory, "source_comment_id") == ["comment-0"]


def test_support_counts_a_user_once_however_often_he_says_it() -> None:
    said = [learnt("buy cheap followers", SPAM, at=at, user=f"user{at % 2}") for at in range(40)]
    assert column(taught(store(), said), "support") == [2]


def test_one_user_is_behind_no_more_than_his_share_from_the_first_memory_on() -> None:
    """The share of as many as `user_share_from`: ten; what he confirms counts as what he caused."""
    others = [learnt(f"{word} you", at=at, user=word) for at, word in enumerate(("noob", "trash", "mid"))]
    confirmed = [learnt(f"{word} you", at=9 + at) for at, word in enumerate(("noob", "trash", "mid"))]
    own = [learnt(f"word{at} thing{at}", at=20 + at) for at in range(30)]

    memory = taught(store(MemorySpec(user_share=0.1, user_share_from=100)), [*others, *confirmed, *own])

    active = memory.snapshot().filter(pl.col("retired_because").is_null())
    assert active["support"].to_list()[:3] == [2, 2, 2]
    assert active.filter(pl.col("source_user_id") == "mallory").height == 10 - 3


def test_it_is_told_whether_a_case_says_all_that_a_memory_does() -> None:
    memory = taught(store(), [learnt("welcome everybody you idiot")])

    (less,), (more,), (same,) = (
        recalled(memory, said)
        for said in (
            "welcome everybody you",
            "welcome everybody you big idiot",
            "welcome everybody you idiot",
        )
    )

    assert [(one.is_contained, one.is_same) for one in (less, more, same)] == [
        (False, False),
        (True, False),
        (True, True),
    ]
    assert [one.speaks for one in (less, more, same)] == [False, True, True]


@pytest.mark.parametrize("batch", [1, 2])
def test_a_conflict_keeps_both_linked_both_ways_and_the_newer_leads(batch: int) -> None:
    memory = taught(store(), [learnt("gg ez", DELETE, at=0), learnt("gg ez", ALLOW, at=1)], batch=batch)
    old, new = column(memory, "memory_id")
    assert column(memory, "conflicts_with") == [[new], [old]]
    assert [one.plan for one in recalled(memory, "gg ez")] == [ALLOW, DELETE]
    assert [one.overruled_by for one in recalled(memory, "gg ez")] == [(), (new,)]


def test_an_old_side_of_a_conflict_leads_again_once_an_audit_confirms_it() -> None:
    cases = [learnt("gg ez", DELETE, at=0), learnt("gg ez", ALLOW, at=1), learnt("gg ez", DELETE, at=2)]
    first, second = recalled(taught(store(), cases), "gg ez")
    assert (first.plan, first.overruled_by) == (DELETE, ())
    assert (second.plan, second.overruled_by) == (ALLOW, (first.memory_id,))


def test_learn_names_the_memory_that_each_case_went_into() -> None:
    memory = store()
    first, again, other = memory.learn(
        [learnt("gg", at=0), learnt("gg", at=1), learnt("buy followers", at=2)]
    )
    assert first == again != other
    assert column(memory, "memory_id") == [first, other]


def test_scope_channel_recalls_and_merges_within_the_channel_only() -> None:
    memory = taught(
        store(MemorySpec(scope="channel")),
        [learnt("gg ez", at=0, channel="a"), learnt("gg ez", at=1, channel="b")],
    )
    (here,) = recalled(memory, "gg ez", "b")
    assert here.memory_id == column(memory, "memory_id")[1]
    assert recalled(memory, "gg ez", "c") == ()
    assert column(memory, "support") == [1, 1]


def test_beyond_the_capacity_the_least_valuable_leave_and_the_proven_stay() -> None:
    memory = store(MemorySpec(capacity=2))
    proven = memory.learn([learnt("you are trash", at=0), learnt("you are trash", at=1, user="trent")])[0]
    memory.learn([learnt("gg ez", at=2)])
    memory.learn([learnt("buy followers", at=3)])
    kept = memory.snapshot().filter(pl.col("retired_because").is_null())
    assert kept["memory_id"].to_list() == [proven, memory.snapshot()["memory_id"][2]]
    assert column(memory, "retired_because")[1] == "over capacity: least valuable of 3 for 2 places"


def test_a_memory_that_harms_more_than_it_helps_is_retired_with_the_reason() -> None:
    memory = store(MemorySpec(retire_after_uses=3))
    (one,) = memory.learn([learnt("gg ez", DELETE)])
    memory.account([one], without=DELETE, with_=DELETE, audited=DELETE)
    memory.account([one], without=ALLOW, with_=DELETE, audited=ALLOW)
    assert len(memory) == 1
    memory.account([one], without=ALLOW, with_=DELETE, audited=ALLOW)
    assert column(memory, "retired_because") == ["harmed 2 and helped 0 of 3 audited cases"]
    assert recalled(memory, "gg ez") == ()


def test_a_use_without_an_audit_is_counted_and_judges_nothing() -> None:
    memory = store(MemorySpec(retire_after_uses=1))
    (one,) = memory.learn([learnt("gg ez", DELETE)])
    memory.count_uses([one, one])
    counts = memory.snapshot().select("uses", "helped", "harmed", "neutral")
    assert counts.rows() == [(2, 0, 0, 0)]
    assert len(memory) == 1


def test_memories_that_were_heard_and_outvoted_are_judged_by_their_own_plans() -> None:
    memory = store(MemorySpec(retire_after_uses=2, least_similarity=0.2))
    memory.learn(
        [learnt("gg ez", DELETE, at=0), learnt("gg ez", ALLOW, at=1), learnt("gg ez noob you", DELETE, at=2)]
    )
    heard = recalled(memory, "gg ez")
    assert len(heard) == 3
    memory.account_heard(heard, without=ALLOW, audited=DELETE)
    judged = memory.snapshot().select("uses", "helped", "harmed", "neutral").rows()
    assert judged == [(0, 1, 0, 0), (0, 0, 0, 1), (0, 0, 0, 0)]
    assert recalled(memory, "gg ez")[1].helped == 1


def test_memories_of_another_run_keep_their_origin_and_new_ones_say_their_own() -> None:
    before = taught(store(chat="yesterday", config="audit_all"), [learnt("gg ez", DELETE)])
    memory = MemoryStore.start_from(
        before.snapshot(), MemorySpec(), TfidfEmbedder(), chat="today", config="hybrid"
    )
    memory.learn([learnt("buy followers", SPAM, at=0)])
    rows = memory.snapshot().select("chat", "config", "source_chat", "source_config").rows()
    assert rows == [("today", "hybrid", "yesterday", "audit_all"), ("today", "hybrid", "today", "hybrid")]
    assert recalled(memory, "gg ez")[0].plan == DELETE


def test_an_inherited_memory_yields_to_a_newer_audit_of_this_run() -> None:
    before = taught(store(chat="yesterday"), [learnt("gg ez", DELETE, at=900)])
    memory = MemoryStore.start_from(
        before.snapshot(), MemorySpec(), TfidfEmbedder(), chat="today", config="hybrid"
    )
    memory.learn([learnt("gg ez", ALLOW, at=3)])
    assert [one.plan for one in recalled(memory, "gg ez")] == [ALLOW, DELETE]


def test_starting_with_less_room_retires_what_does_not_fit() -> None:
    before = taught(
        store(), [learnt("gg ez", at=0), learnt("buy followers", at=1), learnt("report mid", at=2)]
    )
    memory = MemoryStore.start_from(
        before.snapshot(), MemorySpec(capacity=1), TfidfEmbedder(), chat="today", config="hybrid"
    )
    assert len(memory) == 1


def test_hostile_states_are_remembered_and_found() -> None:
    hostile = [
        "",
        "\u2016",
        "???",
        "\ud800",
        "‖ ‖ reply",
        "a" * 5000,
        "🤡",
        "日本語",
        "'; drop table x; --",
        "{0}%s",
    ]
    memory = taught(store(), [learnt(state, at=at) for at, state in enumerate(hostile)])
    for state in hostile:
        assert recalled(memory, state)[0].similarity == 1.0


@given(lessons())
def test_the_same_lessons_in_the_same_order_leave_the_same_memories(cases: list[Learnt]) -> None:
    spec = MemorySpec(capacity=6, user_share=0.5, user_share_from=4)
    one, two = taught(store(spec), cases), taught(store(spec), cases)
    assert_frame_equal(one.snapshot(), two.snapshot())
    asked = [case.state for case in cases]
    assert one.recall(asked, ["a"] * len(asked)) == two.recall(asked, ["a"] * len(asked))


@given(lessons())
def test_every_user_who_taught_a_memory_is_its_support_once(cases: list[Learnt]) -> None:
    memory = store(MemorySpec(capacity=5))
    names = memory.learn(cases)
    taught_by = {
        (name, case.source_user_id or at) for at, (name, case) in enumerate(zip(names, cases, strict=True))
    }
    assert memory.snapshot()["support"].sum() == len(taught_by)


@given(lessons())
def test_conflicts_are_linked_both_ways_and_between_different_plans(cases: list[Learnt]) -> None:
    frame = taught(store(MemorySpec(capacity=5)), cases).snapshot()
    plans = dict(zip(frame["memory_id"], zip(frame["action"], frame["category"], strict=True), strict=True))
    links = {
        (one, two)
        for one, others in frame.select("memory_id", "conflicts_with").iter_rows()
        for two in others
    }
    assert links == {(two, one) for one, two in links}
    assert all(plans[one] != plans[two] for one, two in links)


@given(lessons(), st.lists(states(), max_size=8), st.sampled_from(["all", "channel"]))
def test_the_retired_are_never_recalled(cases: list[Learnt], asked: list[str], scope: str) -> None:
    spec = MemorySpec.model_validate(
        {"capacity": 4, "user_share": 0.5, "user_share_from": 3, "scope": scope, "least_similarity": 0.01}
    )
    memory = taught(store(spec), cases)
    frame = memory.snapshot()
    active = set(frame.filter(pl.col("retired_because").is_null())["memory_id"])
    assert len(memory) == len(active) <= 4
    for found in memory.recall(asked, ["a"] * len(asked)):
        assert {one.memory_id for one in found} <= active


@given(lessons(), st.floats(0.1, 0.9), st.integers(1, 12))
def test_no_user_holds_more_than_the_share_of_many_memories(
    cases: list[Learnt], share: float, least: int
) -> None:
    memory = taught(store(MemorySpec(user_share=share, user_share_from=least)), cases)
    active = memory.snapshot().filter(pl.col("retired_because").is_null())
    by_user = active.drop_nulls("source_user_id").group_by("source_user_id").len()
    most = max(1.0, share * max(int(active["support"].sum()), least))
    assert all(count <= most for count in by_user["len"])


@given(lessons(least=1), st.lists(states(), min_size=1, max_size=8))
def test_recall_is_what_comparing_with_every_memory_would_find(cases: list[Learnt], asked: list[str]) -> None:
    memory = taught(store(MemorySpec(top_k=3, least_similarity=0.2)), cases)
    reloaded = MemoryStore.start_from(
        memory.snapshot(), MemorySpec(top_k=3, least_similarity=0.2), TfidfEmbedder(), chat="b", config="c"
    )
    frame = memory.snapshot()
    similarity = by_brute_force(asked, frame["state"].to_list())
    for query, found in enumerate(reloaded.recall(asked, ["a"] * len(asked))):
        order = sorted(range(len(frame)), key=lambda row: (-similarity[query, row], -frame["recency"][row]))
        best = [row for row in order if similarity[query, row] >= 0.2][:3]
        assert [one.memory_id for one in found] == [frame["memory_id"][row] for row in best]
        assert np.allclose([one.similarity for one in found], similarity[query, best], atol=2e-5)


def by_brute_force(asked: list[str], states: list[str]) -> NDArray[np.float64]:
    sparse = TfidfEmbedder().embed([*states, *asked])
    counts = sparse[:, np.unique(sparse.indices)].toarray().astype(np.float64)
    frequency = (counts[: len(states)] > 0).sum(axis=0)
    weights = (counts > 0) * (1 + np.log(np.maximum(counts, 1)))
    weights *= np.log((1 + len(states)) / (1 + frequency)) + 1
    weights /= np.linalg.norm(weights, axis=1, keepdims=True)
    return np.asarray(np.round(weights[len(states) :] @ weights[: len(states)].T, 5))


@given(lessons())
def test_a_store_that_was_saved_and_loaded_is_the_same(
    tmp_path_factory: pytest.TempPathFactory, cases: list[Learnt]
) -> None:
    path: Path = tmp_path_factory.mktemp("memory") / "snapshot.parquet"
    spec = MemorySpec(capacity=5)
    memory = taught(store(spec), cases)
    memory.snapshot().write_parquet(path)
    loaded = MemoryStore.start_from(
        pl.read_parquet(path), spec, TfidfEmbedder(), chat="arena", config="hybrid"
    )
    assert_frame_equal(loaded.snapshot(), memory.snapshot())
    assert loaded.snapshot().schema == MEMORY_SNAPSHOT.schema
    assert len(loaded) == len(memory)


@given(
    lessons(), st.lists(st.tuples(st.sampled_from([ALLOW, DELETE, BAN]), st.sampled_from([ALLOW, DELETE])))
)
def test_helped_harmed_and_neutral_never_exceed_uses(
    cases: list[Learnt], uses: list[tuple[Plan, Plan]]
) -> None:
    memory = taught(store(), cases)
    ids = [
        one for found in memory.recall([case.state for case in cases], ["a"] * len(cases)) for one in found
    ]
    for used, (with_, audited) in zip(ids, uses, strict=False):
        memory.count_uses([used.memory_id])
        memory.account([used.memory_id], without=ALLOW, with_=with_, audited=audited)
    frame = memory.snapshot()
    assert (frame["uses"] == frame["helped"] + frame["harmed"] + frame["neutral"]).all()
    assert frame["uses"].sum() == min(len(ids), len(uses))


@given(lessons(least=1), st.lists(states(), min_size=1, max_size=8))
def test_dense_recall_is_what_comparing_with_every_memory_would_find(
    cases: list[Learnt], asked: list[str]
) -> None:
    spec = MemorySpec(top_k=3, least_similarity=0.4, capacity=6)
    memory = taught(store(spec, embedder=DenseWords()), cases)
    frame = memory.snapshot().filter(pl.col("retired_because").is_null())
    similarity = np.round(DenseWords().embed(asked) @ DenseWords().embed(frame["state"].to_list()).T, 5)
    for query, found in enumerate(memory.recall(asked, ["a"] * len(asked))):
        best = sorted(range(len(frame)), key=lambda row: (-similarity[query, row], -frame["recency"][row]))
        near = [row for row in best if similarity[query, row] >= 0.4][:3]
        assert np.allclose([one.similarity for one in found], similarity[query, near], atol=2e-5)
        assert {one.memory_id for one in found} <= set(frame["memory_id"])


@given(lessons())
def test_a_dense_store_merges_links_and_counts_like_a_sparse_one(cases: list[Learnt]) -> None:
    frame = taught(store(embedder=DenseWords()), cases).snapshot()
    links = {
        (one, two)
        for one, others in frame.select("memory_id", "conflicts_with").iter_rows()
        for two in others
    }
    assert len(frame) <= frame["support"].sum() <= len(cases)
    assert links == {(two, one) for one, two in links}
