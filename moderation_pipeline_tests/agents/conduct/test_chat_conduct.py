"""Tests of who writes and how: what each aspect counts, and that it depends on no later line."""

from __future__ import annotations

import numpy as np
import polars as pl
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from moderation_pipeline.agents.conduct.chat_conduct import PACE_LINES, conduct_of
from moderation_pipeline.agents.conduct.conduct_levels import (
    ASPECTS,
    NOT_LOOKED_AT,
    OFFSETS,
    WIDTH,
    conduct_names,
)
from moderation_pipeline.agents.learned.reading.feature_rows import LEVEL_COUNTS, conduct_cells
from moderation_pipeline.moderation.stream import Stream
from moderation_pipeline_tests.moderation.scripted import chat_of

PLACE = {aspect.key: place for place, aspect in enumerate(ASPECTS)}


def levels_of(comments: pl.DataFrame, key: str) -> list[str]:
    """Return in words the level of one aspect of each comment."""
    names = ASPECTS[PLACE[key]].level_names
    return [names[level].split(": ")[1] for level in conduct_of(comments)[:, PLACE[key]]]


LINE = st.tuples(
    st.sampled_from(
        ["hi", "hi!", "HI", "ПРИВЕТ всем", "", "see www.example.com", "what is this?", "LULW LULW"]
    ),
    st.sampled_from(["arena", "pit"]),
    st.sampled_from(["ann", "bob", None]),
    st.integers(0, 200),
    st.sampled_from(["en", "ru", None]),
)


def chat(lines: list[tuple[str, str, str | None, int, str | None]]) -> pl.DataFrame:
    texts, channels, users, seconds, languages = zip(*lines, strict=True)
    frame = chat_of(texts, users=users, seconds=[float(each) for each in seconds])
    return frame.with_columns(
        pl.Series("channel", channels),
        pl.Series("user_id", users, dtype=pl.String),
        pl.Series("language", languages, dtype=pl.String),
    )


@given(st.lists(LINE, min_size=1, max_size=40), st.data())
def test_no_later_line_changes_what_is_known_of_a_line(
    lines: list[tuple[str, str, str | None, int, str | None]], data: st.DataObject
) -> None:
    kept = data.draw(st.integers(1, len(lines)))
    later = data.draw(st.lists(LINE, max_size=10))

    whole, other = conduct_of(chat(lines)), conduct_of(chat([*lines[:kept], *later]))

    np.testing.assert_array_equal(whole[:kept], other[:kept])
    np.testing.assert_array_equal(whole[:kept], conduct_of(chat(lines[:kept])))


@given(st.lists(LINE, min_size=1, max_size=30))
def test_what_is_counted_is_what_counting_one_by_one_finds(
    lines: list[tuple[str, str, str | None, int, str | None]],
) -> None:
    found = conduct_of(chat(lines))

    for place, (text, channel, user, _, _) in enumerate(lines):
        before = [line for line in lines[:place] if line[1] == channel]
        own = [line for line in before if line[2] == user] if user is not None else None
        assert found[place, PLACE["own_lines"]] == level("own_lines", None if own is None else len(own))
        same = sum(line[0] == text for line in before)
        assert found[place, PLACE["room_same"]] == level("room_same", same)


def level(key: str, number: float | None) -> int:
    values: NDArray[np.float64] = np.array([np.nan if number is None else number])
    return int(ASPECTS[PLACE[key]].levels_of(values)[0])


def test_pauses_are_counted_within_channel_and_user_and_unknown_where_there_was_no_line() -> None:
    comments = chat_of(["a", "b", "c"], users=["ann", "bob", "ann"], seconds=[0, 10, 45])

    assert levels_of(comments, "own_pause") == ["unknown", "unknown", "40 to 60"]
    assert levels_of(comments, "others_between") == ["unknown", "unknown", "1 to 2"]


def test_time_that_runs_back_stands_still() -> None:
    comments = chat_of(["a", "b"], users=["ann", "ann"], seconds=[10, 3])

    assert levels_of(comments, "own_pause") == ["unknown", "under 1"]


def test_the_pace_of_a_channel_is_how_long_its_last_lines_took() -> None:
    comments = chat_of([f"line {i}" for i in range(PACE_LINES + 1)])

    assert levels_of(comments, "room_pace")[-2:] == ["unknown", "18 to 26"]


def test_lines_that_begin_alike_are_near_to_each_other() -> None:
    comments = chat_of(["buy my florps now 1", "buy my florps, now! 2"], users=["ann", "ann"])

    assert levels_of(comments, "own_near") == ["under 1", "1 to 2"]
    assert levels_of(comments, "own_same") == ["under 1", "under 1"]


def test_a_language_is_held_against_the_lines_of_the_channel_whose_language_is_known() -> None:
    comments = chat([("a", "arena", "ann", i, lang) for i, lang in enumerate(["en", None, "en", "ru", "en"])])

    assert levels_of(comments, "room_language") == [
        "unknown",
        "unknown",
        "0.95 or more",
        "under 0.0001",
        "0.65 to 0.8",
    ]


def test_each_line_has_one_level_of_each_aspect_and_each_level_a_name() -> None:
    comments = chat_of(["hello there", "see www.example.com"])
    levels = conduct_of(comments)

    rows = conduct_cells(levels).matrix

    assert rows.shape == (2, WIDTH)
    assert len(conduct_names()) == len(set(conduct_names())) == WIDTH
    assert (levels < [aspect.levels for aspect in ASPECTS]).all()
    assert rows.getnnz(axis=1).tolist() == [len(ASPECTS)] * 2
    assert set(rows.data) == {LEVEL_COUNTS}
    assert conduct_names()[rows.indices[PLACE["links"]]] == "links: under 1"
    assert conduct_names()[OFFSETS[PLACE["links"]] + 1] == "links: 1 to 2"


def test_a_case_of_which_nobody_looked_has_none() -> None:
    assert conduct_cells(np.array([NOT_LOOKED_AT])).matrix.nnz == 0


def test_a_case_has_its_own_line_of_it_whatever_the_batches_are() -> None:
    comments = chat_of([f"line {i % 4}" for i in range(30)])

    by_size = [
        np.array([case.conduct for batch in Stream(comments).batches(size) for case in batch])
        for size in (1, 7, 64)
    ]

    for each in by_size:
        np.testing.assert_array_equal(each, conduct_of(comments))


def test_an_empty_chat_has_none() -> None:
    assert conduct_of(chat_of([])).shape == (0, len(ASPECTS))
