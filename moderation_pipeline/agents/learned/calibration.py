"""Calibration of a head's scores, from predictions made before each audit was known.

Audits are a biased sample (the uncertain ones are sought out), so each counts 1 / its audit probability
(Horvitz & Thompson 1952, doi:10.1080/01621459.1952.10483446). Scores become probabilities by Platt's two
parameters (Platt 1999). The threshold is the one of the greatest expected F1 over recent comments, audited or
not: chosen from a few hundred weighted audits alone it would jump about.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression

from moderation_pipeline.statistics.weighted_audits import Floats, auroc, effective_sample_size

WINDOW = 4_096
"""Recent scores whose expected F1 decides the threshold."""


@dataclass(frozen=True, slots=True)
class Calibration:
    """Probability = 1 / (1 + exp(-(slope · score + intercept))); a violation from `threshold` (a score) on.

    `effective_sample_size` is Kish's, (Σ w)² / Σ w², of the weighted audits it rests on. `auroc` is of the
    same predictions and weights: calibration without it says nothing, for a useless head that always answers the
    base rate is perfectly calibrated.
    """

    slope: float
    intercept: float
    threshold: float
    effective_sample_size: float
    auroc: float | None
    is_fitted: bool

    def probabilities(self, scores: Floats) -> Floats:
        """Return the calibrated probability of a violation for each score."""
        result: Floats = 1 / (1 + np.exp(-(self.slope * scores + self.intercept)))
        return result

    def probability(self, score: float) -> float:
        """Return the calibrated probability of a violation for one score."""
        return float(self.probabilities(np.array([score]))[0])


UNCALIBRATED = Calibration(1.0, 0.0, 0.0, 0.0, None, is_fitted=False)
"""The head's own scale: log-odds with classes balanced, a violation from even odds on. It decides nothing."""


def calibrate(
    scores: Floats,
    outcomes: NDArray[np.bool_],
    weights: Floats,
    recent: Floats,
    *,
    least: float,
    recent_weights: Floats | None = None,
) -> Calibration:
    """Return the calibration by these audits, or the head's own scale where too little is behind it.

    `scores` were made before each audit; `outcomes` say whether it was a violation; `weights` are 1 / audit
    probability; `recent` are scores of comments, audited or not, that the threshold is chosen over, each standing
    for as many as `recent_weights` says (for one, left out).
    """
    size = effective_sample_size(weights)
    if size < least or outcomes.all() or not outcomes.any():
        return Calibration(1.0, 0.0, 0.0, size, None, is_fitted=False)
    slope, intercept = platt(scores, outcomes, weights)
    if slope <= 0:
        # Scores that rank the wrong way round can't be put right by two parameters; the guard will see to it.
        return Calibration(1.0, 0.0, 0.0, size, auroc(scores, outcomes, weights), is_fitted=False)
    calibrated = Calibration(slope, intercept, 0.0, size, auroc(scores, outcomes, weights), is_fitted=True)
    threshold = best_threshold(recent, calibrated.probabilities(recent), recent_weights)
    return Calibration(slope, intercept, threshold, size, calibrated.auroc, is_fitted=True)


def platt(scores: Floats, outcomes: NDArray[np.bool_], weights: Floats) -> tuple[float, float]:
    """Return the slope and the intercept that make scores log-odds."""
    model = LogisticRegression(C=1e4, solver="lbfgs")
    model.fit(scores[:, None], outcomes, sample_weight=weights / weights.mean())
    return float(model.coef_[0, 0]), float(model.intercept_[0])


def best_threshold(scores: Floats, probabilities: Floats, weights: Floats | None = None) -> float:
    """Return the score from which calling a violation has the greatest expected F1.

    F1 in expectation is 2 Σ p (over those called) / (number called + Σ p (over all)).
    """
    order = np.argsort(-scores, kind="stable")
    each = np.ones(len(scores)) if weights is None else weights[order]
    hits = np.cumsum(each * probabilities[order])
    expected = 2 * hits / (np.cumsum(each) + hits[-1])
    best = int(np.argmax(expected))
    return float(scores[order[best]])


def closeness(scores: Floats, threshold: float, recent: Floats) -> list[float]:
    """Return 1 less the share of recent scores that lie between each score and the threshold."""
    ranked = np.sort(recent)
    places = np.searchsorted(ranked, scores) - np.searchsorted(ranked, threshold)
    result: list[float] = (1 - np.abs(places) / max(1, len(ranked))).tolist()
    return result
