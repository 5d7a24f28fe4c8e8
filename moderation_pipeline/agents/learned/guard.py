"""The guard: a head must not do worse than its base, or the base decides again until it no longer does.

Both are compared on the audits that chance chose, each weighted by 1 / its probability: floors may differ by what
was proposed, so unweighted audits would be a biased sample of the window.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from math import sqrt
from typing import NamedTuple

import numpy as np

from moderation_pipeline.plan import Plan
from moderation_pipeline.statistics.weighted_audits import effective_sample_size
from moderation_pipeline.statistics.wilson import Z

LEAST = 20
"""What the audits must be worth, in equal ones, before the guard says anything: an interval of fewer is mere noise."""


class Standoff(NamedTuple):
    """The weighted mean of (head right - base right) over the window, its 95 % interval, and its audits."""

    difference: float
    low: float
    high: float
    audits: int


class Compared(NamedTuple):
    """One audit: 1 where the head was right and the base wrong, -1 for the reverse; 1 / its probability."""

    difference: int
    weight: float


class Guard:
    """Keeps the last `window` audits that chance chose."""

    def __init__(self, window: int) -> None:
        self._compared: deque[Compared] = deque(maxlen=window)
        self.fallbacks = 0
        self._has_fallen_back = False

    @property
    def has_fallen_back(self) -> bool:
        """Whether the base decides for now."""
        return self._has_fallen_back

    def take_in(self, *, head_is_right: bool, base_is_right: bool, weight: float) -> None:
        """Count one audit that chance chose; the head is compared whether or not it decided."""
        self._compared.append(Compared(int(head_is_right) - int(base_is_right), weight))

    def begin_again(self, compared: Sequence[Compared]) -> None:
        """Forget what was compared, for something better is known of the same audits."""
        self._compared.clear()
        self._compared.extend(compared)

    def judge(self) -> Standoff | None:
        """Compare once more, after a batch of audits; None while there are too few to compare."""
        differences, weights = np.array(self._compared, dtype=np.float64).reshape(-1, 2).T
        if effective_sample_size(weights) < LEAST:
            return None
        mean = float(np.average(differences, weights=weights))
        # The variance of a weighted mean whose weights are known, as of a ratio estimator.
        half = Z * sqrt(float((weights**2 * (differences - mean) ** 2).sum())) / float(weights.sum())
        standoff = Standoff(mean, mean - half, mean + half, len(weights))
        is_worse = standoff.high < 0
        self.fallbacks += is_worse and not self._has_fallen_back
        self._has_fallen_back = is_worse
        return standoff


def is_right(plan: Plan | None, audited: Plan) -> bool:
    """Whether a plan sees a violation where the audit does, and sanctions where it would."""
    return (
        plan is not None
        and plan.is_violation == audited.is_violation
        and plan.action.is_sanction == audited.action.is_sanction
    )
