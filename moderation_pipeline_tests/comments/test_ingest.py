from __future__ import annotations

import gzip
import json
import os
from pathlib import Path

import polars as pl
import pytest
import zstandard
from hypothesis import given, settings
from hypothesis import strategies as st

from moderation_pipeline.comments.columns import columns_from_arguments
from moderation_pipeline.comments.formats import FORMATS
from moderation_pipeline.comments.ingest import ingest
from moderation_pipeline.comments.log_spec import LogSpec
from moderation_pipeline.errors import ModerationError
from moderation_pipeline.warehouse.tables import COMMENTS, INGESTION, REJECTED_LINES
from moderation_pipeline_tests.comments.irc_log import write_irc_log
from moderation_pipeline_tests.comments.lines import cleared, counts, deleted, is_conserved, read, said
from moderation_pipeline_tests.comments.readers import (
    test_chat_downloader,
    test_chatty,
    test_line_patterns,
    test_live_chat,
)
from moderation_pipeline_tests.comments.readers.messengers import (
    test_discord,
    test_slack,
    test_telegram,
    test_whatsapp,
)
from moderation_pipeline_tests.comments.readers.twitch import (
    test_eventsub,
    test_gql_comments,
    test_justlog,
    test_twitchdownloader,
)

JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**70), 2**70) | st.floats() | st.text(max_size=10),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)
KNOWN_KEYS = st.sampled_from(
    [
        *(
            "text",
            "message",
            "tags",
            "raw",
            "timestamp",
            "id",
            "user_id",
            "sent_at",
            "author",
            "body",
            "fragments",
        ),
        *(
            "metadata",
            "payload",
            "event",
            "subscription",
            "type",
            "action",
            "ban",
            "timeout",
            "delete",
            "emotes",
        ),
        *(
            "channel.moderate",
            "message_id",
            "message_type",
            "commenter",
            "created_at",
            "badges",
            "label_category",
        ),
    ]
)
LINES: dict[str, list[str]] = {
    "irc": [said("hi"), cleared("ann", second=2), deleted("x", second=3), "PING :x"],
    "justlog": [json.dumps(test_justlog.MESSAGE), json.dumps(test_justlog.BASIC)],
    "chat_downloader": [
        json.dumps(test_chat_downloader.item("a", "hi")),
        json.dumps(test_chat_downloader.BAN),
    ],
    "eventsub": [
        test_eventsub.message("hi"),
        test_eventsub.moderated("ban", test_eventsub.ANN, second=3),
        test_eventsub.held("a", "x", second=1),
        test_eventsub.held("a", "x", second=2, topic="update", status="denied"),
    ],
    "chatterino": [
        "# Start logging at 2023-11-14 19:30:00 CET",
        "[20:00:01] Ann ann: hi",
        "[20:00:02] bob joined",
    ],
    "jsonl": ['{"text": "hi", "user_id": 7}', '{"text": "ho", "label_action": "ban"}'],
    "csv": ["text,user_id", "hi,ann", '"ho, you",bob'],
    "twitchdownloader": [test_twitchdownloader.document(test_twitchdownloader.comment("a", "hi")).decode()],
    "parquet": [],
    "arrow": [],
    "xlsx": [],
    "chatty": test_chatty.LOG,
    "irc_text": test_line_patterns.IRSSI,
    "justlog_text": test_line_patterns.JUSTLOG,
    "chat_downloader_text": test_line_patterns.CHAT_DOWNLOADER,
    "twitchdownloader_text": test_line_patterns.TWITCHDOWNLOADER,
    "live_chat": test_live_chat.LINES,
    "discord": [test_discord.document(test_discord.message("hi")).decode()],
    "telegram": [test_telegram.document(test_telegram.message(1, "hi")).decode()],
    "slack": [test_slack.day(test_slack.message(1, "hi")).decode()],
    "whatsapp": test_whatsapp.ANDROID.split("\n"),
    "gql_comments": [test_gql_comments.page(test_gql_comments.node("hi"))],
    "lines": ["[21:05:06] <Plum> hello: there", "[21:05:07] <mint elk> <3", "server restarts"],
    "recent_messages": [json.dumps({"messages": [said("hi"), cleared("ann", second=2)], "error": None})],
}

LOGS = {"lines": LogSpec(line="[{time:%H:%M:%S}] <{user_name}> {text}", zone="UTC")}
"""What must be said of a log for it to be read, where something must."""


def is_whole(raw: bytes, format_name: str | None) -> bool:
    """Whether a file of these bytes is refused in words or read with every record accounted for."""
    try:
        ingested = read(
            raw, format_name=format_name, name="room-2023-11-14.log", log=LOGS.get(format_name or "")
        )
    except ModerationError:
        return True
    return (
        is_conserved(ingested)
        and ingested.comments["comment_id"].n_unique() == ingested.comments.height
        and ingested.comments.schema == COMMENTS.schema
    )


@st.composite
def mangled(draw: st.DrawFn, lines: list[str]) -> bytes:
    """Lines of a format, some of them changed, cut, repeated or replaced by garbage."""
    made: list[bytes] = []
    for line in draw(st.lists(st.sampled_from(lines or [""]), max_size=6)):
        raw = bytearray(line.encode())
        for _ in range(draw(st.integers(0, 2))):
            at = draw(st.integers(0, len(raw)))
            raw[at : at + draw(st.integers(0, 6))] = draw(st.binary(max_size=4))
        made.append(bytes(raw))
    made.insert(draw(st.integers(0, len(made))), draw(st.binary(max_size=40)))
    return (lines[0].encode() + b"\n" if lines else b"") + b"\n".join(made)


@pytest.mark.parametrize("name", FORMATS)
def test_mangled_lines_never_raise_and_always_add_up(name: str) -> None:
    @settings(max_examples=20, deadline=None)
    @given(mangled(LINES[name]))
    def holds(raw: bytes) -> None:
        assert is_whole(raw, name)

    holds()


@pytest.mark.parametrize("name", FORMATS)
def test_json_of_any_shape_never_raises_and_always_adds_up(name: str) -> None:
    @settings(max_examples=15, deadline=None)
    @given(st.lists(st.dictionaries(KNOWN_KEYS, JSON_VALUES, max_size=5), max_size=4))
    def holds(objects: list[dict[str, object]]) -> None:
        lines = "\n".join([*LINES[name][:1], *(json.dumps(each) for each in objects)]).encode()
        assert is_whole(lines, name)
        assert is_whole(json.dumps({"messages": objects, "comments": objects}).encode(), name)

    holds()


@settings(max_examples=50, deadline=None)
@given(st.binary(max_size=200))
def test_no_bytes_at_all_make_it_raise_but_in_words(raw: bytes) -> None:
    assert is_whole(raw, None)


@settings(max_examples=15, deadline=None)
@given(st.binary(max_size=60), st.integers(0, 400))
def test_damaged_compression_is_a_rejected_record(tail: bytes, cut: int) -> None:
    lines = "\n".join(said(f"line {at}", second=at) for at in range(20)).encode()
    for packed in (gzip.compress(lines), zstandard.ZstdCompressor().compress(lines)):
        assert is_whole(packed[:cut] + tail, None)


def test_a_made_up_log_is_read_as_it_was_written(tmp_path: Path) -> None:
    path = tmp_path / "log.txt"
    written = write_irc_log(path, lines=20_000, seed=11, trouble=2)
    ingested = ingest(path, "log")
    assert counts(ingested) == {
        "records": 20_000,
        "comments": written.comments,
        "rejected": 0,
        "ignored": written.ignored,
        "moderation_events": written.timeouts + written.bans + written.deletions,
        "merged": 0,
    }
    labels = dict(ingested.comments["label_action"].value_counts().rows())
    assert written.deletions > 0
    assert labels["delete"] >= written.deletions * 0.5
    assert labels["timeout"] > 0
    assert 0.001 < 1 - labels["allow"] / written.comments < 0.05


def test_the_tables_have_exactly_the_warehouses_schemas() -> None:
    ingested = read([said("hi"), "garbage"])
    assert ingested.comments.schema == COMMENTS.schema
    assert ingested.rejected_lines.schema == REJECTED_LINES.schema
    assert ingested.ingestion.schema == INGESTION.schema


def test_a_chat_s_name_is_the_channel_where_a_format_has_none(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text("text\nhi\n")
    assert ingest(path, "mine").comments["channel"].to_list() == ["mine"]


def test_the_same_file_gives_the_same_tables(tmp_path: Path) -> None:
    path = tmp_path / "log.txt"
    write_irc_log(path, lines=500)
    first, second = ingest(path, "log"), ingest(path, "log")
    assert first.comments.equals(second.comments)
    assert first.ingestion.equals(second.ingestion)


def shared_data() -> Path:
    folder = Path(os.environ.get("MODERATION_SHARED_DATA") or Path(__file__).parents[3] / "shared" / "data")
    if not folder.is_dir():
        pytest.skip(f"no labelled data in {folder} (set MODERATION_SHARED_DATA)")
    return folder


def test_the_research_stream_is_a_stream_of_matches_by_seq() -> None:
    spec = columns_from_arguments(
        [
            "comment_id=message_id",
            "text={column: text, separator: '[SEPA]'}",
            "channel=channel",
            "user_id=user_id",
            "sent_at={column: offset_s, seconds_after: 2020-01-01T00:00:00Z}",
            "order_by=[channel, seq]",
            "label_is_violation=label_toxic",
            "label_category={column: label_category, map: {insult: harassment}}",
            "split=split",
        ]
    )
    path = shared_data() / "conda_dota2.parquet"
    ingested = ingest(path, "conda", columns=spec)
    comments = ingested.comments
    assert counts(ingested)["comments"] == counts(ingested)["records"] == 44_869
    assert comments["channel"].n_unique() == 1_921
    assert comments["label_is_violation"].is_not_null().sum() == 35_895
    assert comments.filter(pl.col("label_is_violation"))["label_category"].unique().to_list() == [
        "harassment"
    ]
    assert comments.filter(split="test")["label_is_violation"].null_count() == 8_974
    assert not comments["text"].str.contains("[SEPA]", literal=True).any()
    assert comments.select((pl.col("sent_at").diff().over("channel") < pl.duration()).any()).item() is False
