from __future__ import annotations

from dataclasses import replace

import polars as pl

from moderation_pipeline.evaluation.case_context import AFTER, BEFORE, Context, LineShown, contexts
from moderation_pipeline_tests.evaluation.worlds import REPLY, Row, comments, run


def context_of(position: int, given: list[Row], *, done: list[str] | None = None) -> Context:
    chat = comments(given)
    made = run(
        "hybrid",
        chat,
        student=["allow none"] * chat.height,
        audits={position: "ban hate"},
        carried_out=done,
        student_reply={**REPLY, "list_cost_usd": 0.01},
        expert_reply={**REPLY, "list_cost_usd": 0.5},
        memories=[
            {"memory_id": "m1", "state": "a case", "action": "ban", "category": "hate", "reasoning": "so"}
        ],
    )
    shown = pl.Series("memory_ids", [["m1", "gone"]] * chat.height, dtype=pl.List(pl.String))
    recalled = replace(made, student_decisions=made.student_decisions.with_columns(shown))
    return contexts(chat, recalled, [f"c{position}"])[f"c{position}"]


def test_the_lines_around_a_case_are_those_of_its_channel_in_order() -> None:
    given: list[Row] = [{"channel": "arena" if i % 2 else "dash"} for i in range(20)]

    found = context_of(9, given).lines

    assert [line.at for line in found] == [-3, -2, -1, 1, 2]
    assert [line.text for line in found] == ["line 3", "line 5", "line 7", "line 11", "line 13"]


def test_at_the_ends_of_a_chat_there_are_fewer() -> None:
    assert len(context_of(0, [{}] * 10).lines) == AFTER
    assert len(context_of(9, [{}] * 10).lines) == BEFORE


def test_a_users_own_lines_and_sanctions_before_are_told_and_none_of_a_stranger() -> None:
    given: list[Row] = [{"user_id": "u", "user_name": "Mallory"}] * 3
    done = ["delete", "allow", "ban"]

    found = context_of(2, given, done=done)
    stranger = context_of(2, [{"user_id": None, "user_name": None}] * 3, done=done)

    assert found.own == [LineShown(-2, "Mallory", "line 0"), LineShown(-1, "Mallory", "line 1")]
    assert (found.comments_before, found.sanctions_before) == (2, 1)
    assert (stranger.own, stranger.comments_before, stranger.sanctions_before) == ([], 0, 0)


def test_memories_costs_and_what_was_done_are_those_of_the_case() -> None:
    found = context_of(1, [{}] * 3, done=["allow", "ban", "allow"])

    assert [(memory.state, memory.action) for memory in found.memories] == [("a case", "ban")]
    assert (found.student_cost_usd, found.expert_cost_usd) == (0.01, 0.5)
    assert found.done == "ban"
