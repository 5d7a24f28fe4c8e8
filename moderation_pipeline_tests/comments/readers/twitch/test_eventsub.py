from __future__ import annotations

import json

import pytest

from moderation_pipeline_tests.comments.lines import counts, is_conserved, read

ROOM = {"broadcaster_user_id": "22", "broadcaster_user_login": "room", "broadcaster_user_name": "Room"}


def notification(topic: str, event: dict[str, object], *, second: int = 0, version: str = "1") -> str:
    """Return a WebSocket notification, its time as Twitch writes it: to the nanosecond."""
    return json.dumps(
        {
            "metadata": {
                "message_id": f"n{second}",
                "message_type": "notification",
                "message_timestamp": f"2023-11-14T22:{13 + second // 60:02d}:{second % 60:02d}.123456789Z",
                "subscription_type": topic,
                "subscription_version": version,
            },
            "payload": {"subscription": {"type": topic, "version": version}, "event": {**ROOM, **event}},
        }
    )


def message(text: str, *, second: int = 0, user: str = "ann", **more: object) -> str:
    event: dict[str, object] = {
        "chatter_user_id": f"u-{user}",
        "chatter_user_login": user,
        "chatter_user_name": user.capitalize(),
        "message_id": f"{user}-{second}",
        "message": {"text": text, "fragments": [{"type": "text", "text": text, "emote": None}]},
        "badges": [],
        "message_type": "text",
        "reply": None,
        "source_broadcaster_user_id": None,
        "source_message_id": None,
        **more,
    }
    return notification("channel.chat.message", event, second=second)


def moderated(action: str, details: dict[str, object] | None, *, second: int) -> str:
    event: dict[str, object] = {"moderator_user_id": "9", "action": action}
    if details is not None:
        event["unban_request" if "unban_request" in action else action] = details
    return notification("channel.moderate", event, second=second, version="2")


ANN: dict[str, object] = {"user_id": "u-ann", "user_login": "ann", "user_name": "Ann"}


def held(message_id: str, text: str, *, second: int, topic: str = "hold", **more: object) -> str:
    event: dict[str, object] = {
        **ANN,
        "message_id": message_id,
        "message": {"text": text, "fragments": [{"type": "text", "text": text}]},
        "reason": "automod",
        "automod": {"category": "swearing", "level": 4, "boundaries": [{"start_pos": 0, "end_pos": 2}]},
        "held_at": "2023-11-14T22:13:20.1Z",
        **more,
    }
    return notification(f"automod.message.{topic}", event, second=second, version="2")


def labels(lines: list[str]) -> dict[str, str | None]:
    return dict(read(lines).comments.select("text", "label_action").rows())


def test_a_chat_message_is_a_comment() -> None:
    badges = [
        {"set_id": "moderator", "id": "1", "info": ""},
        {"set_id": "subscriber", "id": "12", "info": "16"},
    ]
    ingested = read([message("hi", badges=badges, reply={"parent_message_id": "parent"})])
    assert ingested.ingestion["format"].item() == "eventsub"
    row = ingested.comments.row(0, named=True)
    expected = {
        "comment_id": "ann-0",
        "channel": "room",
        "user_id": "u-ann",
        "user_name": "Ann",
        "text": "hi",
        "is_moderator": True,
        "is_subscriber": True,
        "is_broadcaster": False,
        "reply_to": "parent",
    }
    assert {key: row[key] for key in expected} == expected
    assert row["sent_at"].isoformat() == "2023-11-14T22:13:00.123456+00:00"


def test_a_webhooks_body_is_read_too() -> None:
    parsed = json.loads(message("hi"))
    body = json.dumps({**parsed["payload"], "timestamp": "2023-11-14T22:13:20Z"})
    row = read([body]).comments.row(0, named=True)
    assert (row["text"], row["sent_at"].isoformat()) == ("hi", "2023-11-14T22:13:20+00:00")


def test_a_body_that_nobody_gave_a_time_has_none() -> None:
    body = json.dumps(json.loads(message("hi"))["payload"])
    assert read([body]).comments["sent_at"].to_list() == [None]
    assert "1 of 2 comments have no time." in read([body, message("ho", second=1)]).notes


def test_actions_and_emotes_are_understood() -> None:
    emote = {"type": "emote", "text": "Kappa", "emote": {"id": "25"}}
    space = {"type": "text", "text": " ", "emote": None}
    alone = message(
        "Kappa Kappa", second=1, message={"text": "Kappa Kappa", "fragments": [emote, space, emote]}
    )
    comments = read([message("\x01ACTION waves\x01"), alone]).comments
    assert comments.select("text", "is_me", "is_emote_only").rows() == [
        ("waves", True, False),
        ("Kappa Kappa", False, True),
    ]


@pytest.mark.parametrize(
    ("action", "details", "label"),
    [
        ("ban", {**ANN, "reason": "spam"}, "ban"),
        ("timeout", {**ANN, "reason": "", "expires_at": "2023-11-14T22:23:20Z"}, "timeout"),
        ("warn", {**ANN, "reason": "cut it out", "chat_rules_cited": None}, "warn"),
        ("delete", {**ANN, "message_id": "ann-0", "message_body": "bad"}, "delete"),
        ("shared_chat_timeout", {**ANN, "expires_at": "2023-11-14T22:23:20Z"}, "timeout"),
        ("shared_chat_ban", ANN, "ban"),
        ("shared_chat_delete", {**ANN, "message_id": "ann-0"}, "delete"),
    ],
)
def test_what_moderators_do_live_is_a_label(action: str, details: dict[str, object], label: str) -> None:
    ingested = read([message("bad"), moderated(action, details, second=5)])
    assert ingested.comments["label_action"].to_list() == [label]
    assert counts(ingested)["moderation_events"] == 1


@pytest.mark.parametrize(
    "action", ["clear", "emoteonly", "raid", "mod", "unban", "add_blocked_term", "new_one"]
)
def test_other_acts_label_nothing(action: str) -> None:
    ingested = read([message("hi"), moderated(action, ANN, second=5)])
    assert ingested.comments["label_action"].to_list() == [None]
    assert counts(ingested)["moderation_events"] == 1


def test_a_held_message_is_labelled_by_what_a_moderator_decided() -> None:
    got = labels(
        [
            message("fine", second=0),
            held("a", "approved one", second=1),
            held("b", "denied one", second=2),
            held("a", "approved one", second=3, topic="update", status="approved", moderator_user_id="9"),
            held("b", "denied one", second=4, topic="update", status="Denied", moderator_user_id="9"),
        ]
    )
    assert got == {"fine": "allow", "approved one": "allow", "denied one": "delete"}


def test_a_held_message_that_nobody_decided_about_is_not_called_allowed() -> None:
    got = labels(
        [
            held("a", "expired one", second=1),
            held("b", "still waiting", second=2),
            held("a", "expired one", second=3, topic="update", status="expired"),
            message("bad", second=4),
            moderated("ban", ANN, second=300),
        ]
    )
    assert got == {"expired one": None, "still waiting": None, "bad": "ban"}


def test_an_approved_message_that_then_appears_is_one_comment() -> None:
    ingested = read(
        [
            held("a", "hello", second=1),
            held("a", "hello", second=3, topic="update", status="approved"),
            message("hello", second=3, message_id="a"),
        ]
    )
    assert ingested.comments.select("comment_id", "label_action").rows() == [("a", "allow")]
    assert counts(ingested)["merged"] == 1


def test_a_decision_about_a_message_held_before_the_log_is_comment_and_label_at_once() -> None:
    ingested = read([message("hi"), held("a", "denied one", second=4, topic="update", status="denied")])
    assert ingested.comments.select("text", "label_action").rows() == [
        ("hi", "allow"),
        ("denied one", "delete"),
    ]
    assert is_conserved(ingested)
    assert counts(ingested)["moderation_events"] == 0


@pytest.mark.parametrize(
    ("resolution", "overturned"),
    [
        (
            notification(
                "channel.unban_request.resolve", {**ANN, "id": "60", "status": "approved"}, second=500
            ),
            True,
        ),
        (
            notification(
                "channel.unban_request.resolve", {**ANN, "id": "60", "status": "denied"}, second=500
            ),
            False,
        ),
        (
            notification(
                "channel.unban_request.resolve", {**ANN, "id": "60", "status": "canceled"}, second=500
            ),
            False,
        ),
        (moderated("approve_unban_request", {**ANN, "is_approved": True}, second=500), True),
        (moderated("deny_unban_request", {**ANN, "is_approved": False}, second=500), False),
    ],
)
def test_an_unban_request_that_was_approved_marks_the_sanction_as_overturned(
    resolution: str, overturned: bool
) -> None:
    comments = read(
        [
            message("fine", second=0),
            message("bad", second=200),
            moderated("ban", ANN, second=202),
            resolution,
            message("thanks", second=600),
        ]
    ).comments
    assert comments.select("text", "label_action", "label_is_overturned").rows() == [
        ("fine", "allow", False),
        ("bad", "ban", overturned),
        ("thanks", "allow", False),
    ]


def test_a_resolution_alone_says_nothing_about_comments() -> None:
    resolution = notification("channel.unban_request.resolve", {**ANN, "status": "approved"}, second=5)
    assert labels([message("hi"), resolution]) == {"hi": None}


def test_sessions_talk_and_other_topics_are_ignored() -> None:
    welcome = json.dumps(
        {"metadata": {"message_type": "session_welcome"}, "payload": {"session": {"id": "x"}}}
    )
    keepalive = json.dumps({"metadata": {"message_type": "session_keepalive"}, "payload": {}})
    follow = notification("channel.follow", ANN)
    assert counts(read([welcome, keepalive, follow, message("hi")]))["ignored"] == 3


def test_a_subscribers_own_words_are_a_comment_and_a_notice_without_is_ignored() -> None:
    event: dict[str, object] = {"chatter_user_id": "7", "message_id": "s", "notice_type": "resub"}
    spoken = notification(
        "channel.chat.notification", {**event, "message": {"text": "a year!", "fragments": []}}
    )
    silent = notification("channel.chat.notification", {**event, "message": {"text": "", "fragments": []}})
    ingested = read([spoken, silent])
    assert ingested.comments["text"].to_list() == ["a year!"]
    assert counts(ingested)["ignored"] == 1


@pytest.mark.parametrize(
    "broken",
    [
        '{"a": 1}',
        "[]",
        "not json",
        message("hi").replace("2023-11-14T22:13:00", "yesterday"),
        message("hi", message={"text": None}),
        moderated("ban", {}, second=5),
        moderated("delete", ANN, second=5),
        notification("channel.moderate", {}),
        notification("automod.message.hold", {**ANN, "message_id": "a"}),
        notification("automod.message.update", {**ANN, "status": "denied"}),
    ],
)
def test_a_notification_that_can_t_be_read_is_rejected(broken: str) -> None:
    ingested = read([message("hi"), broken])
    assert counts(ingested)["rejected"] == 1
    assert is_conserved(ingested)


def test_a_copy_from_a_shared_chat_is_merged_with_its_original() -> None:
    copy = message(
        "hi", second=1, message_id="copy", source_message_id="ann-0", broadcaster_user_login="guest"
    )
    assert read([message("hi"), copy]).comments["comment_id"].to_list() == ["ann-0"]


TARGET = {"target_user_id": "u-ann", "target_user_login": "ann", "target_user_name": "Ann"}


@pytest.mark.parametrize(
    ("topic", "event", "label", "is_violation"),
    [
        ("channel.chat.clear_user_messages", TARGET, None, True),
        ("channel.warning.send", ANN, "warn", True),
        ("channel.chat.message_delete", {**TARGET, "message_id": "ann-1"}, "delete", True),
        ("channel.suspicious_user.update", {**ANN, "low_trust_status": "restricted"}, None, None),
        ("channel.chat.clear", {}, None, None),
    ],
)
def test_what_other_topics_say_of_a_user_or_a_comment_is_never_allow(
    topic: str, event: dict[str, object], label: str | None, is_violation: bool | None
) -> None:
    lines = [
        message("bad", second=1),
        notification(topic, event, second=5),
        message("worse", second=10, user="eve"),
        notification("channel.ban", {"user_id": "u-eve"}, second=11),
        message("fine", second=12, user="bob"),
    ]
    ingested = read(lines)
    assert ingested.comments.select("text", "label_action", "label_is_violation").rows() == [
        ("bad", label, is_violation),
        ("worse", "ban", True),
        ("fine", "allow", False),
    ]
    assert counts(ingested)["moderation_events"] == 2


def test_an_act_that_twitch_may_add_is_said_not_to_be_understood() -> None:
    lines = [
        message("bad", second=1),
        moderated("shadow_mute", ANN, second=2),
        message("worse", second=3, user="eve"),
        notification("channel.ban", {"user_id": "u-eve"}, second=4),
    ]
    ingested = read(lines)
    assert ingested.comments["label_action"].to_list() == [None, "ban"]
    assert ingested.acts == {"unknown": 1, "ban": 1}
    assert any("not understood" in note for note in ingested.notes)


def test_other_topics_are_counted_by_their_names() -> None:
    ingested = read([message("hi"), notification("channel.raid", {}), notification("channel.raid", {})])
    assert ingested.ignored == {"channel.raid notifications": 2}


def events(*lines: str) -> list[dict[str, object]]:
    """Return the events alone, as libraries hand them over."""
    return [json.loads(line)["payload"]["event"] for line in lines]


def test_an_array_of_notifications_is_read_like_its_lines() -> None:
    lines = [
        message("hi"),
        message("bad", second=1, user="eve"),
        notification("channel.ban", {"user_id": "u-eve"}, second=2),
    ]
    for indent in (None, 1):
        array = json.dumps([json.loads(line) for line in lines], indent=indent).encode()
        got = read(array).comments
        assert got.drop("chat").equals(read(lines).comments.drop("chat"))


def test_events_without_their_envelope_are_told_by_what_they_hold() -> None:
    bare = events(
        message("hi"),
        message("gone", user="cy"),
        message("bad", user="bob"),
        message("worse", user="eve"),
        message("odd", user="dee"),
        notification("channel.chat.message_delete", {"target_user_id": "u-cy", "message_id": "cy-0"}),
        notification("channel.chat.clear_user_messages", {"target_user_id": "u-bob"}),
        moderated("ban", {"user_id": "u-eve"}, second=3),
        notification("channel.new_kind", {"user_id": "u-dee", "moderator_user_id": "9"}),
    )
    ingested = read("\n".join(map(json.dumps, bare)).encode())
    assert ingested.ingestion["format"].item() == "eventsub"
    assert ingested.comments.select("text", "label_action", "label_is_violation").rows() == [
        ("hi", "allow", False),
        ("gone", "delete", True),
        ("bad", None, True),
        ("worse", "ban", True),
        ("odd", None, None),
    ]
    assert counts(ingested)["moderation_events"] == 4
