"""The guard: a head must not do worse than its base, or the base decides again until it no longer does.

Both are compared on the audits that chance chose, each weighted by 1 / its probability: floors may differ by what
was proposed, so unweighted audits would be a biased sample of the window. What is compared is F1, which thresholds are
chosen for: where violations are rare the share of right answers is greatest for whoever never sees one.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from math import sqrt
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from moderation_pipeline.plan import Plan
from moderation_pipeline.statistics.weighted_audits import effective_sample_size
from moderation_pipeline.statistics.wilson import Z

Flags = NDArray[np.bool_]

LEAST = 20
"""What the audits must be worth, in equal ones, before the guard says anything: an interval of fewer is mere noise."""


class Standoff(NamedTuple):
    """By how much the head is better than the base over the window, its 95 % interval, and its audits.

    The weighted mean of (head right - base right), an error about a violation counting 2 - F and another F, where F is
    the base's F1: its sign is that of the difference of the two F1, of which it is linear in the errors.
    """

    difference: float
    low: float
    high: float
    audits: int


class Compared(NamedTuple):
    """One audit: who was right, whether there was a violation, and 1 / its probability."""

    head_is_right: bool
    base_is_right: bool
    is_violation: bool
    weight: float


class Guard:
    """Keeps the last `window` audits that chance chose."""

    def __init__(self, window: int) -> None:
        self._compared: deque[Compared] = deque(maxlen=window)
        self.fallbacks = 0
        self._has_fallen_back = False
        self._has_news = False
        self._standoff: Standoff | None = None

    @property
    def has_fallen_back(self) -> bool:
        """Whether the base decides for now."""
        return self._has_fallen_back

    def take_in(self, compared: Compared) -> None:
        """Count one audit that chance chose; the head is compared whether or not it decided."""
        self._compared.append(compared)
        self._has_news = True

    def begin_again(self, compared: Sequence[Compared]) -> None:
        """Forget what was compared, for something better is known of the same audits."""
        self._compared.clear()
        self._compared.extend(compared)
        self._has_news = True

    def judge(self) -> Standoff | None:
        """Compare once more, after a batch of audits; None while there are too few to compare."""
        if self._has_news:
            self._standoff, self._has_news = self._compared_now(), False
            if self._standoff is not None:
                is_worse = self._standoff.high < 0
                self.fallbacks += is_worse and not self._has_fallen_back
                self._has_fallen_back = is_worse
        return self._standoff

    def _compared_now(self) -> Standoff | None:
        head, base, violation, weights = np.array(self._compared, dtype=np.float64).reshape(-1, 4).T
        if effective_sample_size(weights) < LEAST:
            return None
        f1 = _f1(base > 0, violation > 0, weights)
        differences = (head - base) * np.where(violation > 0, 2 - f1, f1)
        mean = float(np.average(differences, weights=weights))
        # The variance of a weighted mean whose weights are known, as of a ratio estimator.
        half = Z * sqrt(float((weights**2 * (differences - mean) ** 2).sum())) / float(weights.sum())
        return Standoff(mean, mean - half, mean + half, len(weights))


def _f1(is_right: Flags, is_violation: Flags, weights: NDArray[np.float64]) -> float:
    """Return F1 of answers that are right or wrong; 0 where nothing is hit."""
    hits, errors = float(weights[is_right & is_violation].sum()), float(weights[~is_right].sum())
    return 2 * hits / (2 * hits + errors) if hits else 0.0


def is_right(plan: Plan | None, audited: Plan) -> bool:
    """Whether a plan sees a violation where the audit does, and sanctions where it would."""
    return (
        plan is not None
        and plan.is_violation == audited.is_violation
        and plan.action.is_sanction == audited.action.is_sanction
    )
