from __future__ import annotations

import gzip
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from moderation_pipeline.comments.charset import Oddities, encoding_of, is_encoding
from moderation_pipeline.comments.columns import ColumnsSpec
from moderation_pipeline.comments.ingest import ingest
from moderation_pipeline_tests.comments.lines import read

TABLE = "user_id,text\n1,ça va, déjà\n2,naïve\n".replace("va, ", "va ")


@given(st.text(), st.sampled_from(["\n", " "]))
def test_valid_utf_8_is_taken_for_nothing_else(text: str, between: str) -> None:
    raw = between.join([text, "plain ascii", text]).encode("utf-8", "replace")
    oddities = Oddities()
    assert oddities.mended_block(raw) == raw
    assert oddities.notes() == []


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be", "utf-32", "utf-8-sig", "utf-8"])
@pytest.mark.parametrize("is_packed", [True, False])
def test_utf_16_is_recognised_with_a_mark_and_without(encoding: str, is_packed: bool) -> None:
    raw = TABLE.encode(encoding)
    ingested = read(gzip.compress(raw) if is_packed else raw, name="t.csv")
    assert ingested.comments["text"].to_list() == ["ça va déjà", "naïve"]
    assert any("UTF-" in note for note in ingested.notes) == encoding.startswith(("utf-16", "utf-32"))


@pytest.mark.parametrize("name", ["t.csv", "t.jsonl", "t.json"])
def test_lines_of_windows_1252_are_read_as_that_and_counted(name: str) -> None:
    lines = ['{"text": "déjà vu"}', '{"text": "plain"}', '{"text": "“café”"}']
    table = {
        "t.csv": ["text", "déjà vu", "plain", "“café”"],
        "t.jsonl": lines,
        "t.json": [f"[{','.join(lines)}]"],
    }
    ingested = read("\n".join(table[name]).encode("cp1252"), name=name)
    assert ingested.comments["text"].to_list() == ["déjà vu", "plain", "“café”"]
    assert any(note.startswith("2 lines are not UTF-8") for note in ingested.notes)


def test_utf_8_that_was_damaged_is_no_windows_1252() -> None:
    ingested = read("text\ncafé ".encode() + b"\xf0\x9f and on\n", name="t.csv")
    assert ingested.comments["text"].to_list() == ["café \ufffd and on"]
    assert any("U+FFFD stands in their place" in note for note in ingested.notes)


def test_zeros_alone_are_no_utf_16() -> None:
    assert encoding_of(b"\0" * 4_000) is None
    assert encoding_of(b"text\nhi\0there\n" * 100) is None


def test_any_other_encoding_can_be_said(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_bytes("text,user\nпривет,ann\n".encode("cp1251"))
    spec = ColumnsSpec.model_validate({"encoding": "cp1251"})
    assert ingest(path, "chat", columns=spec).comments["text"].to_list() == ["привет"]


@pytest.mark.parametrize("name", ["rot13", "hex", "latin-99", ""])
def test_what_is_no_encoding_of_text_is_none(name: str) -> None:
    assert not is_encoding(name)
