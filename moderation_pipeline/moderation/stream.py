"""The comments table as a stream of cases: what comes next, and what the chat said before it.

The surroundings of a comment are looked up in columns fixed before the loop starts, never in a window that
moves along with it, so that they don't depend on what is in flight (law 1). Label columns stop here (law 8).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cached_property
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from moderation_pipeline.agents.conduct.chat_conduct import conduct_of
from moderation_pipeline.agents.keyless.chat_customs import ChatCustoms, telling
from moderation_pipeline.cases.case import Case, Line
from moderation_pipeline.cases.customs import Custom
from moderation_pipeline.text.addressing import addresses_moderator
from moderation_pipeline.text.language import with_languages_of_channels
from moderation_pipeline.text.names import with_names_as_mentions
from moderation_pipeline.text.signals import Signals, signals

CHUNK = 32_768
"""Comments whose signals are computed at a time: columnar work is cheap per row only over many rows, and the patterns
of all languages are compiled anew each time, for there are more of them than Polars keeps."""

NOBODY_BEFORE = -1

NOT_COLUMNS = ("signals", "surroundings", "addresses_moderator", "follows_plea")
"""Fields of a case that the comments table doesn't hold."""

LINES_TOGETHER = 3
"""A user's lines in a row that count as one: an order to the moderator may be split over several."""


class Stream:
    """A chat in stream order, and each comment's surroundings.

    `expected` is the share of comments that are expected to be violations; null: what is customary isn't counted.
    """

    def __init__(self, comments: pl.DataFrame, expected: float | None = None) -> None:
        in_order = with_languages_of_channels(comments.sort("position"))
        self._comments = with_names_as_mentions(in_order).with_columns(
            sent_at_us=pl.col("sent_at").dt.timestamp("us"),
        )
        # A column, not `pl.int_range` within the window: that would count anew in every group.
        index = pl.col("index").cast(pl.Int64)
        previous = self._comments.with_row_index("index").select(
            in_channel=index.shift(1).over("channel").fill_null(NOBODY_BEFORE),
            by_user=pl.when(pl.col("user_id").is_not_null())
            .then(index.shift(1).over("channel", "user_id"))
            .fill_null(NOBODY_BEFORE),
        )
        self._previous_in_channel = previous["in_channel"].to_numpy()
        self._previous_by_user = previous["by_user"].to_numpy()
        self._rows = {int(p): i for i, p in enumerate(self._comments["position"])} if self._has_gaps else None
        self._addressing = _addressing(self._comments)
        self._lines = self._comments.select(*Line._fields)
        self._customs = None if expected is None else ChatCustoms(self._comments, expected)

    def __len__(self) -> int:
        return self._comments.height

    @property
    def comments(self) -> pl.DataFrame:
        """The comments table in stream order."""
        return self._comments

    @property
    def _has_gaps(self) -> bool:
        positions = self._comments["position"]
        return len(positions) > 0 and (positions[0] != 0 or positions[-1] != len(positions) - 1)

    def batches(self, size: int) -> Iterator[list[Case]]:
        """Yield the cases in stream order, `size` at a time; the last batch may be smaller."""
        batch: list[Case] = []
        for case in self._cases():
            batch.append(case)
            if len(batch) == size:
                yield batch
                batch = []
        if batch:
            yield batch

    def _cases(self) -> Iterator[Case]:
        columns = [name for name in Case._fields if name not in NOT_COLUMNS]
        for start in range(0, self._comments.height, CHUNK):
            chunk = self._comments.slice(start, CHUNK)
            counted = signals(chunk.drop(pl.selectors.starts_with("label_")))
            rows = zip(
                _rows(chunk.select(columns)),
                map(Signals._make, _rows(counted)),
                _rows(self._addressing.slice(start, CHUNK)),
                strict=True,
            )
            tells = telling(counted) if self._customs is not None else []
            for number, (row, row_signals, mark) in enumerate(rows):
                case = Case._make((*row, row_signals, self, *mark))
                if self._customs is not None and tells[number]:
                    self._customs.take_in(start + number, case)
                yield case

    def lines_before(self, position: int, count: int) -> Sequence[Line]:
        """Return up to `count` lines of the same channel before `position`, oldest first."""
        return self._walk(self._previous_in_channel, position, count)

    def own_lines_before(self, position: int, count: int) -> Sequence[Line]:
        """Return up to `count` lines of the same user and channel before `position`, oldest first."""
        return self._walk(self._previous_by_user, position, count)

    def custom_at(self, position: int) -> Custom | None:
        """Return what was customary in the channel before `position`; null where it isn't counted."""
        return None if self._customs is None else self._customs.custom_at(self._row(position))

    def conduct_at(self, position: int) -> NDArray[np.uint8]:
        """Return who wrote the line at `position`, and how: of each aspect its level."""
        levels: NDArray[np.uint8] = self._conduct[self._row(position)]
        return levels

    @cached_property
    def _conduct(self) -> NDArray[np.uint8]:
        """All lines' conduct, computed when the first is asked for: most configs have nobody who reads it."""
        return conduct_of(self._comments)

    def _row(self, position: int) -> int:
        return position if self._rows is None else self._rows[position]

    def _walk(self, previous: NDArray[np.int64], position: int, count: int) -> list[Line]:
        row = self._row(position)
        found: list[Line] = []
        while len(found) < count and (row := int(previous[row])) != NOBODY_BEFORE:
            found.append(Line(*self._lines.row(row)))
        found.reverse()
        return found


def _rows(frame: pl.DataFrame) -> Iterator[tuple[Any, ...]]:
    """Yield the rows; made of whole columns, which takes half as long as Polars' own rows do."""
    return zip(*(column.to_list() for column in frame), strict=True)


def _addressing(comments: pl.DataFrame) -> pl.DataFrame:
    """Return which comments speak to the moderator, or follow the user's own lines that did; and which only follow."""
    texts = comments.select("text", "normalised").unique()
    marked = texts.with_columns(
        mark=addresses_moderator(pl.col("text"))
        | (
            (pl.col("normalised") != pl.col("text").str.to_lowercase())
            & addresses_moderator(pl.col("normalised"))
        )
    )
    marks = comments.select("channel", "user_id", "text", "normalised").join(
        marked, on=["text", "normalised"], how="left", maintain_order="left", nulls_equal=True
    )
    lately = pl.any_horizontal(
        pl.col("mark").shift(lines, fill_value=False).over("channel", "user_id")
        for lines in range(1, LINES_TOGETHER)
    )
    known = pl.col("user_id").is_not_null()
    return marks.select(
        addresses_moderator=pl.col("mark") | (known & lately), follows_plea=~pl.col("mark") & known & lately
    )
