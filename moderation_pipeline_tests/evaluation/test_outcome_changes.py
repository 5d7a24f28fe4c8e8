from __future__ import annotations

from dataclasses import replace

import polars as pl

from moderation_pipeline.evaluation.outcome_changes import (
    NEWCOMER_LINES,
    by_rule,
    changes,
    rules_that_stood,
    with_rules,
)
from moderation_pipeline_tests.evaluation.worlds import Row, comments, config, run


def outcome(chat: pl.DataFrame, *done: str) -> pl.DataFrame:
    return run("hybrid", chat, student=["allow none"] * chat.height, carried_out=list(done)).action_log


def test_who_fares_otherwise_is_told_which_way_and_whether_the_label_bears_it_out() -> None:
    given: list[Row] = [{"label_is_violation": each} for each in (True, False, True, None)]
    chat = comments(given)

    found = changes(
        chat,
        outcome(chat, "allow", "allow", "ban", "delete"),
        outcome(chat, "delete", "ban", "allow", "delete"),
    )

    assert found.lines.select("position", "way").rows() == [(0, "harsher"), (1, "harsher"), (2, "milder")]
    assert found.counts.select("way", "comments", "by_label_right", "by_label_wrong").rows() == [
        ("harsher", 2, 1, 1),
        ("milder", 1, 0, 1),
    ]


def test_a_longer_timeout_is_harsher_and_a_silenced_comment_is_as_good_as_banned() -> None:
    chat = comments([{}] * 3)
    before = outcome(chat, "timeout", "ban", "timeout").with_columns(duration_s=pl.lit(60, pl.Int64))
    after = outcome(chat, "timeout", "allow", "allow").with_columns(
        duration_s=pl.Series([600, None, None], dtype=pl.Int64),
        under_sanction=pl.Series([False, True, True]),
    )

    found = changes(chat, before, after).lines

    assert found.select("before", "after", "way").rows() == [
        ("timeout 1 min", "timeout 10 min", "harsher"),
        ("ban", "silenced", "otherwise"),
        ("timeout 1 min", "silenced", "harsher"),
    ]


def test_a_users_first_comments_in_a_channel_are_a_newcomers() -> None:
    chat = comments([{"user_id": "u", "user_name": "U"}] * (NEWCOMER_LINES + 2))
    every = [["allow"] * chat.height, ["delete"] * chat.height]

    found = changes(chat, *(outcome(chat, *done) for done in every))

    assert found.counts.select("who", "comments").rows() == [("newcomers", NEWCOMER_LINES), ("regulars", 2)]


def test_comments_of_nobody_known_are_no_newcomers_and_of_no_user_that_could_be_counted() -> None:
    chat = comments([{"user_id": None, "user_name": None}] * 3)
    found = changes(chat, outcome(chat, *["allow"] * 3), outcome(chat, *["delete"] * 3))

    assert found.counts.select("who", "comments", "users").rows() == [("of nobody known", 3, 0)]
    assert found.lines["is_newcomer"].to_list() == [False] * 3


def test_the_rule_is_that_of_the_plan_that_stood_and_none_where_it_cites_none() -> None:
    chat = comments([{}] * 5)
    plans = ["delete spam", "delete spam", "delete spam", None, "delete spam"]
    audits = {1: "allow none", 2: None, 3: "ban hate", 4: "warn spam"}
    made = run("hybrid", chat, student=plans, audits=audits)
    cited = replace(
        made,
        student_decisions=made.student_decisions.with_columns(
            rule=pl.when(pl.col("action").is_not_null()).then(pl.lit("S"))
        ),
        expert_audits=made.expert_audits.with_columns(
            rule=pl.when(pl.col("category") != "none").then(pl.lit("E"))
        ),
        action_log=made.action_log.with_columns(
            precedent=pl.Series(["c4", None, None, None, None], dtype=pl.String)
        ),
    )
    assert rules_that_stood(cited)["rule"].to_list() == ["E", None, "S", "E", "E"]
    unheeded = replace(
        cited,
        config=config("student_memory"),
        action_log=made.action_log,
    )
    assert rules_that_stood(unheeded)["rule"].to_list() == ["S", "S", "S", "E", "S"]


def test_lines_are_counted_by_the_categories_and_rules_that_they_go_between() -> None:
    chat = comments([{"label_is_violation": each} for each in (True, False, True)])
    before, after = outcome(chat, "allow", "delete", "delete"), outcome(chat, "delete", "allow", "delete")
    rules = chat.select("comment_id", rule=pl.Series(["R1", "R2", "R3"]))
    lines = with_rules(
        changes(chat, before, after).lines, rules.with_columns(rule=pl.lit(None, pl.String)), rules
    )
    assert lines.select("comment_id", "rule_before", "rule_after").rows() == [
        ("c0", None, "R1"),
        ("c1", None, "R2"),
    ]
    assert by_rule(lines).select("way", "rule_after", "comments", "labelled_violations").rows() == [
        ("harsher", "R1", 1, 1),
        ("milder", "R2", 1, 0),
    ]
