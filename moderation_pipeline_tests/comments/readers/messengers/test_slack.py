from __future__ import annotations

import json
from pathlib import Path

import pytest

from moderation_pipeline.comments.ingest import ingest
from moderation_pipeline.comments.readers.messengers.slack import as_read
from moderation_pipeline_tests.comments.lines import counts, is_conserved, read


def message(number: int, text: str, **more: object) -> dict[str, object]:
    return {"type": "message", "user": "U41", "text": text, "ts": f"1715018400.00{number:04d}", **more}


def day(*messages: dict[str, object]) -> bytes:
    return json.dumps(list(messages), indent=4).encode()


def test_a_day_is_read_with_times_threads_and_names() -> None:
    reply = message(2, "yo", user="U42", thread_ts="1715018400.000001", user_profile={"display_name": "bob"})
    bot = {"type": "message", "subtype": "bot_message", "bot_id": "B1", "username": "ci", "text": "ok"}
    first = message(1, "hi", thread_ts="1715018400.000001")
    ingested = read(day(first, reply, {**bot, "ts": "1715018401.5"}))
    assert ingested.ingestion["format"].item() == "slack"
    assert ingested.comments.select("user_id", "user_name", "text", "reply_to").rows() == [
        ("U41", "U41", "hi", None),
        ("U42", "bob", "yo", "1715018400.000001"),
        ("B1", "ci", "ok", None),
    ]
    assert ingested.comments["sent_at"][0].isoformat() == "2024-05-06T18:00:00.000001+00:00"


def test_who_joins_has_said_nothing_and_files_alone_are_ignored() -> None:
    joined = message(2, "<@U41> has joined the channel", subtype="channel_join")
    ingested = read(day(message(1, "hi"), joined, message(3, "", files=[{}])))
    assert counts(ingested)["comments"] == 1
    assert ingested.ignored == {"channel_join messages": 1, "messages of files alone": 1}
    assert is_conserved(ingested)


@pytest.mark.parametrize(
    ("written", "shown"),
    [
        ("<@U02> a &lt;3 &amp; b", "@U02 a <3 & b"),
        ("<@U02|ann> in <#C1|general>, <!here>", "@ann in #general, @here"),
        ("see <https://x.example|this>", "see https://x.example"),
    ],
)
def test_a_text_is_what_people_read(written: str, shown: str) -> None:
    assert as_read(written) == shown


def test_days_are_one_stream_in_the_order_of_their_times(tmp_path: Path) -> None:
    folder = tmp_path / "general"
    folder.mkdir()
    (folder / "2024-05-07.json").write_bytes(day({**message(1, "later"), "ts": "1715104800.000100"}))
    (folder / "2024-05-06.json").write_bytes(day(message(1, "hi"), message(2, "ho")))
    assert ingest(folder, "chat").comments["text"].to_list() == ["hi", "ho", "later"]
