from __future__ import annotations

import csv
import io
import json
from pathlib import Path

import pytest

from moderation_pipeline.comments.columns import ColumnsError, columns_from_arguments
from moderation_pipeline.comments.ingest import ingest
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
        (
            {
                "action_type": "mark_chat_item_as_deleted",
                "message_type": "deleted_message",
                "message": "[message deleted]",
                "target_message_id": "a",
            },
            "delete",
        ),
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


EVE = {"id": "9", "name": "eve", "display_name": "Eve"}
BANNED_EVE = {**BAN, "banned_user": "eve", "ban_type": "permanent", "timestamp": 1_700_000_009_000_000}


@pytest.mark.parametrize(
    ("act", "label", "kind"),
    [
        ({"message": "[message retracted]"}, "allow", None),
        ({"message": "[Nachricht entfernt]"}, None, "unknown"),
        ({}, None, "unknown"),
    ],
)
def test_what_an_author_took_back_is_no_moderators_act(
    act: dict[str, object], label: str | None, kind: str | None
) -> None:
    deletion = {"message_type": "deleted_message", "action_type": "mark_chat_item_as_deleted"}
    ingested = read(
        array(
            item("a", "hm"),
            item("b", "bad", second=1, author=EVE),
            {**deletion, "target_message_id": "a", **act},
            BANNED_EVE,
        )
    )
    assert ingested.comments["label_action"].to_list() == [label, "ban"]
    assert ingested.acts == {"ban": 1, **({kind: 1} if kind else {})}


def test_a_cleared_chat_and_an_act_on_nobody_leave_what_is_near_unlabelled() -> None:
    for act in (
        {"action_type": "clear_chat", "message_type": "clear_chat", "channel_id": "22"},
        {"action_type": "clear_chat", "message_type": "ban_user", "channel_id": "22"},
    ):
        ingested = read(array(item("a", "hm"), item("b", "bad", second=1, author=EVE), BANNED_EVE, act))
        assert ingested.comments["label_action"].to_list() == [None, "ban"]


def test_before_version_0_1_an_author_is_a_text() -> None:
    old = {"author": "ann", "message": "hi", "time_in_seconds": 3.0, "time_text": "0:03"}
    ingested = read(array(old, {**old, "author": "bob", "message": "ho"}))
    assert ingested.comments.select("user_id", "user_name").rows() == [("ann", "ann"), ("bob", "bob")]


def flat(item: object, path: str = "") -> dict[str, object]:
    """Return an item as chat-downloader's CSV has it: a column for every path."""
    if isinstance(item, dict):
        parts = [flat(each, f"{path}.{key}" if path else str(key)) for key, each in item.items()]
    elif isinstance(item, list):
        parts = [flat(each, f"{path}.{at}") for at, each in enumerate(item)]
    else:
        return {path: item}
    return {key: each for part in parts for key, each in part.items()}


def as_csv(*items: dict[str, object]) -> bytes:
    rows = [flat(each) for each in items]
    columns = sorted({key for row in rows for key in row})
    text = io.StringIO()
    writer = csv.DictWriter(text, columns)
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue().encode()


def test_its_csv_gives_what_its_json_gives() -> None:
    badges = [{"name": "moderator", "version": 1}, {"name": "subscriber"}]
    items: tuple[dict[str, object], ...] = (
        item("a", 'hi, "you"\nthere', author={"id": "7", "name": "ann", "badges": badges}),
        item("b", "bad", second=1, author=EVE),
        item("c", "worse", second=2, author=EVE),
        {"message_type": "delete_message", "action_type": "delete_message", "target_message_id": "b"},
        BANNED_EVE,
    )
    from_csv, from_json = read(as_csv(*items)), read(array(*items))
    assert from_csv.ingestion["format"].item() == "chat_downloader"
    assert from_csv.comments.drop("chat").equals(from_json.comments.drop("chat"))
    assert from_csv.comments["label_action"].to_list() == ["allow", "delete", "ban"]
    assert counts(from_csv)["moderation_events"] == 2


def test_a_map_of_columns_is_refused_for_its_csv_with_acts(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_bytes(as_csv(item("a", "hi"), BANNED_EVE))
    with pytest.raises(ColumnsError, match="its format is chat_downloader, which is no table"):
        ingest(path, "chat", columns=columns_from_arguments(["text=message"]))


def test_a_row_of_another_width_is_rejected() -> None:
    ingested = read(as_csv(item("a", "hi")) + b"one,two\r\n")
    assert counts(ingested)["rejected"] == 1
    assert is_conserved(ingested)


START = 1_700_000_000_000_000


def test_an_act_of_a_named_channel_finds_a_line_that_names_none() -> None:
    ann = {"id": "1", "name": "ann"}
    lines = [
        {
            "message_type": "text_message",
            "message_id": "a",
            "message": "bad",
            "author": ann,
            "timestamp": START,
        },
        {
            "message_type": "ban_user",
            "banned_user": "ann",
            "target_author_id": "1",
            "ban_type": "timeout",
            "ban_duration": 600,
            "channel_id": "9",
            "timestamp": START + 2_000_000,
        },
    ]
    ingested = read([json.dumps(line) for line in lines])
    assert ingested.comments["label_action"].to_list() == ["timeout"]
