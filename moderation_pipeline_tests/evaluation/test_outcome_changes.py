from __future__ import annotations

import polars as pl

from moderation_pipeline.evaluation.outcome_changes import NEWCOMER_LINES, changes
from moderation_pipeline_tests.evaluation.worlds import Row, comments, run


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
