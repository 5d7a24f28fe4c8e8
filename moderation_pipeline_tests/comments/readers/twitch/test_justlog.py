from __future__ import annotations

import json

import pytest

from moderation_pipeline_tests.comments.lines import cleared, counts, is_conserved, read, said

RAW = said("hi", comment_id="a")
MESSAGE: dict[str, object] = {
    "text": "hi",
    "username": "ann",
    "displayName": "Ann",
    "channel": "room",
    "timestamp": "2023-11-14T22:13:20Z",
    "id": "a",
    "type": 1,
    "raw": RAW,
    "tags": {"id": "a", "user-id": "7"},
}
BASIC: dict[str, object] = {
    "text": "Kappa",
    "displayName": "Ann",
    "timestamp": "2023-11-14T22:13:20.123Z",
    "id": "a",
    "tags": {
        "id": "a",
        "user-id": "7",
        "room-id": "22",
        "tmi-sent-ts": "1700000000123",
        "badges": "moderator/1",
        "emotes": "25:0-4",
        "subscriber": "1",
        "first-msg": "1",
        "reply-parent-msg-id": "parent",
    },
}


def with_(message: dict[str, object], **changes: object) -> dict[str, object]:
    return {**message, **changes}


def test_a_full_message_is_read_from_its_raw_line() -> None:
    document = json.dumps({"messages": [MESSAGE, with_(MESSAGE, raw=cleared("ann", second=5))]})
    ingested = read(document.encode())
    assert ingested.ingestion["format"].item() == "justlog"
    assert ingested.comments.select("comment_id", "text", "label_action").rows() == [("a", "hi", "ban")]


def test_an_ndjson_of_the_same_is_the_same() -> None:
    messages = [MESSAGE, with_(MESSAGE, raw=said("ho", second=3), id="b")]
    document, lines = json.dumps({"messages": messages}), "\n".join(json.dumps(each) for each in messages)
    assert read(document.encode()).comments.equals(read(lines.encode()).comments)


def test_a_pretty_printed_document_is_read() -> None:
    ingested = read(
        json.dumps({"messages": [MESSAGE, with_(MESSAGE, raw=said("ho", second=3))]}, indent=2).encode()
    )
    assert ingested.comments["text"].to_list() == ["hi", "ho"]


def test_rustlogs_basic_message_is_read_from_its_tags() -> None:
    row = read(json.dumps({"messages": [BASIC]}).encode()).comments.row(0, named=True)
    expected = {
        "comment_id": "a",
        "channel": "22",
        "user_id": "7",
        "user_name": "Ann",
        "text": "Kappa",
        "is_moderator": True,
        "is_subscriber": True,
        "is_first_message": True,
        "is_emote_only": True,
        "reply_to": "parent",
    }
    assert {key: row[key] for key in expected} == expected
    assert row["sent_at"].microsecond == 123_000


def test_moderators_acts_in_basic_messages_are_acts() -> None:
    tags = {"target-user-id": "7", "room-id": "22", "tmi-sent-ts": "1700000009000"}
    ban: dict[str, object] = {
        "text": "ann has been banned",
        "displayName": "",
        "timestamp": "2023-11-14T22:13:29Z",
        "id": "",
        "tags": tags,
    }
    timeout = with_(ban, tags={**tags, "ban-duration": "600"})
    for act, label in ((ban, "ban"), (timeout, "timeout")):
        ingested = read("\n".join(map(json.dumps, (BASIC, act))).encode())
        assert ingested.comments["label_action"].to_list() == [label]
        assert counts(ingested)["moderation_events"] == 1


def test_a_notices_own_words_are_what_comes_after_twitchs() -> None:
    tags = {**dict(BASIC["tags"]), "msg-id": "resub", "system-msg": "Ann\\ssubscribed!", "emotes": ""}  # type: ignore[call-overload]
    spoken = with_(BASIC, text="Ann subscribed! love it", tags=tags)
    silent = with_(BASIC, text="Ann subscribed!", tags=tags)
    ingested = read("\n".join(map(json.dumps, (spoken, silent))).encode())
    assert ingested.comments["text"].to_list() == ["love it"]
    assert counts(ingested)["ignored"] == 1


def test_the_empty_messages_of_justlog_are_ignored() -> None:
    empty = {
        "text": "",
        "username": "",
        "timestamp": "0001-01-01T00:00:00Z",
        "raw": "",
        "tags": None,
        "type": 0,
    }
    ingested = read(json.dumps({"messages": [MESSAGE, empty]}).encode())
    assert counts(ingested) == {
        "records": 2,
        "comments": 1,
        "rejected": 0,
        "ignored": 1,
        "moderation_events": 0,
        "merged": 0,
    }


@pytest.mark.parametrize(
    "broken",
    [
        '{"text": "hi", "tags": {"user-id": "7"}, "timestamp": "yesterday"}',
        '{"tags": {"user-id": "7", "tmi-sent-ts": "1700000000123"}, "timestamp": "", "text": 5}',
        '{"nothing": 1}',
        "[1, 2]",
        '{"text": "\\ud800", "raw": "x"}',
        "{",
    ],
)
def test_a_message_that_can_t_be_read_is_rejected(broken: str) -> None:
    ingested = read(f"{json.dumps(MESSAGE)}\n{broken}".encode())
    assert counts(ingested)["rejected"] == 1
    assert is_conserved(ingested)
