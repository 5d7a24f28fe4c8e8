from __future__ import annotations

import gzip
import json
from datetime import datetime
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from moderation_pipeline.comments.charset import encoding_of
from moderation_pipeline.comments.columns import ColumnsSpec
from moderation_pipeline.comments.ingest import ingest
from moderation_pipeline.comments.readers.columnar import ROWS_OF_COLUMNS, DamagedTableError
from moderation_pipeline.comments.source import LINE_LIMIT
from moderation_pipeline.errors import ModerationError
from moderation_pipeline.synthetic.synthetic_chat import SyntheticSettings, write_synthetic
from moderation_pipeline_tests.comments.lines import counts, is_conserved, read, written


def jsonl(*rows: object) -> bytes:
    return "\n".join(json.dumps(row) for row in rows).encode()


def test_our_own_jsonl_comes_back_as_it_was_said() -> None:
    row = {
        "comment_id": "a",
        "channel": "room",
        "user_id": 7,
        "user_name": "Ann",
        "sent_at": "2024-01-01T00:00:00.250Z",
        "text": "hi\nthere",
        "is_moderator": True,
        "is_emote_only": False,
        "reply_to": None,
        "label_action": "timeout",
        "label_category": "spam",
        "label_source": "synthetic",
        "split": "test",
    }
    ingested = read(jsonl(row))
    assert ingested.ingestion["format"].item() == "jsonl"
    got = ingested.comments.row(0, named=True)
    expected = {**row, "user_id": "7", "sent_at": got["sent_at"], "label_is_violation": True}
    assert {key: got[key] for key in expected} == expected
    assert got["sent_at"].isoformat() == "2024-01-01T00:00:00.250000+00:00"


def test_the_synthetic_chat_is_read_without_a_word(tmp_path: Path) -> None:
    path = tmp_path / "synthetic.jsonl"
    write_synthetic(path, SyntheticSettings(comments=200))
    ingested = ingest(path, "synthetic")
    assert (ingested.comments.height, ingested.notes) == (200, [])
    assert ingested.comments["label_source"].unique().to_list() == ["synthetic"]
    assert ingested.comments["label_action"].null_count() == 0


def test_an_array_of_objects_is_a_table_too() -> None:
    document = json.dumps([{"text": "hi", "user_id": "a"}, {"text": "ho", "user_id": "b"}], indent=2).encode()
    assert read(document).comments.select("text", "user_id").rows() == [("hi", "a"), ("ho", "b")]


def test_a_line_that_is_no_object_or_has_no_text_is_rejected() -> None:
    ingested = read(
        jsonl({"text": "hi"}, [1], {"user_id": "a"}, {"text": None}, {"text": ""}) + b'\n{"text": '
    )
    assert ingested.comments["text"].to_list() == ["hi", ""]
    assert ingested.rejected_lines["line_number"].sort().to_list() == [2, 3, 4, 6]
    assert is_conserved(ingested)


def test_a_key_that_comes_late_is_read() -> None:
    rows = [{"text": f"line {at}"} for at in range(100)]
    ingested = read(jsonl(*rows, {"text": "last", "label_action": "ban"}))
    assert ingested.comments["label_action"].to_list()[-1] == "ban"


def test_a_csvs_quoted_fields_may_hold_anything() -> None:
    ingested = read(b'text,user_id\r\n"one, ""two""\nthree",ann\r\n\r\nfour,bob\r\n')
    assert ingested.ingestion["format"].item() == "csv"
    assert ingested.comments.select("text", "user_id").rows() == [
        ('one, "two"\nthree', "ann"),
        ("four", "bob"),
    ]
    assert counts(ingested)["records"] == 2


@pytest.mark.parametrize("delimiter", [";", "\t", "|"])
def test_a_csvs_delimiter_is_told_by_its_header(delimiter: str) -> None:
    ingested = read(f"user_id{delimiter}text\nann{delimiter}hi, you\n".encode())
    assert ingested.comments.select("text", "user_id").rows() == [("hi, you", "ann")]


def test_a_row_of_another_width_is_rejected_with_its_line() -> None:
    ingested = read(b"text,user_id\nhi,ann\nho,bob,extra\nhe\nhu,cat\n")
    assert ingested.comments["text"].to_list() == ["hi", "hu"]
    assert ingested.rejected_lines.select("line_number", "reason").row(0) == (
        3,
        "3 fields where the header has 2",
    )
    assert is_conserved(ingested)


def test_a_quote_that_is_never_closed_takes_no_more_than_one_row() -> None:
    rows = b"text,user_id\nhi,ann\n" + b'"' + b"x" * 140_000 + b"\nlast,bob\n"
    ingested = read(rows)
    assert ingested.comments["text"].to_list() == ["hi", "last"]
    assert is_conserved(ingested)


def test_a_parquet_keeps_its_types(tmp_path: Path) -> None:
    path = tmp_path / "table.parquet"
    pl.DataFrame(
        {
            "text": ["hi", None, "ho"],
            "user_id": [1.0, 2.0, 3.0],
            "sent_at": [datetime(2024, 1, 1, hour) for hour in (2, 1, 0)],
            "is_moderator": [True, False, None],
            "label_is_violation": [1, 0, None],
        }
    ).write_parquet(path)
    ingested = ingest(path, "chat")
    assert ingested.comments.select(
        "text", "user_id", "is_moderator", "label_is_violation", "label_category"
    ).rows() == [
        ("ho", "3", False, None, None),
        ("hi", "1", True, True, None),
    ]
    assert ingested.comments["comment_id"].to_list() == ["line-3", "line-1"]
    assert ingested.rejected_lines.select("line_number", "reason").rows() == [(2, "no text")]
    assert "The times have no zone; they were taken as UTC." in ingested.notes


@pytest.mark.parametrize("compression", ["uncompressed", "lz4", "zstd"])
def test_an_arrow_file_says_what_the_same_table_as_parquet_says(tmp_path: Path, compression: Any) -> None:
    table = pl.DataFrame(
        {
            "text": ["hi", None, "ho"],
            "user": pl.Series(["ann", "bob", "ann"], dtype=pl.Categorical),
            "author": [{"id": 1}, {"id": 2}, {"id": 1}],
            "sent_at": [datetime(2024, 1, 1, hour) for hour in (2, 1, 0)],
        }
    )
    table.write_ipc(tmp_path / "table.feather", compression=compression)
    table.write_ipc_stream(tmp_path / "table.arrows", compression=compression)
    table.write_parquet(tmp_path / "table.parquet")
    spec = ColumnsSpec.model_validate({"text": "text", "user_name": "user", "user_id": "author.id"})
    *arrows, parquet = (
        ingest(tmp_path / f"table.{each}", "chat", columns=spec) for each in ("feather", "arrows", "parquet")
    )
    for arrow in arrows:
        assert arrow.ingestion["format"].to_list() == ["arrow"]
        assert arrow.comments["user_name"].to_list() == ["ann", "ann"]
        assert_frame_equal(arrow.comments, parquet.comments)
        assert is_conserved(arrow)


def test_a_stream_of_arrow_is_read_a_part_at_a_time_and_no_further_than_a_chat_grows(tmp_path: Path) -> None:
    path = tmp_path / "table.arrows"
    rows = ROWS_OF_COLUMNS + 5
    pl.DataFrame({"text": pl.int_range(rows, eager=True).cast(pl.String)}).write_ipc_stream(path)
    assert ingest(path, "chat").comments["text"].to_list() == [str(number) for number in range(rows)]
    grown = pl.DataFrame({"text": ["a" * 400] * 700_000})
    grown.write_ipc_stream(path, compression="zstd")
    with pytest.raises(DamagedTableError, match="it grows to more than 500 times its size"):
        ingest(path, "chat")


def test_a_stream_of_arrow_that_is_cut_off_is_an_error(tmp_path: Path) -> None:
    path = tmp_path / "table.arrows"
    pl.DataFrame({"text": [f"line {number}" for number in range(1_000)]}).write_ipc_stream(path)
    path.write_bytes(path.read_bytes()[:3_000])
    with pytest.raises(DamagedTableError, match="begins as Arrow but can't be read"):
        ingest(path, "chat")


@pytest.mark.parametrize("ending", ["parquet", "feather"])
def test_columns_within_gzip_are_refused_with_what_to_do(tmp_path: Path, ending: str) -> None:
    path = written(pl.DataFrame({"text": ["hi"]}), tmp_path / f"table.{ending}")
    path.write_bytes(gzip.compress(path.read_bytes()))
    with pytest.raises(ModerationError, match=r"within gzip or zstd.* Unpack it first"):
        ingest(path, "chat")


@pytest.mark.parametrize(
    "document",
    [
        {"text": {"0": "hi", "1": "ho"}, "user": {"0": "ann", "1": "bob"}},
        {"text": ["hi", "ho"], "user": ["ann", "bob"]},
        {"columns": ["text", "user"], "index": [0, 1], "data": [["hi", "ann"], ["ho", "bob"]]},
    ],
)
def test_a_document_of_columns_is_refused_with_how_to_write_one_of_records(
    tmp_path: Path, document: dict[str, object]
) -> None:
    path = tmp_path / "table.json"
    path.write_text(json.dumps(document))
    with pytest.raises(ModerationError, match="orient='records'"):
        ingest(path, "chat", columns=ColumnsSpec.model_validate({"text": "text"}))


def test_an_empty_file_is_said_to_hold_nothing(tmp_path: Path) -> None:
    path = tmp_path / "table.csv"
    path.write_bytes(b"")
    with pytest.raises(ModerationError, match=r"no column 'text'\. It has no columns: it holds nothing"):
        ingest(path, "chat", columns=ColumnsSpec.model_validate({"text": "text"}))


def test_a_column_of_lists_can_t_be_a_text(tmp_path: Path) -> None:
    path = tmp_path / "table.parquet"
    pl.DataFrame({"text": [["a", "b"]]}).write_parquet(path)
    with pytest.raises(ModerationError, match=r"text can't be column 'text', which holds List"):
        ingest(path, "chat")


def test_a_parquet_that_is_not_whole_is_an_error(tmp_path: Path) -> None:
    path = tmp_path / "table.parquet"
    pl.DataFrame({"text": ["hi"] * 100}).write_parquet(path)
    path.write_bytes(path.read_bytes()[:-20])
    with pytest.raises(DamagedTableError, match=r"table\.parquet begins as Parquet but can't be read"):
        ingest(path, "chat")


def test_a_table_of_many_rows_is_read_in_parts_and_is_whole(tmp_path: Path) -> None:
    path = tmp_path / "table.jsonl"
    path.write_bytes(jsonl(*({"text": f"line {at}", "n": at} for at in range(40_000))))
    spec = ColumnsSpec.model_validate({"text": "text", "order_by": ["n"]})
    comments = ingest(path, "chat", columns=spec).comments
    assert comments["text"].to_list() == [f"line {at}" for at in range(40_000)]


NESTED = [
    {"id": "a", "message": "hi", "author": {"id": 1, "name": "ann", "badges": ["x"]}},
    {"id": "b", "message": "ho", "author": {"id": 1, "name": "ann", "badges": []}},
]


@pytest.mark.parametrize("suffix", ["jsonl", "json", "parquet", "feather"])
def test_what_an_object_holds_is_a_column_and_the_object_is_none(tmp_path: Path, suffix: str) -> None:
    path = written(pl.DataFrame(NESTED), tmp_path / f"table.{suffix}")
    ingested = ingest(path, "chat")
    assert ingested.comments.select("user_id", "user_name").rows() == [("1", "ann")] * 2
    assert "The column 'author.id' was taken as user_id." in ingested.notes
    spec = ColumnsSpec.model_validate({"text": "message", "user_id": "author"})
    with pytest.raises(ModerationError, match=r"column 'author' holds objects.*author\.id, author\.name"):
        ingest(path, "chat", columns=spec)


def test_an_object_among_ids_is_null_and_said(tmp_path: Path) -> None:
    path = tmp_path / "table.jsonl"
    path.write_bytes(jsonl({"text": "hi", "author": "ann"}, {"text": "ho", "author": {"id": 2}}))
    spec = ColumnsSpec.model_validate({"text": "text", "user_id": "author"})
    ingested = ingest(path, "chat", columns=spec)
    assert ingested.comments["user_id"].to_list() == ["ann", None]
    assert (
        "author holds an object or a list in 1 records, which is no value; it is null there."
        in ingested.notes
    )


DOCUMENT = {
    "room": {"name": "den", "people": [{"name": "ann"}]},
    "messages": [
        {"id": "1", "content": "hi", "author": {"id": "7"}},
        {"id": "2", "content": "ho", "author": {}},
    ],
    "count": 2,
}


@pytest.mark.parametrize("indent", [None, 2])
def test_the_records_of_a_document_are_found_or_said(tmp_path: Path, indent: int | None) -> None:
    path = tmp_path / "table.json"
    path.write_text(json.dumps(DOCUMENT, indent=indent))
    found = ingest(path, "chat", format="jsonl")
    assert "The records were taken from messages[]." in found.notes
    said = {"text": "content", "user_id": "author.id", "records": "messages[]"}
    for ingested in (found, ingest(path, "chat", columns=ColumnsSpec.model_validate(said))):
        assert ingested.comments.select("text", "user_id").rows() == [("hi", "7"), ("ho", None)]


def test_records_of_arrays_within_arrays_can_be_said(tmp_path: Path) -> None:
    path = tmp_path / "table.json"
    path.write_text(json.dumps({"days": [{"log": [{"m": "a"}]}, {"log": [{"m": "b"}, {"m": "c"}]}]}))
    spec = ColumnsSpec.model_validate({"text": "m", "records": "days[].log[]"})
    assert ingest(path, "chat", columns=spec).comments["text"].to_list() == ["a", "b", "c"]


def test_a_line_too_long_to_be_a_row_is_one_rejected_record(tmp_path: Path) -> None:
    path = tmp_path / "table.csv"
    path.write_bytes(b"text,user_id\nhi,ann\n" + b"x," * 12_000_000 + b"\nho,bob\n")
    ingested = ingest(path, "chat")
    assert ingested.comments["text"].to_list() == ["hi", "ho"]
    assert ingested.rejected_lines["reason"].to_list() == [f"longer than {LINE_LIMIT:,} bytes"]
    assert is_conserved(ingested)


def test_a_parquet_at_which_polars_panics_is_an_error_of_ours(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    """Of all bytes of a small file's first page, some make Rust panic; none may reach the terminal."""
    path = tmp_path / "table.parquet"
    pl.DataFrame({"text": ["hi", None, "ho"] * 40}).write_parquet(path, compression="uncompressed")
    whole, failed = path.read_bytes(), 0
    for at in range(4, 120):
        path.write_bytes(whole[:at] + bytes([whole[at] ^ 0xFF]) + whole[at + 1 :])
        try:
            is_conserved(ingest(path, "chat"))
        except ModerationError:
            failed += 1
    assert failed > 10
    assert "panicked" not in capfd.readouterr().err


def test_a_parquet_that_grows_as_no_chat_does_is_read_no_further(tmp_path: Path) -> None:
    path = tmp_path / "x.parquet"
    pl.DataFrame({"text": ["a" * 400] * 700_000}).write_parquet(path)
    with pytest.raises(DamagedTableError, match="grows to more than 500 times its size"):
        ingest(path, "chat")


def test_a_value_longer_than_any_line_may_be_is_a_rejected_row(tmp_path: Path) -> None:
    path = tmp_path / "x.parquet"
    pl.DataFrame({"text": ["hi", "a" * (LINE_LIMIT + 1), "ho"]}).write_parquet(path)
    ingested = ingest(path, "chat")
    assert ingested.comments["text"].to_list() == ["hi", "ho"]
    assert ingested.rejected_lines.select("line_number", "reason").rows() == [
        (2, "longer than 16,777,216 bytes")
    ]
    assert is_conserved(ingested)


def test_a_parquet_full_of_zeros_is_no_text_of_utf_16(tmp_path: Path) -> None:
    path = tmp_path / "x.parquet"
    pl.DataFrame({"text": ["a" * 50] * 100, "n": [0] * 100}).write_parquet(path, compression="uncompressed")
    zeros = path.read_bytes()[:4] + b"a\0" * 5_000
    assert encoding_of(zeros) is None
    assert ingest(path, "chat").comments.height == 100


def test_a_tables_me_line_as_irc_writes_it_is_stored_without_its_signs() -> None:
    rows = [{"text": "\x01ACTION waves\x01"}, {"text": "\x01ACTION waves"}, {"text": "waves\x01"}]
    ingested = read(jsonl(*rows))
    assert ingested.comments["text"].to_list() == ["waves", "waves", "waves\x01"]
    assert ingested.comments["is_me"].to_list() == [True, True, False]
    assert any("2 texts are /me lines" in note for note in ingested.notes)
