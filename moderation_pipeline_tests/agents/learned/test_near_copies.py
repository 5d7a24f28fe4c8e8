"""Tests of near-copies: a line with another word at its end is one, a line that only begins alike is none."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from moderation_pipeline.agents.learned.near_copies import SHARED, NearCopies


@pytest.mark.parametrize(
    ("first", "second"),
    [
        (
            'he said "you worthless idiot" and that is not ok cedar',
            'he said "you worthless idiot" and that is not ok elm',
        ),
        ("welcome back everybody you idoits 1", "welcome back everybody you idoits 2"),
        ("do it", "do it!"),
        ("???", "???"),
    ],
)
def test_a_line_with_another_word_at_its_end_is_a_near_copy(first: str, second: str) -> None:
    copies = NearCopies()

    assert copies.of(first) == copies.of(second)


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("what a nice day", "what a worthless idiot"),
        ("nice jump cedar elm", "nice jump orbit fern"),
        ("do it", "do"),
        ("???", "!!!"),
    ],
)
def test_a_line_that_only_begins_alike_is_none(first: str, second: str) -> None:
    copies = NearCopies()

    assert copies.of(first) != copies.of(second)


# Each once: a text keeps the number that it was given, whatever came since that is nearer.
LINES = st.lists(
    st.lists(st.sampled_from(["a", "b", "cc", "dd", "eee", "fff"]), min_size=1).map(" ".join),
    max_size=30,
    unique=True,
)


@given(LINES)
def test_the_nearest_first_is_found_as_by_comparing_with_all_of_them(lines: list[str]) -> None:
    copies, firsts = NearCopies(), list[set[str]]()

    for line in lines:
        words = set(line.split())
        near = [len(words & first) / len(words | first) for first in firsts]
        if not near or max(near) <= SHARED:
            firsts.append(words)
            near.append(1.0)
        assert near[copies.of(line)] == max(near)
