"""What weighted audits show: how many equal ones they are worth, how good answers are and how well scores rank.

Here the learned Student and the judging of any Student meet: both weigh an audit by 1 / its probability.
Calibrating is `calibration.py`'s.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


def effective_sample_size(weights: Floats, counts: NDArray[np.int64] | None = None) -> float:
    """Return how many equal weights say as much (Kish 1965): (Σ w)² / Σ w², each counted so often; 0 of none."""
    if counts is None:
        total, squares = float(weights.sum()), float((weights**2).sum())
    else:
        total, squares = float(counts @ weights), float(counts @ weights**2)
    return total**2 / squares if squares else 0.0


def weighted_f1(said: NDArray[np.bool_], truth: NDArray[np.bool_], weights: Floats) -> float:
    """Return F1 of the positive class, each observation standing for as many as its weight; 0 where nothing is hit."""
    hits = float(weights[said & truth].sum())
    both = float(weights[said].sum() + weights[truth].sum())
    return 2 * hits / both if both else 0.0


def auroc(scores: Floats, outcomes: NDArray[np.bool_], weights: Floats) -> float:
    """Return the weighted area under the ROC curve: how often a violation scores above another comment."""
    order = np.argsort(scores, kind="stable")
    ranked, is_violation, weight = scores[order], outcomes[order], weights[order]
    negative = np.where(is_violation, 0.0, weight)
    starts = np.flatnonzero(np.concatenate([[True], ranked[1:] != ranked[:-1]]))
    tied = np.add.reduceat(negative, starts)
    below = np.repeat(np.cumsum(tied) - tied + tied / 2, np.diff(np.append(starts, len(ranked))))
    positive = np.where(is_violation, weight, 0.0)
    return float((positive * below).sum() / (positive.sum() * negative.sum()))
