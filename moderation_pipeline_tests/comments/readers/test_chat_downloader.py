from __future__ import annotations

import json

import pytest

from moderation_pipeline_tests.comments.lines import counts, is_conserved, read


def item(message_id: str, message: str, *, second: int = 0, **more: object) -> dict[str, object]:
    return {
        "action_type": "text_message",
        "author": {"id": "7", "name": "ann", "display_name": "Ann", "is_moderator": False, "badges": []},
        "channel_id": "22",
        "message": message,
        "message_id": message_id,
        "message_type": "text_message",
        "timestamp": 1_700_000_000_123_456 + second * 1_000_000,
        **more,
    }


def array(*items: object) -> bytes:
    return json.dumps(list(items), indent=4).encode()


def test_an_array_of_items_is_read_with_times_in_microseconds() -> None:
    ingested = read(array(item("a", "hi"), item("b", "ho", second=1)))
    assert ingested.ingestion["format"].item() == "chat_downloader"
    assert ingested.comments["text"].to_list() == ["hi", "ho"]
    assert ingested.comments["sent_at"][0].isoformat() == "2023-11-14T22:13:20.123456+00:00"
    assert ingested.comments.select("user_id", "user_name", "channel").row(0) == ("7", "Ann", "22")


def test_one_item_a_line_is_the_same() -> None:
    items = [item("a", "hi"), item("b", "ho", second=1)]
    lines = "\n".join(json.dumps(each) for each in items).encode()
    assert read(lines).comments.equals(read(array(*items)).comments)


def test_a_videos_chat_with_badges_and_offsets_is_read() -> None:
    author = {
        "id": "7",
        "name": "ann",
        "badges": [{"name": "moderator", "version": 1}, {"name": "subscriber"}],
    }
    row = read(array(item("a", "hi", author=author, time_in_seconds=3, time_text="0:03"))).comments.row(
        0, named=True
    )
    assert (row["is_moderator"], row["is_subscriber"]) == (True, True)


def test_emotes_alone_are_known_by_their_names() -> None:
    emotes = [{"id": "25", "name": "Kappa", "locations": ["0-4"]}]
    comments = read(
        array(item("a", "Kappa Kappa", emotes=emotes), item("b", "Kappa hi", emotes=emotes))
    ).comments
    assert comments["is_emote_only"].to_list() == [True, False]


BAN = {"action_type": "clear_chat", "message_type": "ban_user", "banned_user": "ann", "channel_id": "22"}


@pytest.mark.parametrize(
    ("act", "label"),
    [
        (
            {**BAN, "ban_type": "permanent", "target_author_id": "7", "timestamp": 1_700_000_009_000_000},
            "ban",
        ),
        ({**BAN, "ban_type": "timeout", "ban_duration": 60, "timestamp": 1_700_000_009_000_000}, "timeout"),
        ({"message_type": "delete_message", "target_message_id": "a", "channel_id": "22"}, "delete"),
        ({"action_type": "mark_chat_item_as_deleted", "target_message_id": "a"}, "delete"),
        (
            {
                "action_type": "mark_chat_items_by_author_as_deleted",
                "author": {"id": "7"},
                "channel_id": "22",
            },
            "ban",
        ),
    ],
)
def test_acts_of_twitchs_and_youtubes_moderators_are_labels(act: dict[str, object], label: str) -> None:
    ingested = read(array(item("a", "bad"), act))
    assert ingested.comments["label_action"].to_list() == [label]
    assert counts(ingested)["moderation_events"] == 1


def test_items_without_words_are_ignored() -> None:
    gift = item("b", "", message_type="subscription_gift")
    state = {"action_type": "room_state", "message_type": "room_state", "channel_id": "22"}
    assert counts(read(array(item("a", "hi"), gift, state)))["ignored"] == 2


@pytest.mark.parametrize("stamp", [-5, 0, 5e18, "soon"])
def test_an_item_whose_time_can_t_be_read_is_rejected(stamp: object) -> None:
    ingested = read(array(item("a", "hi"), item("b", "ho", timestamp=stamp)))
    assert counts(ingested)["rejected"] == 1
    assert is_conserved(ingested)
