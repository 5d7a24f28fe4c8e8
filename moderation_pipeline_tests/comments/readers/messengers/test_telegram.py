from __future__ import annotations

import json

import pytest

from moderation_pipeline.errors import ModerationError
from moderation_pipeline_tests.comments.lines import counts, is_conserved, read


def message(number: int, text: object, **more: object) -> dict[str, object]:
    return {
        "id": number,
        "type": "message",
        "date": f"2024-05-06T20:00:{number:02d}",
        "date_unixtime": str(1_715_018_400 + number),
        "from": "Ann",
        "from_id": "user41",
        "text": text,
        "text_entities": [],
        **more,
    }


def document(*messages: dict[str, object], indent: int | None = 1) -> bytes:
    whole = {"name": "Den & Co", "type": "private_supergroup", "id": 7, "messages": list(messages)}
    return json.dumps(whole, indent=indent).encode()


@pytest.mark.parametrize("indent", [None, 1])
def test_a_chats_export_is_read_with_ids_names_replies_and_exact_times(indent: int | None) -> None:
    reply = message(2, "yo", from_id="channel9", reply_to_message_id=1, **{"from": "Bob"})
    ingested = read(document(message(1, "hi"), reply, indent=indent))
    assert ingested.ingestion["format"].item() == "telegram"
    columns = ("comment_id", "channel", "user_id", "user_name", "text", "reply_to")
    assert ingested.comments.select(columns).rows() == [
        ("1", "Den & Co", "user41", "Ann", "hi", None),
        ("2", "Den & Co", "channel9", "Bob", "yo", "1"),
    ]
    assert ingested.comments["sent_at"][0].isoformat() == "2024-05-06T18:00:01+00:00"
    assert not ingested.notes


def test_a_text_with_a_link_or_a_mention_is_whole() -> None:
    pieces = ["see ", {"type": "link", "text": "https://x.example"}, " ", {"type": "bold", "text": "now"}]
    assert read(document(message(1, pieces))).comments["text"].item() == "see https://x.example now"


def test_a_text_of_which_a_piece_is_no_text_is_rejected_not_shortened() -> None:
    ingested = read(document(message(1, "hi"), message(2, ["see ", True])))
    assert ingested.comments["text"].to_list() == ["hi"]
    assert counts(ingested)["rejected"] == 1


def test_what_telegram_says_itself_and_pictures_alone_are_ignored_by_kind() -> None:
    service = {"id": 2, "type": "service", "date": "2024-05-06T20:00:02", "action": "pin_message", "text": ""}
    ingested = read(document(message(1, "hi"), service, message(3, "", photo="p.jpg")))
    assert counts(ingested)["comments"] == 1
    assert ingested.ignored == {"pin_message messages": 1, "messages of media alone": 1}
    assert is_conserved(ingested)


def test_a_deleted_account_is_told_apart_by_its_id_and_old_exports_say_that_their_times_have_no_zone() -> (
    None
):
    old = message(1, "hi", from_id=4_412, **{"from": None})
    del old["date_unixtime"], old["text_entities"]
    ingested = read(document(old))
    assert ingested.comments.select("user_id", "user_name").rows() == [("4412", "4412")]
    assert ingested.comments["sent_at"][0].isoformat() == "2024-05-06T20:00:01+00:00"
    assert any("taken as UTC" in note for note in ingested.notes)


def test_an_accounts_export_is_refused_for_its_chats_have_the_same_ids() -> None:
    chat = json.loads(document(message(1, "hi")))
    with pytest.raises(ModerationError, match="Export one chat"):
        read(json.dumps({"about": "", "chats": {"list": [chat, chat]}}).encode())
