"""What a head says of a batch, as verdicts; who is asked, and when, is `learned_student.py`'s."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix

from moderation_pipeline.agents.learned.calibration import Calibration, closeness
from moderation_pipeline.agents.learned.explaining import explained
from moderation_pipeline.agents.learned.head import Head
from moderation_pipeline.agents.learned.proposing import allowed, violation
from moderation_pipeline.cases.tier_names import HEAD
from moderation_pipeline.cases.verdict import Contribution, LearntSuspicion, OptionProbability, Verdict

Floats = NDArray[np.float64]

QUESTION = "violation"


def verdicts_of(
    head: Head,
    rows: csr_matrix,
    scores: Floats,
    bases: Sequence[Verdict],
    *,
    calibration: Calibration,
    recent_scores: Floats,
    feature_names: Sequence[str],
) -> list[Verdict]:
    """Return what a head says of scored rows: plans, how sure it is, how near to deciding otherwise, and why."""
    probabilities = calibration.probabilities(scores)
    close = closeness(scores, calibration.threshold, recent_scores)
    likeliest = np.argmax(head.class_probabilities(rows), axis=1)
    explanations = explained(head.gate.weights[0], rows, feature_names)
    return [
        replace(
            _verdict(calibration, score, probability, head.classes[best], explanation, base), closeness=near
        )
        for score, probability, near, best, explanation, base in zip(
            scores.tolist(), probabilities.tolist(), close, likeliest, explanations, bases, strict=True
        )
    ]


def _verdict(
    calibration: Calibration,
    score: float,
    probability: float,
    outcome: str,
    why: tuple[Contribution, ...],
    base: Verdict,
) -> Verdict:
    margin = score - calibration.threshold
    plan = violation(outcome, probability, base.plan) if margin >= 0 else allowed(1 - probability)
    return replace(
        base,
        plan=plan,
        confidence_source="calibrated" if calibration.is_fitted else "uncalibrated",
        probabilities=(*base.probabilities, OptionProbability(QUESTION, "true", probability)),
        explanation=why,
        tier=HEAD,
        memory_ids=(),
        without_memory=None,
        doubt=1 - plan.confidence,
        learnt_suspicion=LearntSuspicion(probability, calibration.is_fitted),
        # What both learnt from the same memories they agree on, and a committee would hear no second opinion.
        second_opinion=base.without_memory or base.plan,
    )
