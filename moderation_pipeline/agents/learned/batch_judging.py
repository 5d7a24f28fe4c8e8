"""A batch as a head judges it: what it says of each case, why, and what it would say without memories.

Whose verdict then stands is `learned_student.py`'s.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from moderation_pipeline.agents.conduct.conduct_levels import Levels
from moderation_pipeline.agents.learned.calibration import Calibration
from moderation_pipeline.agents.learned.explaining import explained
from moderation_pipeline.agents.learned.head import Head
from moderation_pipeline.agents.learned.head_verdicts import HeadSays, said_of
from moderation_pipeline.agents.learned.memories_part import (
    Without,
    heard,
    verdict_by_memories,
    without_memories,
)
from moderation_pipeline.agents.learned.reading.case_reader import CaseReader
from moderation_pipeline.agents.learned.reading.feature_rows import feature_rows
from moderation_pipeline.agents.learned.reading.row_blocks import Cells
from moderation_pipeline.agents.learned.recent_scores import RecentScores
from moderation_pipeline.cases.case import Case
from moderation_pipeline.cases.situation import Situation
from moderation_pipeline.cases.verdict import Verdict

Floats = NDArray[np.float64]
Says = Callable[[Cells, Sequence[Verdict]], list[HeadSays]]
"""Returns what a head says of rows, whose bases said so and so."""


class AskedBatch(NamedTuple):
    """Cases, what is known of each, and what their base said; their numbers and levels of conduct are rows."""

    cases: Sequence[Case]
    situations: Sequence[Situation]
    bases: Sequence[Verdict]
    numbers: Floats
    levels: Levels


def judged(
    head: Head, calibration: Calibration, reader: CaseReader, recent: RecentScores, asked: AskedBatch
) -> tuple[list[Verdict], list[float]]:
    """Return the head's verdicts of a batch and the scores behind them, which are recent ones from now on."""
    others = reader.beside_numbers(asked.cases, asked.levels)
    rows = feature_rows(asked.numbers, others)
    scores = head.suspicions(rows)
    recent.take_in([case.comment_id for case in asked.cases], scores)
    says = partial(said_of, head, calibration, recent.ranked)
    without = _without(says, reader, asked, others)
    verdicts = [
        verdict_by_memories(base, said, why, situation.recalled, without.get(i))
        for i, (base, said, why, situation) in enumerate(
            zip(
                asked.bases,
                says(rows, asked.bases, scores),
                explained(head.gate.weights[0], rows, reader.names),
                asked.situations,
                strict=True,
            )
        )
    ]
    return verdicts, scores.tolist()


def _without(says: Says, reader: CaseReader, asked: AskedBatch, others: Cells) -> dict[int, Without]:
    """Return what is said without memories, by the place of the case, where that can be told and be something else.

    `others` is what is read of the cases besides their numbers: it hangs on no memory.
    """
    speak = reader.hears_memories(asked.numbers)
    places = [
        i
        for i in heard(asked.situations, asked.bases)
        if speak[i] or asked.bases[i].without_memory is not None
    ]
    if not places:
        return {}
    bases = [asked.bases[i] for i in places]
    alone = [without_memories(base) for base in bases]
    numbers = reader.numbers_alone(
        [asked.cases[i] for i in places],
        [asked.situations[i] for i in places],
        asked.numbers[places],
        bases,
        alone,
    )
    said = says(feature_rows(numbers, others.take(np.array(places))), alone)
    return dict(zip(places, map(Without, alone, said), strict=True))
