from __future__ import annotations

from moderation_pipeline.evaluation.sanctioned import sanctioned_users
from moderation_pipeline_tests.evaluation.worlds import START, Row, comments, run

ANA: Row = {"user_id": "1", "user_name": "Ana"}
BEN: Row = {"user_id": "2", "user_name": "Ben"}


def test_users_are_listed_hardest_hit_first_with_what_when_why_and_how_often_wrongly() -> None:
    chat = comments(
        [
            {**BEN, "label_is_violation": True},
            {**ANA, "label_is_violation": False},
            {**ANA, "label_is_violation": None},
            {**ANA, "label_is_violation": True},
        ]
    )
    done = ["warn", "warn", "delete", "ban"]
    plans = ["warn spam", "warn spam", "delete hate", "ban hate"]
    users = sanctioned_users(chat, run("student_only", chat, student=plans, carried_out=done))
    ana = users.row(0, named=True)
    assert users["user_name"].to_list() == ["Ana", "Ben"]
    assert [ana[name] for name in ("sanctions", "warnings", "deletions", "timeouts", "bans")] == [
        3,
        1,
        1,
        0,
        1,
    ]
    assert (ana["labelled"], ana["wrong"]) == (2, 1)
    assert (ana["action"], ana["text"], ana["first_position"]) == ("ban", "line 3", 1)
    assert (ana["first_at"] - START).total_seconds() == 1
    assert ana["categories"] == ["hate", "spam"]


def test_what_was_written_while_silenced_is_no_sanction() -> None:
    chat = comments([ANA, ANA])
    done = run(
        "student_only",
        chat,
        student=["ban hate"] * 2,
        carried_out=["ban", "ban"],
        under_sanction=[False, True],
    )
    assert sanctioned_users(chat, done)["sanctions"].to_list() == [1]


def test_a_user_is_another_one_in_another_channel() -> None:
    chat = comments([{**ANA, "channel": "a"}, {**ANA, "channel": "b"}])
    assert sanctioned_users(chat, run("student_only", chat, student=["warn spam"] * 2)).height == 2


def test_users_without_a_name_or_id_are_not_lumped_together() -> None:
    chat = comments([{"user_id": None, "user_name": None}] * 2)
    assert sanctioned_users(chat, run("student_only", chat, student=["warn spam"] * 2)).height == 2


def test_a_run_that_sanctions_nobody_lists_nobody() -> None:
    chat = comments([ANA])
    assert sanctioned_users(chat, run("student_only", chat, student=["reply self_harm"])).is_empty()
