"""How far the Student's confidence can be believed, by the run's audits.

Audits are a biased sample, so each counts 1 / its probability (Horvitz & Thompson 1952). A mean of absolute gaps is
never nought, however right the confidence is: with 60 audits a perfect Student would be "off by 10 points". So what
chance alone makes of the gaps is taken off, and there is an interval. The expected calibration error is never given
without AUROC: a Student that gives every comment the base rate is perfectly calibrated and of no use. Calibrating is
the learned Student's business, not this room's.
"""

from __future__ import annotations

from math import pi, sqrt
from typing import NamedTuple

import numpy as np
import polars as pl
from numpy.typing import NDArray

from moderation_pipeline.evaluation.judged import NO_VIOLATION
from moderation_pipeline.statistics.bootstrap import TAIL
from moderation_pipeline.statistics.weighted_audits import Floats, auroc, effective_sample_size

BINS = 10
"""Bins of equal weight: of equal width most would hold a few audits each."""

RESAMPLES = 400
LEAST_SAMPLE = 50.0
"""Audits worth fewer equal ones than this show nothing: every bin would be noise."""


class CalibrationShown(NamedTuple):
    """Columns of METRICS: null together, but for how many equal audits they would rest on."""

    calibration_error: float | None
    calibration_auroc: float | None
    calibration_sample_size: float | None
    calibration_error_low: float | None = None
    calibration_error_high: float | None = None


UNKNOWN = CalibrationShown(None, None, None)


class GapFromTruth(NamedTuple):
    """The mean gap between confidence and truth, less what chance makes of it, with its 95 % interval."""

    error: float
    low: float
    high: float


def calibration_of(student_decisions: pl.DataFrame, expert_audits: pl.DataFrame) -> CalibrationShown:
    """Return the weighted error (10 bins), its interval, and the AUROC of the Student's probability of a violation.

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
    found = calibration_error(probability, violation, weight)
    return CalibrationShown(found.error, auroc(probability, violation, weight), size, found.low, found.high)


def calibration_error(
    probability: Floats,
    violation: NDArray[np.bool_],
    weight: Floats,
    *,
    cluster: NDArray[np.int64] | None = None,
    seed: int = 1,
) -> GapFromTruth:
    """Return the weighted mean of |mean probability - share of violations| over bins, debiased.

    Taken off is what chance adds (after Kumar, Liang & Ma 2019, arXiv:1909.10155, who do so for squared gaps). The
    interval is the basic bootstrap's over audits, or over clusters of them, numbered from 0: they vary about the
    estimate as resamples do about their mean. Neither is below nought.
    """
    place = _bins(probability, weight)
    error = max(
        0.0,
        mean_gap(probability, violation, weight, place) - _by_chance(probability, violation, weight, place),
    )
    of_cluster = np.arange(probability.size) if cluster is None else cluster
    clusters = int(of_cluster.max()) + 1
    random, drawn = np.random.default_rng(seed), []
    for _ in range(RESAMPLES):
        times = np.bincount(random.integers(clusters, size=clusters), minlength=clusters)
        drawn.append(mean_gap(probability, violation, weight * times[of_cluster], place))
    low, high = np.quantile(drawn, [TAIL, 1 - TAIL]) - np.mean(drawn)
    return GapFromTruth(error, max(0.0, error - float(high)), error - float(low))


def _bins(probability: Floats, weight: Floats) -> NDArray[np.int64]:
    """Return which bin of equal weight each is in; equal probabilities share one."""
    values, which = np.unique(probability, return_inverse=True)
    by_value = np.bincount(which, weight, minlength=values.size)
    middle = (np.cumsum(by_value) - by_value / 2) / by_value.sum()
    of_value: NDArray[np.int64] = np.minimum((middle * BINS).astype(np.int64), BINS - 1)
    return of_value[which]


def mean_gap(
    probability: Floats, violation: NDArray[np.bool_], weight: Floats, place: NDArray[np.int64]
) -> float:
    """Return the weighted mean of the absolute gaps of the bins, chance and all."""
    gaps = np.bincount(place, weight * (probability - violation), minlength=BINS)
    return float(np.abs(gaps).sum() / weight.sum())


def _by_chance(
    probability: Floats, violation: NDArray[np.bool_], weight: Floats, place: NDArray[np.int64]
) -> float:
    """Return what chance adds to the mean gap.

    Where a bin's probability is right its gap is on average √(2/π) standard errors s, where it is far off chance adds
    nothing. √2 exp(-gap² / 2 s²) of that is 1 on average in the first case, and 0 in the second.
    """
    gaps = np.bincount(place, weight * (probability - violation), minlength=BINS)
    variance = np.bincount(place, weight**2 * probability * (1 - probability), minlength=BINS)
    in_errors = np.divide(gaps**2, variance, out=np.zeros(BINS), where=variance > 0)
    added = sqrt(2 / pi) * np.sqrt(variance) * sqrt(2) * np.exp(-in_errors / 2)
    return float(added.sum() / weight.sum())
