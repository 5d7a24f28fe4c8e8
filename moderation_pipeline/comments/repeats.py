"""How often a comment's text was said before it, by its user and by anyone, within a window.

A window and not the whole chat: repetition is a nuisance while it lasts. These counts are columns of the
comment, so no cache of replies that goes by text can lose them.
"""

from __future__ import annotations

import numpy as np
import polars as pl
from numpy.typing import NDArray

USER_WINDOW_S = 300
"""One user's repetition: spammers wait a minute or two to pass Twitch's own duplicate filter (30 s)."""

CHANNEL_WINDOW_S = 30
"""A room's repetition: a copypasta or a raid lives for seconds, a greeting of an hour ago is none."""

WINDOW_LINES = 100
"""The same where a comment's time is null: lines of the channel."""


ROWS_OF_A_PART = 131_072


def with_repeats(comments: pl.DataFrame) -> pl.DataFrame:
    """Return the comments (in stream order, with `normalised` and integer `sent_at`) with both counts.

    A text that normalises to nothing counts by what was written. Without a user, `user_repeats` is 0.
    """
    text, form = pl.col("text").hash(2), pl.col("normalised").hash(2)
    said = pl.when(pl.col("normalised") == "").then(text).otherwise(form)
    room = pl.col("channel").hash(1) ^ said
    clock = _Clock.of(comments)
    in_channel = clock.counts(comments.select(room).to_series(), CHANNEL_WINDOW_S)
    by_user = clock.counts(comments.select(room ^ pl.col("user_id").hash(3)).to_series(), USER_WINDOW_S)
    by_user[comments["user_id"].is_null().to_numpy()] = 0
    return comments.with_columns(pl.Series("user_repeats", by_user), pl.Series("channel_repeats", in_channel))


class _Clock:
    """The comments' times, or their places in the channel where they have none."""

    def __init__(self, ticks: NDArray[np.int64], is_timed: NDArray[np.bool_]) -> None:
        self._ticks = ticks
        self._is_timed = is_timed

    @classmethod
    def of(cls, comments: pl.DataFrame) -> _Clock:
        times = comments["sent_at"]
        is_timed = times.is_not_null().to_numpy()
        if is_timed.all():
            return cls(times.to_numpy(), is_timed)
        place = pl.int_range(pl.len()).over("channel")
        return cls(comments.select(pl.coalesce("sent_at", place)).to_series().to_numpy(), is_timed)

    def counts(self, keys: pl.Series, window_s: int) -> NDArray[np.int32]:
        """Return for each row the number of rows before it with its key and within the window."""
        counts = np.zeros(len(keys), np.int32)
        groups = keys.to_numpy()
        # Rows of one key fall into one part, and one part's arrays are all that is in memory at a time.
        parts = np.uint64(len(keys) // ROWS_OF_A_PART + 1)
        for part in range(int(parts)):
            rows = np.flatnonzero(groups % parts == part)
            timed = self._is_timed[rows]
            self._count(counts, groups, rows[timed], window_s * 1_000_000)
            self._count(counts, groups, rows[~timed], WINDOW_LINES)
        return counts

    def _count(
        self, counts: NDArray[np.int32], groups: NDArray[np.uint64], rows: NDArray[np.int64], window: int
    ) -> None:
        """Count within one kind of tick.

        All groups lie behind each other on one axis: inside a group gaps are what they are, but never more
        than the window and one, and between groups exactly that. One binary search then finds every window.
        """
        if rows.size == 0:
            return
        order = np.argsort(groups[rows], kind="stable")
        rows = rows[order]
        group, ticks = groups[rows], self._ticks[rows]
        # Logs are a little out of order; going back in time is standing still.
        gaps = np.clip(np.diff(ticks), 0, window + 1)
        gaps[group[1:] != group[:-1]] = window + 1
        axis = np.concatenate([[0], np.cumsum(gaps)])
        first = np.searchsorted(axis, axis - window, side="left")
        counts[rows] = np.arange(rows.size) - first
