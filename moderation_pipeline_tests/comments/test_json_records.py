from __future__ import annotations

import json
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from moderation_pipeline.comments import json_records
from moderation_pipeline.comments.json_records import array_records
from moderation_pipeline.comments.source import Record, Source

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


@settings(max_examples=40, deadline=None)
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


@settings(max_examples=40, deadline=None)
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
