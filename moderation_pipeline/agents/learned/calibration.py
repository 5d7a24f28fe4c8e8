"""Calibration of a head's scores, from predictions made before each audit was known.

Audits are a biased sample (the uncertain ones are sought out), so each counts 1 / its audit probability
(Horvitz & Thompson 1952, doi:10.1080/01621459.1952.10483446). Scores become probabilities by Platt's two
parameters (Platt 1999). The threshold is the one of the greatest expected F1 of Student and audits together, over
recent comments: chosen from a few hundred weighted audits alone it would jump about.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import log

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize
from scipy.special import expit

from moderation_pipeline.agents.learned.recent_scores import Alone
from moderation_pipeline.statistics.weighted_audits import Floats, auroc, effective_sample_size

TINY = 1e-9
"""No threshold is nearer to 0: its log-odds must be finite."""

LEAST_SHRUNK = 1e-4
"""How much the slope is shrunk, beside audits that count 1 each: scores that part the kinds have a finite one."""

FLAT = 1e-8
"""The slope of the mean loss from which on its least is found."""


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

    def score(self, probability: float) -> float:
        """Return the score that has this calibrated probability; only of scales that rank the right way round."""
        kept = min(1 - TINY, max(TINY, probability))
        return (log(kept / (1 - kept)) - self.intercept) / self.slope


UNCALIBRATED = Calibration(1.0, 0.0, 0.0, 0.0, None, is_fitted=False)
"""The head's own scale: log-odds with classes balanced, a violation from even odds on. It decides nothing."""


EVEN = 0.5
"""From this share of violations on, a head that tells nothing apart says yes to all, where folds give that more F1 than
its base has. Where they are fewer its base decides, however bad it is: a head that knows nothing silences no chat.
"""

HARDLY, EVERYTHING = 1e-6, -1e6
"""A slope that leaves every score as likely as all are, and a threshold below every score."""


def calibrate(
    scores: Floats,
    outcomes: NDArray[np.bool_],
    weights: Floats,
    alone: Alone,
    *,
    least: float,
    acts_from: float | None = None,
) -> Calibration:
    """Return the calibration by these audits, or the head's own scale where too little is behind it.

    `scores` were made before each audit; `outcomes` say whether it was a violation; `weights` are 1 / audit
    probability; `alone` is what the threshold is chosen over, where `acts_from` doesn't say it.
    """
    size = effective_sample_size(weights)
    if size < least or outcomes.all() or not outcomes.any():
        return Calibration(1.0, 0.0, 0.0, size, None, is_fitted=False)
    slope, intercept = platt(scores, outcomes, weights)
    if slope <= 0:
        # Scores that rank the wrong way round can't be put right by two parameters: each is as likely as all are.
        share = float(np.average(outcomes, weights=weights))
        is_fitted = share >= max(EVEN, acts_from or 0.0)
        found = (HARDLY, log(share / (1 - share)), EVERYTHING) if is_fitted else (1.0, 0.0, 0.0)
        return Calibration(*found, size, auroc(scores, outcomes, weights), is_fitted=is_fitted)
    calibrated = Calibration(slope, intercept, 0.0, size, auroc(scores, outcomes, weights), is_fitted=True)
    probabilities = calibrated.probabilities(alone.scores)
    if acts_from is None:
        acts_from = best_threshold(probabilities, alone.alone, alone.audited)
    # Where nothing was seen between the harmless and the rest, what falls between them is let be.
    called = alone.scores[probabilities >= acts_from]
    return replace(calibrated, threshold=float(called.min()) if len(called) else calibrated.score(acts_from))


def platt(scores: Floats, outcomes: NDArray[np.bool_], weights: Floats) -> tuple[float, float]:
    """Return the slope and the intercept that make scores log-odds.

    By SciPy's trust region with the exact curvature: scikit-learn's logistic regression takes ten times as long for two
    parameters, to something less exact.
    """
    shares, signs = weights / weights.sum(), np.where(outcomes, 1.0, -1.0)
    columns = np.stack([scores, np.ones(len(scores))])
    shrinks = np.array([LEAST_SHRUNK / len(scores), 0.0])

    def loss(found: Floats) -> float:
        return float(shares @ np.logaddexp(0, -signs * (found @ columns)) + shrinks @ found**2 / 2)

    def slope(found: Floats) -> Floats:
        steep: Floats = columns @ (shares * (expit(found @ columns) - outcomes)) + shrinks * found
        return steep

    def curvature(found: Floats) -> Floats:
        likely = expit(found @ columns)
        curved: Floats = (columns * (shares * likely * (1 - likely))) @ columns.T + np.diag(shrinks)
        return curved

    least = minimize(
        loss, np.zeros(2), jac=slope, hess=curvature, method="trust-exact", options={"gtol": FLAT}
    )
    return float(least.x[0]), float(least.x[1])


def best_threshold(probabilities: Floats, alone: Floats, audited: Floats) -> float:
    """Return the probability from which calling a violation has the greatest expected F1 of the whole system.

    `alone` says for how many comments each probability stands that nobody audits, `audited` for how many that
    somebody does: where an audit decides, a threshold decides nothing. F1 in expectation is
    2 Σ p (over those audited or called) / (Σ p (over all) + Σ p (over those audited) + number called), and the
    threshold half of the greatest (Lipton, Elkan & Naryanaswamy 2014, doi:10.1007/978-3-662-44851-9_15).
    """
    order = np.argsort(-probabilities, kind="stable")
    each = alone[order]
    found = float(audited @ probabilities)
    hits = np.concatenate([[0.0], np.cumsum(each * probabilities[order])])
    called = np.concatenate([[0.0], np.cumsum(each)])
    return float(np.max((found + hits) / np.maximum(2 * found + called + hits[-1], TINY)))


def closeness(scores: Floats, threshold: float, ranked: Floats) -> list[float]:
    """Return 1 less the share of recent scores, `ranked` from the lowest, that lie between each and the threshold."""
    places = np.searchsorted(ranked, scores) - np.searchsorted(ranked, threshold)
    result: list[float] = (1 - np.abs(places) / max(1, len(ranked))).tolist()
    return result
