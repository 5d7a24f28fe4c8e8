"""Tests of what a run says of its memories: how often each was used, and what audits say that it did."""

from __future__ import annotations

from collections import Counter
from itertools import chain

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from moderation_pipeline.agents.keyless.rules import RulesStudent
from moderation_pipeline.agents.memory_trial import MemoryTrial
from moderation_pipeline.agents.student import Student
from moderation_pipeline.moderation.run_tables import RunTables
from moderation_pipeline_tests.agents.suggestible import Suggestible
from moderation_pipeline_tests.moderation.scripted import ScriptedExpert, chat_of
from moderation_pipeline_tests.moderation.test_loop import RETOLD, config_of, run

INSULTS = ["insult you"] * 40


def on_trial(share: float) -> Student:
    return MemoryTrial(Suggestible(), share, seed=7)


def run_of(student: Student, texts: list[str], *, rate: float = 0.3, lag: int = 0) -> RunTables:
    audit = {"policy": "random", "rate": rate, "random_floor": rate}
    config = config_of(audit=audit, loop={"batch_size": 4, "feedback_lag": lag})
    return run(chat_of(texts), config, student=student, expert=ScriptedExpert())


def judged(tables: RunTables) -> int:
    counts = tables.memory_snapshot.select(pl.sum_horizontal("helped", "harmed", "neutral"))
    return int(counts.sum().item())


@settings(max_examples=20, deadline=None)
@given(
    texts=st.lists(st.sampled_from([*RETOLD, "hello there"]), min_size=4, max_size=60),
    student=st.sampled_from([RulesStudent(), on_trial(0.0), on_trial(0.5)]),
    lag=st.integers(0, 2),
)
def test_a_memory_is_used_as_often_as_decisions_name_it_audited_or_not(
    texts: list[str], student: Student, lag: int
) -> None:
    tables = run_of(student, texts, lag=lag)

    named = Counter(chain.from_iterable(tables.student_decisions["memory_ids"].to_list()))
    used = dict(tables.memory_snapshot.select("memory_id", "uses").iter_rows())
    assert used == {memory: named[memory] for memory in used}
    assert set(named) <= set(used)


def test_uses_are_counted_where_nothing_is_audited_any_more() -> None:
    tables = run_of(on_trial(0.0), INSULTS, rate=0.1)

    assert tables.memory_snapshot["uses"].sum() > tables.expert_audits.height
    assert judged(tables) == 0


def test_a_paid_students_memories_are_judged_where_it_was_asked_without_them() -> None:
    tables = run_of(on_trial(1.0), INSULTS)

    helped = tables.memory_snapshot["helped"].sum()
    used = tables.student_decisions.filter(pl.col("memory_ids").list.len() > 0)
    audited = used.filter(pl.col("comment_id").is_in(tables.expert_audits["comment_id"].implode()))
    assert helped == audited.height > 3


@pytest.mark.parametrize("share", [0.5, 1.0])
def test_the_row_says_what_would_have_been_decided_without_where_that_is_known(share: float) -> None:
    decisions = run_of(on_trial(share), INSULTS).student_decisions

    used = decisions.filter(pl.col("memory_ids").list.len() > 0)
    known = used.filter(pl.col("action_without_memory").is_not_null())
    assert known.select("action_without_memory", "category_without_memory").unique().rows() == [
        ("allow", "none")
    ]
    assert 0 < known.height <= used.height < decisions.height
    assert (known.height == used.height) is (share == 1)
    unused = decisions.filter(pl.col("memory_ids").list.len() == 0)
    assert unused["action_without_memory"].null_count() == unused.height


def test_on_a_share_of_a_paid_students_uses_memories_are_judged_on_a_share() -> None:
    assert 0 < judged(run_of(on_trial(0.3), INSULTS * 4)) < judged(run_of(on_trial(1.0), INSULTS * 4))


@pytest.mark.parametrize(
    ("share", "because"), [(1.0, "harmed 4 and helped 0 of 5 audited cases"), (0.0, None)]
)
def test_a_memory_that_misleads_a_paid_student_is_retired_with_the_reason(
    share: float, because: str | None
) -> None:
    alike = ["insult you and your whole team now", *(["hello you and your whole team now"] * 30)]

    memories = run_of(on_trial(share), alike, rate=1.0).memory_snapshot

    assert memories["retired_because"].drop_nulls().to_list() == ([because] if because else [])
    assert memories["action"][0] == "delete"
    assert memories["retired_because"][0] == because


@settings(max_examples=15, deadline=None)
@given(texts=st.lists(st.sampled_from(RETOLD), min_size=4, max_size=40), lag=st.integers(0, 3))
def test_the_receipts_do_not_depend_on_when_replies_arrive(texts: list[str], lag: int) -> None:
    config = config_of(loop={"batch_size": 3, "feedback_lag": lag})
    first, second = (
        run(chat_of(texts), config, student=on_trial(0.5), expert=ScriptedExpert(jitter_seed=seed))
        for seed in (1, 2)
    )

    assert_frame_equal(first.memory_snapshot, second.memory_snapshot)
    assert_frame_equal(first.student_decisions, second.student_decisions)
