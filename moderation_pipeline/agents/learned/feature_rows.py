"""A row for each case, as a head reads it: numbers, levels of conduct, the channel's own, then words, which grow."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix, hstack

from moderation_pipeline.agents.conduct.conduct_levels import NOT_LOOKED_AT, OFFSETS, WIDTH, Levels
from moderation_pipeline.agents.learned.channel_ways import ChannelWays
from moderation_pipeline.agents.learned.vocabulary import Numbered, Vocabulary

Floats = NDArray[np.float64]

LEVEL_COUNTS = 0.5
"""What a level counts beside a signal or a word, both of which are about 0 to 1: every line has a level of each
aspect. At 1 the second half of twitch_dev has an AUROC of .796 and not .801, in an offline fit."""


class Known(NamedTuple):
    """What is read of a case besides its numbers: its channel, who wrote it and how, its terms."""

    channel: str
    levels: Levels
    terms: Numbered


def feature_rows(
    numbers: Floats, known: Sequence[Known], vocabulary: Vocabulary, ways: ChannelWays | None
) -> csr_matrix:
    """Return the rows of as many cases: numbers, levels, what is the channel's own where `ways` has it, words."""
    levels = conduct_rows(np.array([each.levels for each in known]))
    words = vocabulary.rows([each.terms for each in known])
    own = [] if ways is None else [ways.rows([each.channel for each in known], levels, words)]
    return csr_matrix(hstack([csr_matrix(numbers), levels, *own, words], format="csr"))


def conduct_rows(levels: Levels) -> csr_matrix:
    """Return the columns of all levels, shape (rows, WIDTH): those that a line has count LEVEL_COUNTS."""
    looked_at = levels != NOT_LOOKED_AT
    columns = (levels + OFFSETS)[looked_at]
    pointers = np.concatenate([[0], np.cumsum(looked_at.sum(axis=1))])
    return csr_matrix((np.full(len(columns), LEVEL_COUNTS), columns, pointers), shape=(len(levels), WIDTH))
