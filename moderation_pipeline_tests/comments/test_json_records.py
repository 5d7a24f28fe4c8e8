from __future__ import annotations

import json
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from moderation_pipeline.comments import json_records
from moderation_pipeline.comments.json_paths import as_record_path, steps_of
from moderation_pipeline.comments.json_records import array_records, records_at
from moderation_pipeline.comments.source import LINE_LIMIT, Record, Source

TEXTS = st.text(st.characters(blacklist_categories=["Cs"]), max_size=8) | st.sampled_from(
    ['"', "\\", '\\"', "{", "}]", '"comments": [{']
)
ELEMENTS = st.dictionaries(
    TEXTS,
    st.recursive(
        TEXTS | st.integers(), lambda inner: st.lists(inner) | st.dictionaries(TEXTS, inner), max_leaves=4
    ),
)


def records(raw: bytes, keys: list[str]) -> list[Record]:
    with TemporaryDirectory() as folder:
        path = Path(folder, "document.json")
        path.write_bytes(raw)
        return list(array_records(Source(path, "chat"), keys))


@settings(max_examples=20, deadline=None)
@given(elements=st.lists(ELEMENTS, max_size=5), indent=st.sampled_from([None, 1]), block=st.integers(1, 40))
def test_an_arrays_elements_are_cut_whole_wherever_blocks_end(
    elements: list[dict[str, object]], indent: int | None, block: int
) -> None:
    document = {"before": {"comments": "no", "x": [1, {"comments": []}]}, "comments": elements, "after": [{}]}
    raw = json.dumps(document, indent=indent, ensure_ascii=False).encode()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(json_records, "BLOCK", block)
        got = records(raw, ["comments"])
    assert [json.loads(each.raw) for each in got] == elements
    assert [each.line_number for each in got] == list(range(1, len(elements) + 1))


@settings(max_examples=20, deadline=None)
@given(elements=st.lists(ELEMENTS, min_size=1, max_size=4), cut=st.integers(0, 400))
def test_a_document_cut_anywhere_gives_its_whole_elements_and_at_most_one_damaged(
    elements: list[dict[str, object]], cut: int
) -> None:
    raw = json.dumps(elements).encode()
    got = records(raw[:cut], [])
    whole = [each for each in got if each.damage is None]
    assert [json.loads(each.raw) for each in whole] == elements[: len(whole)]
    assert len(got) - len(whole) <= 1
    if cut >= len(raw):
        assert len(whole) == len(elements)


@given(st.binary(max_size=200))
def test_no_bytes_make_it_raise(raw: bytes) -> None:
    for text in (raw, b"[" + raw, b'{"comments": [' + raw):
        records(text, ["comments"])


def test_what_stands_between_elements_is_a_record_too() -> None:
    got = [each.raw for each in records(b'[{"a": 1}, null, 5, {"b": 2}, "text" ]', [])]
    assert got == [b'{"a": 1}', b"null, 5", b'{"b": 2}', b'"text"']


def test_a_document_without_the_array_has_no_records() -> None:
    assert records(b'{"other": [{"a": 1}]}', ["comments"]) == []


def at_path(raw: bytes, path: str) -> list[Record]:
    with TemporaryDirectory() as folder:
        file = Path(folder, "document.json")
        file.write_bytes(raw)
        return list(records_at(Source(file, "chat"), [steps_of(path)]))


@settings(max_examples=20, deadline=None)
@given(rooms=st.lists(st.lists(ELEMENTS, max_size=3), max_size=3), block=st.integers(1, 40))
def test_the_records_of_all_arrays_at_a_path_are_cut(
    rooms: list[list[dict[str, object]]], block: int
) -> None:
    inside = [{"name": "x", "log": {"messages": each, "list": [{"messages": [{}]}]}} for each in rooms]
    raw = json.dumps({"messages": [{"no": 1}], "data": {"rooms": inside}}).encode()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(json_records, "BLOCK", block)
        got = at_path(raw, "data.rooms[].log.messages[]")
    assert [json.loads(each.raw) for each in got] == [each for room in rooms for each in room]


@pytest.mark.parametrize("where", [0, 1, 2])
def test_a_record_that_is_too_long_is_one_damaged_record_and_those_behind_it_are_read(where: int) -> None:
    rows: list[dict[str, object]] = [{"at": 0}, {"at": 1}, {"at": 2}]
    rows[where]["long"] = '["' + "x" * (LINE_LIMIT + 3_000_000)
    got = records(json.dumps({"comments": rows}).encode(), ["comments"])
    assert [each.line_number for each in got] == [1, 2, 3]
    assert [each.damage is None for each in got] == [at != where for at in range(3)]
    assert got[where].damage == f"longer than {LINE_LIMIT:,} bytes"
    assert len(got[where].raw) < 10_000


def test_what_is_too_long_between_records_is_cut_too() -> None:
    got = records(b'[{"a": 1}, ' + b"1, " * 8_000_000 + b'{"b": 2}]', [])
    assert [each.raw for each in got if each.damage is None] == [b'{"a": 1}', b'{"b": 2}']
    assert [len(each.raw) < 10_000 for each in got] == [True, True, True]


def test_what_follows_on_an_array_of_records_is_not_lost() -> None:
    got = [each.raw for each in records(b'[{"a": 1}]\n[{"b": 2}] {"c": 3} garbage', [])]
    assert got == [b'{"a": 1}', b'{"b": 2}', b'{"c": 3}', b"garbage"]


@pytest.mark.parametrize(
    ("path", "steps"),
    [
        ("messages[]", ("messages", "[]")),
        ("messages", ("messages", "[]")),
        ("data.items[]", ("data", "items", "[]")),
        ("chats.list[].messages[]", ("chats", "list", "[]", "messages", "[]")),
        ("[]", ("[]",)),
        ("[][]", ("[]", "[]")),
    ],
)
def test_a_path_is_keys_and_arrays(path: str, steps: tuple[str, ...]) -> None:
    assert steps_of(path) == steps
    assert steps_of(as_record_path(path)) == steps


@pytest.mark.parametrize("path", ["", "a..b[]", "a[0]", "a[]b", ".a[]"])
def test_what_is_no_path_is_an_error(path: str) -> None:
    with pytest.raises(ValueError, match="no path to records"):
        as_record_path(path)
