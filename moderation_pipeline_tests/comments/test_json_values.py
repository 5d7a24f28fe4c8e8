from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from moderation_pipeline.comments.json_values import parsed_object
from moderation_pipeline.comments.record import Unreadable


@pytest.mark.parametrize(
    ("raw", "value"),
    [
        (rb'{"text": "hi", "score": NaN, "low": -Infinity}', {"text": "hi", "score": None, "low": None}),
        (rb'{"text": "cut \ud83d"}', {"text": "cut \ufffd"}),
        (
            rb'{"text": "\ud83d\ude00 \ude00", "in": [{"\ud83d": 1}]}',
            {"text": "😀 \ufffd", "in": [{"\ufffd": 1}]},
        ),
    ],
)
def test_what_no_json_may_hold_loses_no_record(raw: bytes, value: object) -> None:
    assert parsed_object(raw) == value


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"{",
        b'{"a": NaN',
        b"[NaN]",
        b'{"a": ' + b"[" * 100_000 + b"NaN",
        b'{"a": NaN, "b": 1' + b"0" * 5_000,
    ],
)
def test_what_is_no_object_is_unreadable(raw: bytes) -> None:
    assert isinstance(parsed_object(raw), Unreadable)


@given(
    st.binary(max_size=60)
    | st.text(max_size=60).map(lambda text: f'{{"a": NaN, "b": {json.dumps(text)}}}'.encode())
)
def test_no_bytes_make_it_raise_and_what_comes_can_be_written(raw: bytes) -> None:
    parsed = parsed_object(raw)
    if not isinstance(parsed, Unreadable):
        str(parsed).encode()
