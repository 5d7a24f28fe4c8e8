from __future__ import annotations

import json

from moderation_pipeline_tests.comments.lines import counts, read


def message(text: str, *, number: int = 1, kind: str = "Default", **more: object) -> dict[str, object]:
    return {
        "id": f"90{number}",
        "type": kind,
        "timestamp": f"2024-05-06T20:00:{number:02d}.5+02:00",
        "content": text,
        "author": {"id": "41", "name": "ann", "nickname": "Ann L", "isBot": False, "roles": []},
        "attachments": [],
        "mentions": [{"id": "42", "name": "bob"}],
        **more,
    }


def document(*messages: dict[str, object], indent: int | None = 2) -> bytes:
    channel = {"id": "2", "type": "GuildTextChat", "categoryId": "5", "category": "Talk", "name": "general"}
    whole = {
        "guild": {"id": "1", "name": "Den", "iconUrl": "x"},
        "channel": channel,
        "dateRange": {"after": None, "before": None},
        "exportedAt": "2024-06-15T10:30:00+00:00",
        "messages": list(messages),
        "messageCount": len(messages),
    }
    return json.dumps(whole, indent=indent).encode()


def test_a_channels_export_is_read_with_ids_names_roles_and_replies() -> None:
    judge = {"id": "42", "name": "judge", "nickname": None, "roles": [{"id": "5", "name": "Moderators"}]}
    reply = message("yo", number=2, kind="Reply", author=judge, reference={"messageId": "901"})
    for indent in (None, 2):
        ingested = read(document(message("hi"), reply, indent=indent))
        assert ingested.ingestion["format"].item() == "discord"
        columns = ("comment_id", "channel", "user_id", "user_name", "text", "reply_to", "is_moderator")
        assert ingested.comments.select(columns).rows() == [
            ("901", "general", "41", "Ann L", "hi", None, False),
            ("902", "general", "42", "judge", "yo", "901", True),
        ]
        assert ingested.comments["sent_at"][0].isoformat() == "2024-05-06T18:00:01.500000+00:00"


def test_what_discord_says_itself_and_pictures_alone_are_ignored_by_kind() -> None:
    ingested = read(
        document(
            message("hi"),
            message("Joined the server.", number=2, kind="GuildMemberJoin"),
            message("", number=3),
        )
    )
    assert counts(ingested)["comments"] == 1
    assert ingested.ignored == {"GuildMemberJoin messages": 1, "messages of attachments alone": 1}


def test_a_forwarded_message_is_said_by_who_forwards_it() -> None:
    forwarded = message("", forwardedMessage={"content": "look at this", "timestamp": "2024-05-01T10:00:00Z"})
    assert read(document(forwarded)).comments.select("user_name", "text").rows() == [
        ("Ann L", "look at this")
    ]
