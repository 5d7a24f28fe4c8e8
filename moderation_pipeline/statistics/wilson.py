"""The score interval of a share (Wilson 1927), at a number of cases that may be an effective one."""

from __future__ import annotations

from math import sqrt

Z = 1.96


def wilson(rate: float, number: float) -> tuple[float, float]:
    """Return the 95 % score interval of a share found among `number` (Wilson 1927)."""
    middle = (rate + Z * Z / (2 * number)) / (1 + Z * Z / number)
    half = Z * sqrt(rate * (1 - rate) / number + Z * Z / (4 * number * number)) / (1 + Z * Z / number)
    return max(0.0, min(rate, middle - half)), min(1.0, max(rate, middle + half))
