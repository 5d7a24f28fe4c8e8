"""What is peculiar to a channel's moderators: levels and words of lines they acted on, each with a weight of its own.

A level or a word then counts what it counts in every channel, and what it counts more or less in this one, which is
shrunk towards nothing (Daumé III 2007, arXiv:0907.1815): a channel with three acts goes by the others', one with three
hundred by its own. What was never acted on in a channel has no column there, so there are no more columns than the acts
have words and levels.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from moderation_pipeline.agents.conduct.conduct_levels import NOT_LOOKED_AT, OFFSETS, WIDTH, Levels
from moderation_pipeline.agents.learned.reading.row_blocks import Cells, beside, ends_of
from moderation_pipeline.agents.learned.reading.vocabulary import Numbered

LEVEL_SHARE, WORD_SHARE = 0.3, 0.6
"""What a level and a word count in the channel's own columns, beside 1 in those of all: the less, the more they are
shrunk."""

Peculiar = tuple[str, int]
"""A channel; and the number of a level, or WIDTH and the number of a word's term."""


class _Own(NamedTuple):
    """A channel's columns: what of, in order, and their numbers."""

    of: NDArray[np.int64]
    numbers: NDArray[np.int64]


class ChannelWays:
    """The columns of each channel, numbered as acts bring them; those that are new count from the next fit on."""

    def __init__(self, peculiar: Iterable[Peculiar] = ()) -> None:
        self._numbers: dict[Peculiar, int] = {each: number for number, each in enumerate(peculiar)}
        self._by_channel: dict[str, _Own] = {}
        self._width = 0
        self.freeze()

    @property
    def width(self) -> int:
        """How many columns there were when they were last frozen."""
        return self._width

    @property
    def peculiar(self) -> list[Peculiar]:
        """What the columns are of, by number, as last frozen."""
        return list(self._numbers)[: self._width]

    def learn(self, channel: str, levels: Levels, terms: Numbered) -> None:
        """Number the levels and words of a line that was acted on."""
        found = (levels + OFFSETS)[levels != NOT_LOOKED_AT].tolist()
        words = terms.numbers[: terms.words]
        for column in (*found, *(WIDTH + words).tolist()):
            self._numbers.setdefault((channel, column), len(self._numbers))

    def freeze(self) -> None:
        """Take the columns as they are now, for all rows until the next time."""
        self._width = len(self._numbers)
        columns: dict[str, list[tuple[int, int]]] = {}
        for (channel, column), number in self._numbers.items():
            columns.setdefault(channel, []).append((column, number))
        self._by_channel = {
            channel: _Own(*np.array(sorted(pairs), dtype=np.int64).T) for channel, pairs in columns.items()
        }

    def rows(self, channels: Sequence[str], levels: Cells, words: Cells) -> Cells:
        """Return the channels' own columns of as many cases, whose levels and words count what they do for all."""
        shared = (
            each._replace(values=share * each.values)
            for each, share in ((levels, LEVEL_SHARE), (words, WORD_SHARE))
        )
        both = beside(list(shared))
        row_of = np.repeat(np.arange(len(channels)), np.diff(both.ends))
        of_row = np.array(channels, dtype=object)
        kept, numbers = [np.empty(0, dtype=np.int64)], [np.empty(0, dtype=np.int64)]
        for channel in dict.fromkeys(channels):
            own = self._by_channel.get(channel)
            if own is None:
                continue
            cells = np.flatnonzero((of_row == channel)[row_of])
            places = np.minimum(np.searchsorted(own.of, both.columns[cells]), len(own.of) - 1)
            is_own = own.of[places] == both.columns[cells]
            kept.append(cells[is_own])
            numbers.append(own.numbers[places[is_own]])
        cell, column = np.concatenate(kept), np.concatenate(numbers)
        order = np.lexsort((column, row_of[cell]))
        ends = ends_of(np.bincount(row_of[cell], minlength=len(channels)))
        return Cells(both.values[cell][order], column[order].astype(np.int32), ends, self._width)

    def names(self, conduct: Sequence[str], terms: Sequence[str]) -> list[str]:
        """Return the names of the columns, as an explanation shows them."""
        return [
            f"in {channel}, {conduct[column] if column < WIDTH else terms[column - WIDTH]}"
            for channel, column in self.peculiar
        ]
