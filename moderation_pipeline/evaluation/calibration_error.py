"""How far the Student's confidence can be believed, by the run's audits.

Audits are a biased sample, so each counts 1 / its probability (Horvitz & Thompson 1952). The expected
calibration error is never given without AUROC: a Student that gives every comment the base rate is perfectly
calibrated and of no use. Calibrating is the learned Student's business, not this room's.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import polars as pl
from numpy.typing import NDArray

from moderation_pipeline.evaluation.judged import NO_VIOLATION
from moderation_pipeline.statistics.weighted_audits import Floats, auroc, effective_sample_size

BINS = 10
LEAST_SAMPLE = 50.0
"""Audits worth fewer equal ones than this show nothing: every bin would be noise."""


class CalibrationShown(NamedTuple):
    """Columns of METRICS: null together, but for how many equal audits they would rest on."""

    calibration_error: float | None
    calibration_auroc: float | None
    calibration_sample_size: float | None


UNKNOWN = CalibrationShown(None, None, None)


def calibration_of(student_decisions: pl.DataFrame, expert_audits: pl.DataFrame) -> CalibrationShown:
    """Return the weighted error (10 bins) and AUROC of the Student's probability of a violation.

    The probability is its confidence where it proposed a violation, else 1 - confidence, as it was given before
    the audit. The sample size is Kish's effective one, (Σ w)² / Σ w².
    """
    both = student_decisions.select(
        "comment_id",
        probability=pl.when(pl.col("category") == NO_VIOLATION)
        .then(1 - pl.col("confidence"))
        .otherwise(pl.col("confidence")),
    ).join(
        expert_audits.select(
            "comment_id",
            is_violation=pl.col("category") != NO_VIOLATION,
            weight=1 / pl.col("audit_probability"),
        ),
        on="comment_id",
        maintain_order="left",
    )
    both = both.drop_nulls()
    if both.is_empty():
        return UNKNOWN
    probability, violation, weight = (both[name].to_numpy() for name in both.columns[1:])
    size = effective_sample_size(weight)
    if size < LEAST_SAMPLE or violation.all() or not violation.any():
        return UNKNOWN._replace(calibration_sample_size=size)
    return CalibrationShown(
        _error(probability, violation, weight), auroc(probability, violation, weight), size
    )


def _error(probability: Floats, violation: NDArray[np.bool_], weight: Floats) -> float:
    """Return the weighted mean of |mean probability - share of violations| over bins of equal width."""
    place = np.minimum((probability * BINS).astype(np.int64), BINS - 1)
    gaps = np.bincount(place, weight * (probability - violation), minlength=BINS)
    return float(np.abs(gaps).sum() / weight.sum())
