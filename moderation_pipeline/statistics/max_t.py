"""Intervals of several differences that hold together: max-t over resamples that they share.

Of 13 equal configs some differ "significantly" from a given one in a third of all chats, if each difference has a
95 % interval of its own. Here the largest of all deviations, each in its own standard errors, is read off every
resample, and its 95th percentile is how many standard errors every interval reaches (Westfall & Young 1993, section
2.6; Davison & Hinkley 1997): all of them hold at once with 95 %, and how the differences depend on each other costs
nothing. Single estimates have `bootstrap.interval`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from moderation_pipeline.statistics.bootstrap import LEAST_DEFINED, NOTHING, TAIL, Array, Interval

NO_SPREAD = 1e-12
"""A smaller standard error is none: the two are one and the same in every resample."""


class Difference(NamedTuple):
    """A difference (nan: undefined), the same in each resample, and by how much its standard error falls short."""

    point: float
    drawn: Array
    stretch: float = 1.0

    @property
    def error(self) -> float:
        """Return the standard error; nan where too few resamples define it."""
        defined = self.drawn[~np.isnan(self.drawn)]
        enough = len(defined) and len(defined) >= LEAST_DEFINED * len(self.drawn)
        return float(np.std(defined)) if enough else float("nan")


def together(differences: Sequence[Difference]) -> list[Interval]:
    """Return an interval for each, which hold together with 95 %; no bounds where there are no resamples."""
    reach = _reach(differences)
    return [_interval(each, reach) for each in differences]


def of_shares(found: Interval) -> Interval:
    """Return the difference of two shares within what there can be: none is larger than another by more than 1."""
    low, high = (None if bound is None else min(max(bound, -1.0), 1.0) for bound in (found.low, found.high))
    return Interval(found.estimate, low, high)


def _interval(difference: Difference, reach: float) -> Interval:
    point, error = difference.point, difference.error
    if np.isnan(point):
        return NOTHING
    if np.isnan(error):
        return Interval(point, None, None)
    half = 0.0 if error < NO_SPREAD else reach * error * difference.stretch
    return Interval(point, point - half, point + half)


def _reach(differences: Sequence[Difference]) -> float:
    """Return how many standard errors the largest deviation of all reaches in 95 % of the resamples."""
    deviations = [
        np.abs(np.nan_to_num(each.drawn - each.point)) / each.error
        for each in differences
        if not np.isnan(each.point) and each.error >= NO_SPREAD
    ]
    return float(np.quantile(np.max(deviations, axis=0), 1 - 2 * TAIL)) if deviations else 0.0
