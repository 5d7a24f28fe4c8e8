from __future__ import annotations

import gzip
import re
from pathlib import Path

import pytest

from moderation_pipeline.comments.columns import ColumnsError, ColumnsSpec
from moderation_pipeline.comments.formats import (
    FORMATS,
    READERS,
    NoCommentsError,
    UnknownFormatError,
    UnreadableFileError,
)
from moderation_pipeline.comments.ingest import ingest
from moderation_pipeline.errors import ModerationError
from moderation_pipeline_tests.comments.lines import read, said


@pytest.mark.parametrize(
    "raw", [b"", b"\n\n", b"\x00\x01\x02" * 100, b"some prose\nand more of it\n", b"{}\n{}"]
)
def test_a_file_in_which_nothing_can_be_read_is_an_error_that_names_the_formats_tried(raw: bytes) -> None:
    with pytest.raises((UnreadableFileError, ValueError)) as caught:
        read(raw)
    assert "chat.log" in str(caught.value)
    if isinstance(caught.value, UnreadableFileError):
        assert "Tried: " in str(caught.value)
        assert all(name in str(caught.value) for name in FORMATS)


def test_a_format_that_reads_nothing_of_a_file_says_why() -> None:
    with pytest.raises(UnreadableFileError, match=r"line 1: not a Chatterino line.*Tried: chatterino"):
        read([said("hi")], format_name="chatterino")


def test_an_unknown_format_is_named_with_those_there_are() -> None:
    with pytest.raises(UnknownFormatError, match=re.escape("no format 'ircc'. Did you mean 'irc'?")):
        read([said("hi")], format_name="ircc")


def test_a_log_that_begins_with_noise_is_still_known() -> None:
    lines = ["connecting...", ":tmi.twitch.tv 001 justinfan1 :Welcome", said("hi")]
    assert read(lines).ingestion["format"].item() == "irc"


def test_a_format_named_beside_the_file_is_used(tmp_path: Path) -> None:
    path = tmp_path / "log.txt"
    path.write_text(said("hi"))
    (tmp_path / "log.txt.format").write_text("chatterino\n")
    with pytest.raises(UnreadableFileError, match="Tried: chatterino"):
        ingest(path, "chat")
    assert ingest(path, "chat", format="irc").comments.height == 1


def test_names_of_formats_are_unique() -> None:
    assert len({reader.name for reader in READERS}) == len(READERS)


@pytest.mark.parametrize(
    ("raw", "words"),
    [
        (b"<!DOCTYPE html><html><body>x</body></html>", "a web page. TwitchDownloader"),
        (b"PK\x03\x04rest", "a ZIP archive"),
        (
            b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 600,
            r"an old Excel .*a password\. Save it as \.xlsx",
        ),
        (b"FEA1\0\0", "Feather as it was before 2020"),
        (b"\x80\x04\x95\x10\0\0\0\0\0\0\0]", "a pickle, and none is read"),
        (b"\x93NUMPY\x01\0v\0{'descr'", "NumPy, HDF5, Avro, ORC or R. Write its table as CSV or Parquet"),
        (b"Obj\x01\x02\x16avro.schema", "NumPy, HDF5, Avro"),
        (b"\x89PNG\r\n\x1a\n\0\0", "a picture or a program"),
        (b"SQLite format 3\x00", "a SQLite database. Export its table as CSV"),
        (b"WEBVTT\n\n00:01.000 --> 00:02.000\nhi", "subtitles. yt-dlp"),
        (
            b"9.5.2024 at 21:05:03 | Ann > hi",
            "a log of lines in a form of its own. Say where what is .*--line",
        ),
        (b"=" * 62 + b"\nGuild: G\nChannel: general\n", "plain text. Export the channel again as JSON"),
        (b"Ann: hi\nBob: ho: hey\nAnn: yo\n", "lines of a name and a text. Read them with --line"),
    ],
)
def test_a_file_that_is_not_read_is_told_by_what_it_seems_to_be_and_what_to_do(
    raw: bytes, words: str
) -> None:
    with pytest.raises(UnreadableFileError, match=words):
        read(raw)


@pytest.mark.parametrize(
    "raw",
    [b"\x80\x04\x95\x10\0\0\0\0\0\0\0]", b"PK\x03\x04text\n", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1text\n"],
)
def test_what_is_no_text_is_no_table_either_though_its_columns_are_said(tmp_path: Path, raw: bytes) -> None:
    """Its bytes used to be shown as the names of columns."""
    path = tmp_path / "table"
    path.write_bytes(raw)
    with pytest.raises(UnreadableFileError, match=r"can't be read as a chat\. It seems to be .*[^ ]$"):
        ingest(path, "chat", columns=ColumnsSpec.model_validate({"text": "text"}))


@pytest.mark.parametrize(
    ("lines", "words"),
    [
        ([":tmi.twitch.tv 001 me :Welcome", "PING :x"], r"taken for irc .*1 numeric replies.*1 PING lines"),
        (
            ["# Start logging at 2023-11-14 19:30:00 CET"],
            "taken for chatterino .*beginnings and ends of logging",
        ),
        (['{"broadcaster_user_id": "1", "target_user_id": "2", "message_id": "3"}'], "act of a moderator"),
    ],
)
def test_a_file_without_a_comment_is_an_error_that_says_what_it_was_taken_for(
    lines: list[str], words: str
) -> None:
    with pytest.raises(NoCommentsError, match=words):
        read(lines)


def test_json_with_half_of_a_pair_or_no_number_loses_nothing() -> None:
    text = r"hi \ud83d \\ud83d \ud83d\ude00"
    tags = '{"user-id": "7", "tmi-sent-ts": "1700000000123"}'
    line = f'{{"tags": {tags}, "timestamp": "", "text": "{text}", "score": NaN, "low": [-Infinity]}}'
    assert read([line]).comments["text"].to_list() == ["hi \ufffd \\ud83d \U0001f600"]


def test_a_table_with_a_header_is_no_log_whatever_its_columns_look_like(tmp_path: Path) -> None:
    """Else its label would become text."""
    rows = "".join(f"2024-01-01 10:00:0{i}\tann\thello {i}\t{i % 2}\n" for i in range(5))
    table = tmp_path / "table.tsv"
    table.write_text("time\tuser\ttext\tbad\n" + rows, "utf-8")
    assert ingest(table, "x").ingestion["format"].to_list() == ["csv"]
    log = tmp_path / "log.txt"
    log.write_text(rows.replace("\t1\n", "\n").replace("\t0\n", "\n"), "utf-8")
    assert ingest(log, "x").ingestion["format"].to_list() == ["irc_text"]


@pytest.mark.parametrize(
    ("raw", "words"),
    [
        ("Nr;Wer;Was\n1;ann;hi\n2;bob;ho\n", "Its columns are: Nr, Wer, Was"),
        ('{"event": "ChatMessageEvent", "data": "{}", "channel": "x"}\n', "Kick's events"),
        ('[{"id": "C1", "creator": "U1", "is_archived": false}]', "move such files out of the folder"),
        ('{"kind": "list", "items": [{"id": 1}]}\n', r"records=items\[\]"),
    ],
)
def test_a_table_in_which_nothing_looks_like_the_text_shows_its_columns_and_what_it_may_be(
    raw: str, words: str
) -> None:
    with pytest.raises(ColumnsError, match=words):
        read(raw.encode())


def test_columns_that_may_be_labels_are_said_with_how_to_say_what_they_mean() -> None:
    ingested = read(b"id,comment_text,toxicity,insult,page\n1,hi there,0.01,0.0,3\n2,you fool,0.9,0.8,4\n")
    assert ingested.comments["label_is_violation"].to_list() == [None, None]
    (note,) = [note for note in ingested.notes if "may be labels or scores" in note]
    assert "toxicity, insult may be" in note
    assert "at_least: 0.5" in note


@pytest.mark.parametrize(
    ("raw", "why"),
    [
        (b"", "it is empty"),
        # No second of their making in them: each process that collects the tests must name them alike.
        (
            gzip.compress(b"hello\n" * 900, mtime=0)[:14],
            "the compressed file is damaged from its beginning on",
        ),
        (
            gzip.compress(gzip.compress(b"hello\n", mtime=0), mtime=0),
            "It seems to be compressed twice. Unpack it once.",
        ),
    ],
)
def test_a_file_of_which_nothing_can_be_read_is_said_to_be_empty_or_damaged(raw: bytes, why: str) -> None:
    with pytest.raises(ModerationError, match=re.escape(why)):
        read(raw, name="day.log.gz")
