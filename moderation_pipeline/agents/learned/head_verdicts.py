"""What a head says of a batch, and the verdicts made of it; who is asked, and when, is `learned_student.py`'s.

A verdict is made once all is known that goes into it: to change one takes longer than to say what it says.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from moderation_pipeline.agents.learned.calibration import Calibration, closeness
from moderation_pipeline.agents.learned.head import Head
from moderation_pipeline.agents.learned.proposing import allowed, violation
from moderation_pipeline.agents.learned.reading.row_blocks import Cells
from moderation_pipeline.cases.tier_names import HEAD
from moderation_pipeline.cases.verdict import Contribution, LearntSuspicion, OptionProbability, Verdict
from moderation_pipeline.plan import Plan

Floats = NDArray[np.float64]

QUESTION = "violation"


class HeadSays(NamedTuple):
    """What a head says of a case: its plan, how likely a violation is, and how near it was to saying otherwise."""

    plan: Plan
    probability: float
    closeness: float
    is_calibrated: bool


def said_of(
    head: Head,
    calibration: Calibration,
    ranked_scores: Floats,
    rows: Cells,
    bases: Sequence[Verdict],
    scores: Floats | None = None,
) -> list[HeadSays]:
    """Return what a head says of rows, whose bases said so and so; their scores may be known by now."""
    scores = head.suspicions(rows) if scores is None else scores
    probabilities = calibration.probabilities(scores).tolist()
    plans = [allowed(1 - probability) for probability in probabilities]
    # Which violation it would be is asked of the few that are called one.
    called = np.flatnonzero(scores >= calibration.threshold)
    if len(called):
        likeliest = np.argmax(head.class_probabilities(rows.take(called)), axis=1)
        for row, best in zip(called.tolist(), likeliest.tolist(), strict=True):
            plans[row] = violation(head.classes[best], probabilities[row], bases[row].plan)
    near = closeness(scores, calibration.threshold, ranked_scores)
    return [
        HeadSays(plan, probability, close, calibration.is_fitted)
        for plan, probability, close in zip(plans, probabilities, near, strict=True)
    ]


def verdict_of(
    base: Verdict,
    said: HeadSays,
    why: tuple[Contribution, ...] = (),
    *,
    memory_ids: tuple[str, ...] = (),
    without_memory: Plan | None = None,
) -> Verdict:
    """Return what a head says of a case as its verdict, with why, and which memories turned it from what."""
    return replace(
        base,
        plan=said.plan,
        confidence_source="calibrated" if said.is_calibrated else "uncalibrated",
        probabilities=(*base.probabilities, OptionProbability(QUESTION, "true", said.probability)),
        explanation=why,
        tier=HEAD,
        memory_ids=memory_ids,
        without_memory=without_memory,
        doubt=1 - said.plan.confidence,
        closeness=said.closeness,
        learnt_suspicion=LearntSuspicion(said.probability, said.is_calibrated),
        # What both learnt from the same memories they agree on, and a committee would hear no second opinion.
        second_opinion=base.without_memory or base.plan,
    )
