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


def with_repeats(comments: pl.DataFrame) -> pl.DataFrame:
    """Return the comments (in stream order, with `normalised` and integer `sent_at`) with both counts.

    A text that normalises to nothing counts by what was written. Without a user, `user_repeats` is 0.
    """
    said = pl.when(pl.col("normalised") == "").then("text").otherwise("normalised")
    keys = comments.select(
        channel=pl.col("channel").fill_null("").hash(1),
        said=said.hash(2),
        user=pl.col("user_id").hash(3),
    )
    in_channel = keys.select(pl.col("said") ^ pl.col("channel")).to_series()
    by_user = keys.select(pl.col("said") ^ pl.col("channel") ^ pl.col("user")).to_series()
    clock = _Clock.of(comments)
    user_repeats = clock.counts(by_user, USER_WINDOW_S)
    user_repeats[comments["user_id"].is_null().to_numpy()] = 0
    return comments.with_columns(
        pl.Series("user_repeats", user_repeats),
        pl.Series("channel_repeats", clock.counts(in_channel, CHANNEL_WINDOW_S)),
    )


class _Clock:
    """The comments' times, or their places in the channel where they have none."""

    def __init__(self, ticks: NDArray[np.int64], is_timed: NDArray[np.bool_]) -> None:
        self._ticks = ticks
        self._is_timed = is_timed

    @classmethod
    def of(cls, comments: pl.DataFrame) -> _Clock:
        place = pl.int_range(pl.len()).over("channel")
        is_timed = comments["sent_at"].is_not_null().to_numpy()
        ticks = comments.select(pl.coalesce("sent_at", place)).to_series().to_numpy()
        return cls(ticks, is_timed)

    def counts(self, keys: pl.Series, window_s: int) -> NDArray[np.int32]:
        """Return for each row the number of rows before it with its key and within the window."""
        timed = self._within(keys, np.flatnonzero(self._is_timed), window_s * 1_000_000)
        if self._is_timed.all():
            return timed
        return timed + self._within(keys, np.flatnonzero(~self._is_timed), WINDOW_LINES)

    def _within(self, keys: pl.Series, rows: NDArray[np.int64], window: int) -> NDArray[np.int32]:
        """Count within one kind of tick.

        All groups lie behind each other on one axis: inside a group gaps are what they are, but never more
        than the window and one, and between groups exactly that. One binary search then finds every window.
        """
        counts = np.zeros(len(keys), np.int32)
        if rows.size == 0:
            return counts
        group = keys.to_numpy()[rows]
        order = np.argsort(group, kind="stable")
        group, ticks = group[order], self._ticks[rows[order]]
        # Logs are a little out of order; going back in time is standing still.
        gaps = np.clip(np.diff(ticks), 0, window + 1)
        gaps[group[1:] != group[:-1]] = window + 1
        axis = np.concatenate([[0], np.cumsum(gaps)])
        first = np.searchsorted(axis, axis - window, side="left")
        counts[rows[order]] = (np.arange(rows.size) - first).astype(np.int32)
        return counts
