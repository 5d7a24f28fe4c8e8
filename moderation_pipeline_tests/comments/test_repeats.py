from __future__ import annotations

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from moderation_pipeline.comments.repeats import CHANNEL_WINDOW_S, USER_WINDOW_S, WINDOW_LINES, with_repeats
from moderation_pipeline_tests.comments.lines import read, said

Said = tuple[str, str, str | None, int | None]
"""(text, channel, user, second)"""


def repeats(rows: list[Said]) -> list[tuple[int, int]]:
    frame = pl.DataFrame(
        {
            "text": [text for text, *_ in rows],
            "normalised": [text for text, *_ in rows],
            "channel": [channel for _, channel, _, _ in rows],
            "user_id": [user for _, _, user, _ in rows],
            "sent_at": [None if second is None else second * 1_000_000 for *_, second in rows],
        },
        schema={
            "text": pl.String,
            "normalised": pl.String,
            "channel": pl.String,
            "user_id": pl.String,
            "sent_at": pl.Int64,
        },
    )
    return with_repeats(frame).select("user_repeats", "channel_repeats").rows()


def test_a_repetition_is_counted_for_its_user_and_for_the_room() -> None:
    rows: list[Said] = [
        ("hi", "c", "ann", 1),
        ("hi", "c", "bob", 2),
        ("hi", "c", "ann", 3),
        ("ho", "c", "ann", 4),
    ]
    assert repeats(rows) == [(0, 0), (0, 1), (1, 2), (0, 0)]


@pytest.mark.parametrize("window", [CHANNEL_WINDOW_S, USER_WINDOW_S])
def test_a_window_holds_what_was_said_up_to_its_edge(window: int) -> None:
    at_edge = repeats([("hi", "c", "ann", 10), ("hi", "c", "ann", 10 + window)])[1]
    beyond = repeats([("hi", "c", "ann", 10), ("hi", "c", "ann", 11 + window)])[1]
    which = 0 if window == USER_WINDOW_S else 1
    assert (at_edge[which], beyond[which]) == (1, 0)


def test_channels_are_rooms_of_their_own() -> None:
    assert repeats([("hi", "c", "ann", 1), ("hi", "d", "ann", 2)]) == [(0, 0), (0, 0)]


def test_without_times_the_window_is_of_lines_of_the_channel() -> None:
    between: list[Said] = [("x", "c", "bob", None)] * (WINDOW_LINES - 1)
    elsewhere: list[Said] = [("y", "d", "bob", None)] * 50
    near = repeats([("hi", "c", "ann", None), *between, *elsewhere, ("hi", "c", "ann", None)])[-1]
    far = repeats([("hi", "c", "ann", None), *between, ("x", "c", "bob", None), ("hi", "c", "ann", None)])[-1]
    assert (near, far) == ((1, 1), (0, 0))


def test_a_user_who_is_unknown_repeats_nobody() -> None:
    assert repeats([("hi", "c", None, 1), ("hi", "c", None, 2)]) == [(0, 0), (0, 1)]


def test_an_invisible_character_doesn_t_hide_a_repetition() -> None:
    comments = read(
        [said("buy now"), said("buy now \U000e0000", second=40), said("BUY NOW", second=50)]
    ).comments
    assert comments["user_repeats"].to_list() == [0, 1, 2]


@given(
    st.lists(
        st.tuples(
            st.sampled_from("ab"),
            st.sampled_from("cd"),
            st.sampled_from(["ann", "bob", None]),
            st.integers(0, 700),
        ),
        max_size=40,
    )
)
def test_counts_are_those_of_counting_by_hand(rows: list[Said]) -> None:
    rows = sorted(rows, key=lambda row: row[3] or 0)
    expected = []
    for at, (text, channel, user, second) in enumerate(rows):
        ages = [
            (who, (second or 0) - (then or 0))
            for said_text, room, who, then in rows[:at]
            if said_text == text and room == channel
        ]
        own = sum(who == user and age <= USER_WINDOW_S for who, age in ages) if user is not None else 0
        expected.append((own, sum(age <= CHANNEL_WINDOW_S for _, age in ages)))
    assert repeats(rows) == expected
