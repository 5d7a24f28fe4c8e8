"""What a chat says whoever moderates it: its lines in stream order, and what is counted in each.

All of it hangs on the comments table alone, so that several configs of a chat share one reading.
"""

from __future__ import annotations

from functools import cached_property

import numpy as np
import polars as pl
from numpy.typing import NDArray

from moderation_pipeline.agents.conduct.chat_conduct import conduct_of
from moderation_pipeline.cases.case import Line
from moderation_pipeline.text.addressing import addresses_moderator
from moderation_pipeline.text.language import with_languages_of_channels
from moderation_pipeline.text.names import with_names_as_mentions
from moderation_pipeline.text.signals import signals

CHUNK = 32_768
"""Comments whose signals are computed at a time: columnar work is cheap per row only over many rows, and the patterns
of all languages are compiled anew each time, for there are more of them than Polars keeps."""

NOBODY_BEFORE = -1

LINES_TOGETHER = 3
"""A user's lines in a row that count as one: an order to the moderator may be split over several."""


class ChatReading:
    """A chat's lines in stream order, by row.

    Attributes:
        comments: the comments table in that order, users' names in its texts made mentions.
        lines: what of each is shown around another one (`Line`).
        previous_in_channel: the row of the line before in the same channel; `NOBODY_BEFORE` where there is none.
        previous_by_user: the row of the user's line before in the same channel; likewise.
        addressing: which lines speak to the moderator, and which only follow such a line.
    """

    def __init__(self, comments: pl.DataFrame) -> None:
        in_order = with_languages_of_channels(comments.sort("position"))
        self.comments = with_names_as_mentions(in_order).with_columns(
            sent_at_us=pl.col("sent_at").dt.timestamp("us"),
        )
        # A column, not `pl.int_range` within the window: that would count anew in every group.
        index = pl.col("index").cast(pl.Int64)
        previous = self.comments.with_row_index("index").select(
            in_channel=index.shift(1).over("channel").fill_null(NOBODY_BEFORE),
            by_user=pl.when(pl.col("user_id").is_not_null())
            .then(index.shift(1).over("channel", "user_id"))
            .fill_null(NOBODY_BEFORE),
        )
        self.previous_in_channel = previous["in_channel"].to_numpy()
        self.previous_by_user = previous["by_user"].to_numpy()
        self.lines = self.comments.select(*Line._fields)
        self.addressing = _addressing(self.comments)
        self._rows = {int(p): i for i, p in enumerate(self.comments["position"])} if self._has_gaps else None
        self._first_signals: pl.DataFrame | None = None

    @property
    def _has_gaps(self) -> bool:
        positions = self.comments["position"]
        return len(positions) > 0 and (positions[0] != 0 or positions[-1] != len(positions) - 1)

    def row_of(self, position: int) -> int:
        """Return the row of the line at `position`."""
        return position if self._rows is None else self._rows[position]

    def signals_from(self, start: int) -> pl.DataFrame:
        """Return the signals of up to `CHUNK` lines from a row on; those of a chat that fits in one are kept."""
        if self._first_signals is not None and start == 0:
            return self._first_signals
        chunk = self.comments.slice(start, CHUNK)
        counted = signals(chunk.drop(pl.selectors.starts_with("label_")))
        if chunk.height == self.comments.height:
            self._first_signals = counted
        return counted

    @cached_property
    def conduct(self) -> NDArray[np.uint8]:
        """Who writes each line and how, computed when the first is asked for: most configs have nobody who reads it."""
        return conduct_of(self.comments)


_last_read: list[tuple[pl.DataFrame, ChatReading]] = []


def read_once(comments: pl.DataFrame) -> ChatReading:
    """Return the reading of a chat; of a small one that was read last, by another config's run, the same again.

    A large one isn't kept: it would hold memory, and what is fixed about reading is nothing to what it takes a line.
    """
    if comments.height > CHUNK:
        _last_read.clear()
        return ChatReading(comments)
    for table, reading in _last_read:
        if table.equals(comments):
            return reading
    reading = ChatReading(comments)
    _last_read[:] = [(comments, reading)]
    return reading


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
