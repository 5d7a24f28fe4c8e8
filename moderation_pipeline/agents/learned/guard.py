"""The guard: a head must not do worse than its base, or the base decides again until it no longer does.

Both are compared on the random audits alone, which are a fair sample; each has the same chance, so a plain
mean of the differences is unbiased within the window.
"""

from __future__ import annotations

from collections import deque
from math import sqrt
from typing import NamedTuple

Z = 1.96
LEAST = 20
"""Random audits before the guard says anything: an interval of fewer is mere noise."""


class Standoff(NamedTuple):
    """The mean of (head right - base right) over the window, and its 95 % interval."""

    difference: float
    low: float
    high: float
    audits: int


class Guard:
    """Keeps the last `window` random audits: where the head was right and the base wrong, or the reverse."""

    def __init__(self, window: int) -> None:
        self._differences: deque[int] = deque(maxlen=window)
        self.fallbacks = 0
        self._has_fallen_back = False

    @property
    def has_fallen_back(self) -> bool:
        """Whether the base decides for now."""
        return self._has_fallen_back

    def take_in(self, *, head_is_right: bool, base_is_right: bool) -> None:
        """Count one random audit; the head is compared whether or not it decided."""
        self._differences.append(int(head_is_right) - int(base_is_right))

    def judge(self) -> Standoff | None:
        """Compare once more, after a batch of audits; None while there are too few to compare."""
        count = len(self._differences)
        if count < LEAST:
            return None
        mean = sum(self._differences) / count
        variance = sum((each - mean) ** 2 for each in self._differences) / (count - 1)
        half = Z * sqrt(variance / count)
        standoff = Standoff(mean, mean - half, mean + half, count)
        is_worse = standoff.high < 0
        self.fallbacks += is_worse and not self._has_fallen_back
        self._has_fallen_back = is_worse
        return standoff
