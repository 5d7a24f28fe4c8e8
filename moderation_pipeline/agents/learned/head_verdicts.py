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
from moderation_pipeline.plan import Plan

Floats = NDArray[np.float64]

QUESTION = "violation"


def verdicts_of(
    head: Head,
    rows: csr_matrix,
    scores: Floats,
    bases: Sequence[Verdict],
    calibration: Calibration,
    ranked_scores: Floats,
    feature_names: Sequence[str] | None = None,
) -> list[Verdict]:
    """Return what a head says of scored rows: plans, how sure it is, how near to deciding otherwise.

    And why, where the features' names are given.
    """
    probabilities = calibration.probabilities(scores).tolist()
    close = closeness(scores, calibration.threshold, ranked_scores)
    explanations: Sequence[tuple[Contribution, ...]] = [()] * len(bases)
    if feature_names is not None:
        explanations = explained(head.gate.weights[0], rows, feature_names)
    plans = [allowed(1 - probability) for probability in probabilities]
    # Which violation it would be is asked of the few that are called one.
    called = np.flatnonzero(scores >= calibration.threshold)
    if len(called):
        likeliest = np.argmax(head.class_probabilities(rows[called]), axis=1)
        for row, best in zip(called.tolist(), likeliest.tolist(), strict=True):
            plans[row] = violation(head.classes[best], probabilities[row], bases[row].plan)
    return [
        _verdict(base, plan, probability, near, why, is_calibrated=calibration.is_fitted)
        for base, plan, probability, near, why in zip(
            bases, plans, probabilities, close, explanations, strict=True
        )
    ]


def _verdict(
    base: Verdict,
    plan: Plan,
    probability: float,
    near: float,
    why: tuple[Contribution, ...],
    *,
    is_calibrated: bool,
) -> Verdict:
    return replace(
        base,
        plan=plan,
        confidence_source="calibrated" if is_calibrated else "uncalibrated",
        probabilities=(*base.probabilities, OptionProbability(QUESTION, "true", probability)),
        explanation=why,
        tier=HEAD,
        memory_ids=(),
        without_memory=None,
        doubt=1 - plan.confidence,
        closeness=near,
        learnt_suspicion=LearntSuspicion(probability, is_calibrated),
        # What both learnt from the same memories they agree on, and a committee would hear no second opinion.
        second_opinion=base.without_memory or base.plan,
    )
