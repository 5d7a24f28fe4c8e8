"""Whole runs with a language model that is shown memories: what they did to it is measured, and paid for once."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from moderation_pipeline.chance import draw
from moderation_pipeline_tests.backends.chat_server import (
    Behaviour,
    Body,
    ChatServer,
    Fault,
    judge,
    never,
    running,
)
from moderation_pipeline_tests.backends.runs import config_with, run, same_but_for_timing

TEXTS = [f"you idiot, play better next time number {i % 4}" for i in range(40)]


def by_memory(body: Body) -> Body:
    """Judge as a careful keyword would where it is the Expert, or the Student and shown a case; else allow."""
    if body["model"] == "large-judge" or "worked_cases" in str(body["messages"][-1]):
        return judge(body)
    return {**judge(body), "category": "none", "action": "allow"}


def parts_of(share: float) -> dict[str, object]:
    return {
        "memory": {"without_share": share},
        "loop": {"batch_size": 4, "feedback_lag": 1},
        "audit": {"policy": "all"},
    }


@pytest.mark.parametrize("share", [0.0, 0.4, 1.0])
def test_memories_of_a_language_model_are_judged_on_the_share_that_was_asked_without(
    tmp_path: Path, share: float
) -> None:
    with running(Behaviour(answer=by_memory)) as server:
        tables = run(tmp_path, config_with(server.base_url, **parts_of(share)), TEXTS).tables
        plain = [body for body in server.bodies if body["model"] == "tiny-judge"]

    shown = tables.student_decisions.filter(pl.col("memory_ids").list.len() > 0)
    sampled = [one for one in shown["comment_id"] if draw(7, "without_memory", one) < share]
    memories = tables.memory_snapshot
    assert shown.height > 30
    assert memories["uses"].sum() == shown["memory_ids"].list.len().sum()
    assert (memories["helped"].sum() > 0) == (share > 0)
    assert memories["harmed"].sum() == memories["neutral"].sum() == 0
    assert len(plain) <= len(TEXTS) + len(sampled) + 1


def test_what_is_asked_again_is_in_the_row_and_paid_once(tmp_path: Path) -> None:
    with running(Behaviour(answer=by_memory)) as server:
        once = run(tmp_path, config_with(server.base_url, **parts_of(0.0)), TEXTS, name="once").tables
        calls = server.calls
        first = run(tmp_path, config_with(server.base_url, **parts_of(1.0)), TEXTS, name="first").tables
        asked_again = server.calls - calls
        second = run(tmp_path, config_with(server.base_url, **parts_of(1.0)), TEXTS, name="second").tables

    assert server.calls == calls + asked_again > calls
    lists = [each.student_decisions["list_cost_usd"].sum() for each in (once, first, second)]
    assert lists[0] < lists[1] == lists[2]
    assert second.student_decisions["cost_usd"].sum() == 0
    assert_frame_equal(once.action_log.drop("config"), first.action_log.drop("config"))


def test_second_replies_that_fail_change_no_decision(tmp_path: Path) -> None:
    tables = []
    for fails in (False, True):
        with running(Behaviour(answer=by_memory)) as server:
            server.behaviour.faults = partial(refused_without_memories, server) if fails else never
            spec = {
                "backend": "openai",
                "model": "tiny-judge",
                "base_url": server.base_url,
                "concurrency": 1,
            }
            config = config_with(server.base_url, student=spec, expert="careful_rules", **parts_of(1.0))
            tables.append(run(tmp_path / str(fails), config, TEXTS).tables)

    good, failing = tables
    assert_frame_equal(good.action_log, failing.action_log)
    assert failing.student_decisions["reply_error"].null_count() == len(TEXTS)
    assert failing.memory_snapshot["helped"].sum() < good.memory_snapshot["helped"].sum()


def refused_without_memories(server: ChatServer, call: int) -> Fault | None:  # noqa: ARG001
    """Refuse what is asked without memories, from the first comments that were shown some on."""
    is_first = not any("worked_cases" in str(body["messages"][-1]) for body in server.bodies)
    is_shown = "worked_cases" in str(server.bodies[-1]["messages"][-1])
    return None if is_first or is_shown else Fault.REFUSAL


def test_the_rows_are_the_same_whatever_the_concurrency(tmp_path: Path) -> None:
    runs = []
    for number, (latency_s, concurrency) in enumerate([(0.0, 1), (0.01, 64)]):
        with running(Behaviour(latency_s=latency_s, answer=by_memory)) as server:
            spec = {
                "backend": "openai",
                "model": "tiny-judge",
                "base_url": server.base_url,
                "concurrency": concurrency,
            }
            config = config_with(server.base_url, student=spec, **parts_of(0.5))
            runs.append(run(tmp_path / str(number), config, TEXTS).tables)

    for table in ("student_decisions", "memory_snapshot", "action_log"):
        one, other = (same_but_for_timing(getattr(each, table)) for each in runs)
        assert_frame_equal(one, other)
