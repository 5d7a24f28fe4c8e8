"""A row for each case, as a head reads it: numbers, levels of conduct, the channel's own, then words, which grow."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from moderation_pipeline.agents.conduct.conduct_levels import NOT_LOOKED_AT, OFFSETS, WIDTH, Levels
from moderation_pipeline.agents.learned.reading.channel_ways import ChannelWays
from moderation_pipeline.agents.learned.reading.row_blocks import Cells, beside, cells_of, ends_of
from moderation_pipeline.agents.learned.reading.vocabulary import Numbered

Floats = NDArray[np.float64]

LEVEL_COUNTS = 0.5
"""What a level counts beside a signal or a word, both of which are about 0 to 1: every line has a level of each
aspect. At 1 the second half of twitch_dev has an AUROC of .796 and not .801, in an offline fit."""


class Known(NamedTuple):
    """What is read of a case besides its numbers: its channel, who wrote it and how, its terms."""

    channel: str
    levels: Levels
    terms: Numbered


def feature_rows(numbers: Floats, others: Cells) -> Cells:
    """Return the rows of as many cases: their numbers, and what else is read of them."""
    return beside([cells_of(numbers), others])


def beside_numbers(levels: Levels, words: Cells, channels: Sequence[str], ways: ChannelWays | None) -> Cells:
    """Return what is read of cases besides their numbers: levels, the channel's own where `ways` has it, words."""
    conduct = conduct_cells(levels)
    own = [] if ways is None else [ways.rows(channels, conduct, words)]
    return beside([conduct, *own, words])


def conduct_cells(levels: Levels) -> Cells:
    """Return the columns of all levels, WIDTH of them: those that a line has count LEVEL_COUNTS."""
    looked_at = levels != NOT_LOOKED_AT
    columns = (levels + OFFSETS)[looked_at]
    return Cells(np.full(len(columns), LEVEL_COUNTS), columns, ends_of(looked_at.sum(axis=1)), WIDTH)
