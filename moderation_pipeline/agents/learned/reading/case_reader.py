"""Reads cases as rows of features, in columns that grow with the audits.

It keeps what reading takes: which numbers the base and the embedder give, what the base thought of the lines before,
the terms and the channels' own columns. What is made of the rows is not its business.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix

from moderation_pipeline.agents.conduct.conduct_levels import WIDTH, Levels, conduct_names
from moderation_pipeline.agents.learned.reading.channel_ways import ChannelWays, Peculiar
from moderation_pipeline.agents.learned.reading.feature_columns import Columns, Options
from moderation_pipeline.agents.learned.reading.feature_rows import Known, beside_numbers, feature_rows
from moderation_pipeline.agents.learned.reading.features import (
    OF_MEMORIES,
    RecentSuspicion,
    numeric_rows,
    suspicion,
)
from moderation_pipeline.agents.learned.reading.row_blocks import Cells
from moderation_pipeline.agents.learned.reading.vocabulary import Vocabulary
from moderation_pipeline.cases.case import Case
from moderation_pipeline.cases.situation import Situation
from moderation_pipeline.cases.verdict import Verdict

Floats = NDArray[np.float64]


class ToLearn(NamedTuple):
    """What is learnt from of an audited case: its normalised text, where it stands, and whether it is a violation."""

    channel: str
    levels: Levels
    text: str
    is_violation: bool


class CaseReader:
    """Reads cases, before and after they were audited; new terms count from the next fit on."""

    def __init__(self, *, by_channel: bool) -> None:
        """`by_channel`: whether what was acted on in a channel has columns of its own."""
        self._columns = Columns()
        self._recent = RecentSuspicion()
        self._ways = ChannelWays() if by_channel else None
        self._names: list[str] = []
        self.vocabulary = Vocabulary()

    @property
    def options(self) -> Options:
        """The base's question options that are features."""
        return self._columns.options

    @property
    def peculiar(self) -> tuple[Peculiar, ...]:
        """What the columns of single channels are of."""
        return () if self._ways is None else tuple(self._ways.peculiar)

    @property
    def names(self) -> Sequence[str]:
        """The names of the columns, as an explanation shows them."""
        return self._names

    @property
    def conduct(self) -> range:
        """The columns of who writes and how."""
        numbers = len(self._columns.names or ())
        return range(numbers, numbers + WIDTH)

    @property
    def before_text(self) -> int:
        """How many columns there are before those of the text."""
        return self.conduct.stop + (0 if self._ways is None else self._ways.width)

    def begin_with(
        self, vocabulary: Vocabulary, options: Options, numbers: int, peculiar: Sequence[Peculiar]
    ) -> None:
        """Read as the run did whose head this one begins with, which had so many numbers.

        Whether this run's base answers the same questions is seen, and refused, at the first batch.
        """
        self._columns = Columns(options, numbers)
        self.vocabulary = vocabulary
        if self._ways is not None:
            self._ways = ChannelWays(peculiar)

    def settle(self, bases: Sequence[Verdict], dimensions: int) -> bool:
        """Return whether the columns are known by now.

        Raises:
            OtherColumnsError: the head that the run begins with reads other columns.
        """
        is_settled = self._columns.settle(bases, dimensions)
        if is_settled and not self._names:
            self._name_columns()
        return is_settled

    def numbers(
        self, cases: Sequence[Case], situations: Sequence[Situation], bases: Sequence[Verdict]
    ) -> Floats:
        """Return the numeric features; of like cases at different places in a batch each has its own."""
        recent = [self._recent.of(case) for case in cases]
        return numeric_rows(cases, situations, bases, recent, self.options)

    def take_in(self, cases: Sequence[Case], bases: Sequence[Verdict]) -> None:
        """Remember what the base thought of a batch."""
        for case, base in zip(cases, bases, strict=True):
            self._recent.take_in(case, suspicion(base.plan))

    def hears_memories(self, numbers: Floats) -> NDArray[np.bool_]:
        """Return in which rows of numbers memories speak: most that are recalled say nothing of the case."""
        return np.asarray(numbers[:, OF_MEMORIES].any(axis=1), dtype=np.bool_)

    def numbers_alone(
        self,
        cases: Sequence[Case],
        situations: Sequence[Situation],
        numbers: Floats,
        bases: Sequence[Verdict],
        alone: Sequence[Verdict],
    ) -> Floats:
        """Return the numbers as they would be had no memory been recalled, and the bases said what they say alone."""
        found = numbers.copy()
        found[:, OF_MEMORIES] = 0.0
        # Rules are turned by few memories: all other numbers are what they were.
        turned = [i for i, (base, other) in enumerate(zip(bases, alone, strict=True)) if other is not base]
        if turned:
            nothing_recalled = [replace(situations[i], recalled=()) for i in turned]
            found[turned] = self.numbers(
                [cases[i] for i in turned], nothing_recalled, [alone[i] for i in turned]
            )
        return found

    def beside_numbers(self, cases: Sequence[Case], levels: Levels) -> Cells:
        """Return what is read of cases besides their numbers, for `feature_rows`."""
        words = self.vocabulary.rows_of([case.normalised for case in cases])
        return beside_numbers(levels, words, [case.channel for case in cases], self._ways)

    def learnt(self, audited: Sequence[ToLearn]) -> list[Known]:
        """Take in what is new in audited cases, and return what is read of each besides its numbers."""
        terms = self.vocabulary.learn([each.text for each in audited])
        known = [Known(each.channel, each.levels, of) for each, of in zip(audited, terms, strict=True)]
        if self._ways is not None:
            for each, read in zip(audited, known, strict=True):
                if each.is_violation:
                    self._ways.learn(*read)
        return known

    def learnt_rows(self, numbers: Sequence[Floats], known: Sequence[Known]) -> csr_matrix:
        """Return the rows of audited cases, with all that audits brought; other rows have the same columns from now."""
        self.vocabulary.freeze()
        if self._ways is not None:
            self._ways.freeze()
        self._name_columns()
        others = beside_numbers(
            np.array([each.levels for each in known]),
            self.vocabulary.rows([each.terms for each in known]),
            [each.channel for each in known],
            self._ways,
        )
        return feature_rows(np.array(numbers), others).matrix

    def _name_columns(self) -> None:
        conduct, terms = conduct_names(), self.vocabulary.names
        own = [] if self._ways is None else self._ways.names(conduct, terms)
        self._names = [*(self._columns.names or ()), *conduct, *own, *terms]
