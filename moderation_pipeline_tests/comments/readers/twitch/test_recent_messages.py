from __future__ import annotations

import gzip
import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from moderation_pipeline.errors import ModerationError
from moderation_pipeline_tests.comments.lines import cleared, counts, is_conserved, read, said

DOCUMENT = {
    "messages": [
        said("hi"),
        said("bad", user="bob", second=1, tags="rm-deleted=1;"),
        cleared("bob", second=2),
    ],
    "error": None,
    "error_code": None,
}


@pytest.mark.parametrize("indent", [None, 1])
def test_the_texts_of_the_answer_are_read_as_lines(indent: int | None) -> None:
    ingested = read(json.dumps(DOCUMENT, indent=indent).encode())
    assert ingested.ingestion["format"].item() == "recent_messages"
    assert ingested.comments.select("text", "label_action").rows() == [("hi", "allow"), ("bad", "ban")]
    assert counts(ingested)["moderation_events"] == 1
    assert not any("not understood" in note for note in ingested.notes)


def test_an_answer_longer_than_a_block_is_read_whole() -> None:
    lines = [said("x" * 400, second=at) for at in range(6_000)]
    ingested = read(json.dumps({"messages": lines}).encode())
    assert ingested.comments.height == 6_000


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 700), st.binary(max_size=12))
def test_an_answer_that_is_cut_off_or_damaged_is_counted(cut: int, tail: bytes) -> None:
    whole = json.dumps(DOCUMENT).encode()
    for raw in (whole[:cut] + tail, gzip.compress(whole)[:cut] + tail):
        try:
            ingested = read(raw, format_name="recent_messages")
        except ModerationError:
            continue
        assert is_conserved(ingested)
