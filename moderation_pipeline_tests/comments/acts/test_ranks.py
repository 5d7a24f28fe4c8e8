"""Who is taken for a moderator where a log marks nobody."""

from __future__ import annotations

import json

from moderation_pipeline.comments.ingest import Ingested
from moderation_pipeline.comments.log_spec import LogSpec
from moderation_pipeline_tests.comments.lines import read, said


def ranks(ingested: Ingested) -> dict[str, str]:
    """Return each user's rank by his id: a user, a moderator, a broadcaster."""
    rows = ingested.comments.select("user_id", "is_moderator", "is_broadcaster").unique().rows()
    return {
        str(user): "broadcaster" if broadcasts else "moderator" if moderates else "user"
        for user, moderates, broadcasts in rows
    }


def table(*rows: dict[str, object]) -> bytes:
    return "\n".join(json.dumps({"channel": "arena", "text": "hi", **row}) for row in rows).encode()


def test_where_nobody_is_marked_services_bots_and_the_channels_namesake_are_taken_for_what_they_are() -> None:
    log = ["# Start logging at 2023-11-14 19:30:00 CET"]
    log += [f"[20:00:01] {who}: hi" for who in ("Nightbot nightbot", "闘技場 arena", "bob")]
    ingested = read(log, name="arena-2023-11-14.log")
    assert ranks(ingested) == {"nightbot": "moderator", "arena": "broadcaster", "bob": "user"}
    (note,) = [note for note in ingested.notes if "marked as a moderator" in note]
    assert "nightbot" in note
    assert "arena" in note
    assert "bob" not in note


def test_where_a_log_marks_anybody_nobody_is_taken_for_anything() -> None:
    lines = [said("hi", user="nightbot"), said("ho", user="mo", tags="mod=1;", second=1)]
    assert ranks(read(lines)) == {"u-nightbot": "user", "u-mo": "moderator"}
    rows = table({"user_id": "nightbot"}, {"user_id": "mo", "is_moderator": True})
    assert ranks(read(rows, name="chat.jsonl")) == {"nightbot": "user", "mo": "moderator"}


def test_a_bots_name_beside_another_id_is_anybodys() -> None:
    rows = table({"user_id": "UC123", "user_name": "Nightbot"}, {"user_id": "77", "user_name": "arena"})
    assert ranks(read(rows, name="chat.jsonl")) == {"UC123": "user", "77": "user"}


def test_whom_the_owner_names_moderates_by_id_or_name_and_a_name_that_is_nobodys_is_said() -> None:
    rows = table({"user_id": "7", "user_name": "Mo"}, {"user_id": "8", "user_name": "Zoë"}, {"user_id": "9"})
    ingested = read(rows, name="chat.jsonl", log=LogSpec(moderators=("@mo", "ZOË", "9", "ghost")))
    assert ranks(ingested) == {"7": "moderator", "8": "moderator", "9": "moderator"}
    assert "No comment is by ghost, named as a moderator." in ingested.notes


def test_comments_keep_their_order_and_number_whoever_is_ranked() -> None:
    users = ["a", None, "nightbot", "a", None]
    rows = table(*(dict[str, object](user_id=who, text=str(at)) for at, who in enumerate(users)))
    comments = read(rows, name="chat.jsonl").comments
    assert comments["text"].to_list() == ["0", "1", "2", "3", "4"]
    assert comments["is_moderator"].to_list() == [False, False, True, False, False]
