"""Tests of user state: a fold over the action log, by the comments' own time."""

from __future__ import annotations

from datetime import timedelta

import polars as pl
from hypothesis import given, settings
from hypothesis import strategies as st

from moderation_pipeline.agents.build_agents import Agents
from moderation_pipeline.config.run_config import Config, NamedConfig
from moderation_pipeline.config.sanctions import load_sanctions
from moderation_pipeline.moderation.ladder import Ladder
from moderation_pipeline.moderation.loop import moderate
from moderation_pipeline.moderation.standings import fold_actions
from moderation_pipeline.warehouse.folder import DataFolder
from moderation_pipeline_tests.moderation.scripted import START, ScriptedStudent, chat_of

ALONE = Config.model_validate(
    {"student": {"backend": "rules"}, "expert": "none", "memory": None, "audit": {"policy": "none"}}
)


def action_log_of(comments: pl.DataFrame, *, batch_size: int = 64) -> pl.DataFrame:
    config = ALONE.model_copy(update={"loop": ALONE.loop.model_copy(update={"batch_size": batch_size})})
    folder = DataFolder.find()
    return moderate(
        comments,
        NamedConfig(name="alone", path=folder.root, config=config),
        agents=Agents(ScriptedStudent(), None, None),
        memory=None,
        ladder=Ladder(load_sanctions("default", folder)),
    ).action_log


def test_a_user_climbs_from_deletion_to_timeouts_and_is_left_alone_while_timed_out() -> None:
    comments = chat_of(["insult"] * 4, users=["mallory"] * 4, seconds=[0, 10, 20, 100])

    log = action_log_of(comments)

    assert log["action"].to_list() == ["delete", "timeout", "allow", "timeout"]
    assert log["duration_s"].to_list() == [None, 60, None, 600]
    assert log["under_sanction"].to_list() == [False, False, True, False]
    assert log["strikes"].to_list() == [1, 2, 2, 3]


def test_standing_is_that_of_the_users_last_comment() -> None:
    comments = chat_of(
        ["insult", "insult", "hello", "threat", "hi"],
        users=["mallory", "mallory", "mallory", "trent", "alice"],
        seconds=[0, 10, 20, 30, 40],
    )

    users = fold_actions(action_log_of(comments)).sort("user_id")

    assert users["user_id"].to_list() == ["alice", "mallory", "trent"]
    assert users["standing"].to_list() == ["good", "timed_out", "banned"]
    assert users["sanctioned_until"].to_list() == [None, START + timedelta(seconds=70), None]
    assert users["under_sanction"].to_list() == [0, 1, 0]


def test_strikes_expire_by_the_comments_own_time() -> None:
    week_s = 7 * 86_400
    comments = chat_of(["insult", "insult"], users=["mallory"] * 2, seconds=[0, week_s + 1])

    log = action_log_of(comments)

    assert log["action"].to_list() == ["delete", "delete"]
    assert log["strikes"].to_list() == [1, 1]


def test_without_times_strikes_never_expire_and_a_ban_still_silences() -> None:
    comments = chat_of(["insult", "threat", "insult"], users=["mallory"] * 3).with_columns(
        sent_at=pl.lit(None, dtype=pl.Datetime("us", "UTC"))
    )

    log = action_log_of(comments)

    assert log["action"].to_list() == ["delete", "ban", "allow"]
    assert log["under_sanction"].to_list() == [False, False, True]
    assert log["counts_until"].is_null().all()


def test_a_comment_without_a_user_is_acted_on_but_nobody_gets_a_strike() -> None:
    log = action_log_of(chat_of(["insult", "insult"], users=[None, None]))

    assert log["action"].to_list() == ["delete", "delete"]
    users = fold_actions(log)
    assert users["user_id"].to_list() == [None]
    assert users["strikes"].to_list() == [0]


@settings(max_examples=25, deadline=None)
@given(
    lines=st.lists(
        st.tuples(
            st.sampled_from(["insult", "spam", "enough", "threat", "hello"]),
            st.sampled_from(["alice", "mallory", "trent", None]),
            st.integers(0, 100_000),
        ),
        min_size=1,
        max_size=60,
    ),
    batch_size=st.integers(1, 20),
)
def test_the_fold_of_the_log_equals_what_the_loop_knew(
    lines: list[tuple[str, str | None, int]], batch_size: int
) -> None:
    seconds = sorted(second for _, _, second in lines)
    comments = chat_of([w for w, _, _ in lines], users=[u for _, u, _ in lines], seconds=seconds)

    log = action_log_of(comments, batch_size=batch_size)
    users = fold_actions(log)

    last = (
        log.filter(pl.col("user_id").is_not_null())
        .group_by("channel", "user_id")
        .agg(pl.col("strikes").last())
    )
    both = users.filter(pl.col("user_id").is_not_null()).join(
        last, on=["channel", "user_id"], suffix="_in_loop"
    )
    assert both["strikes"].to_list() == both["strikes_in_loop"].to_list()
    assert users["comments"].sum() == log.height
    counted = users.select(pl.sum("warnings", "deletions", "timeouts", "bans", "replies", "undecided"))
    acted = log.filter(pl.col("action") != "allow").height
    assert sum(counted.row(0)) == acted


@given(st.randoms(use_true_random=False))
def test_the_fold_does_not_depend_on_the_order_of_the_rows(random: object) -> None:
    comments = chat_of(["insult", "hello", "spam", "insult", "threat", "spam"])
    log = action_log_of(comments)
    order = list(range(log.height))
    random.shuffle(order)  # type: ignore[attr-defined]

    key = ["channel", "user_id"]
    assert fold_actions(log[order]).sort(key).equals(fold_actions(log).sort(key))
