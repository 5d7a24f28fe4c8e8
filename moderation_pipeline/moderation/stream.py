"""The comments table as a stream of cases: what comes next, and what the chat said before it.

The surroundings of a comment are looked up in columns fixed before the loop starts, never in a window that
moves along with it, so that they don't depend on what is in flight (law 1). Label columns stop here (law 8).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from moderation_pipeline.agents.keyless.chat_customs import ChatCustoms, telling
from moderation_pipeline.cases.case import Case, Line
from moderation_pipeline.cases.customs import Custom
from moderation_pipeline.moderation.chat_reading import CHUNK, NOBODY_BEFORE, read_once
from moderation_pipeline.text.signals import Signals

NOT_COLUMNS = ("signals", "surroundings", "addresses_moderator", "follows_plea")
"""Fields of a case that the comments table doesn't hold."""


class Stream:
    """A chat in stream order, and each comment's surroundings.

    `expected` is the share of comments that are expected to be violations; null: what is customary isn't counted.
    """

    def __init__(self, comments: pl.DataFrame, expected: float | None = None) -> None:
        self._read = read_once(comments)
        self._comments = self._read.comments
        self._customs = None if expected is None else ChatCustoms(self._comments, expected)

    def __len__(self) -> int:
        return self._comments.height

    @property
    def comments(self) -> pl.DataFrame:
        """The comments table in stream order."""
        return self._comments

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
            counted = self._read.signals_from(start)
            rows = zip(
                _rows(self._comments.slice(start, CHUNK).select(columns)),
                map(Signals._make, _rows(counted)),
                _rows(self._read.addressing.slice(start, CHUNK)),
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
        return self._walk(self._read.previous_in_channel, position, count)

    def own_lines_before(self, position: int, count: int) -> Sequence[Line]:
        """Return up to `count` lines of the same user and channel before `position`, oldest first."""
        return self._walk(self._read.previous_by_user, position, count)

    def custom_at(self, position: int) -> Custom | None:
        """Return what was customary in the channel before `position`; null where it isn't counted."""
        return None if self._customs is None else self._customs.custom_at(self._read.row_of(position))

    def conduct_at(self, position: int) -> NDArray[np.uint8]:
        """Return who wrote the line at `position`, and how: of each aspect its level."""
        levels: NDArray[np.uint8] = self._read.conduct[self._read.row_of(position)]
        return levels

    def _walk(self, previous: NDArray[np.int64], position: int, count: int) -> list[Line]:
        row = self._read.row_of(position)
        found: list[Line] = []
        while len(found) < count and (row := int(previous[row])) != NOBODY_BEFORE:
            found.append(Line(*self._read.lines.row(row)))
        found.reverse()
        return found


def _rows(frame: pl.DataFrame) -> Iterator[tuple[Any, ...]]:
    """Yield the rows; made of whole columns, which takes half as long as Polars' own rows do."""
    return zip(*(column.to_list() for column in frame), strict=True)
