"""Tests of two judges on the same rows: McNemar's, exact, and Holm's correction for looking at several pairs.

They take rows as independent, which bootstraps over users (`bootstrap`, `max_t`) do not; where the two disagree, the
bootstrap is right.
"""

from __future__ import annotations

from collections.abc import Sequence

from scipy.special import bdtr, ndtr


def mcnemar(only_one: int, only_other: int) -> float:
    """Return the two-sided p of two judges being right equally often, by the rows on which one alone is right."""
    rows = only_one + only_other
    return min(1.0, 2 * float(bdtr(min(only_one, only_other), rows, 0.5))) if rows else 1.0


def p_of_difference(point: float, error: float) -> float:
    """Return the two-sided p of a difference with that standard error being nought; 1 where nothing varies."""
    return float(2 * ndtr(-abs(point) / error)) if error > 0 else float(point == 0)


def holm(p_values: Sequence[float]) -> list[float]:
    """Return the p-values corrected so that one below .05 among them is a false one in 5 % at most (Holm 1979)."""
    corrected, highest = [0.0] * len(p_values), 0.0
    for rank, at in enumerate(sorted(range(len(p_values)), key=p_values.__getitem__)):
        highest = max(highest, min(1.0, p_values[at] * (len(p_values) - rank)))
        corrected[at] = highest
    return corrected
