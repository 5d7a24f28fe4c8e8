"""How well scores put violations first: AUROC, average precision, and the share of violations at the top.

Each with its 95 % interval by resampling users with all their comments, as `bootstrap.py` does for sums: what is
ranked can't be summed, so each resample weighs the ranked rows anew. Rows of equal scores count as if chance had put
them in order.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from moderation_pipeline.statistics.bootstrap import LEAST_DEFINED, LEAST_USERS, NOTHING, TAIL, Interval

Floats = NDArray[np.float64]

TOP = 0.05
"""The share of comments that is looked at from the top."""

RESAMPLES = 300

LEAST_VIOLATIONS = 10
"""Fewer violations than this rank nothing."""


class RankingFound(NamedTuple):
    """AUROC; average precision; the share of violations among the `TOP` share of comments with the highest scores."""

    auroc: float
    average_precision: float
    in_top: float


class RankingShown(NamedTuple):
    """A ranking with intervals, undefined together where there are too few violations."""

    auroc: Interval = NOTHING
    average_precision: Interval = NOTHING
    in_top: Interval = NOTHING


def ranking_of(
    scores: Floats, outcomes: NDArray[np.bool_], who: NDArray[np.int64], *, seed: int
) -> RankingShown:
    """Return how well scores rank outcomes; `who` numbers users from 0.

    No interval is given where violations are of too few users: it would be too narrow.
    """
    if outcomes.sum() < LEAST_VIOLATIONS or outcomes.all():
        return RankingShown()
    ranked = _Ranked(scores, outcomes)
    point = ranked.weighed(np.ones(len(scores)))
    if point is None or len(np.unique(who[outcomes])) < LEAST_USERS:
        return RankingShown(*(Interval(each, None, None) for each in point or ()))
    random, users = np.random.default_rng(seed), int(who.max()) + 1
    drawn = [
        found
        for _ in range(RESAMPLES)
        if (
            found := ranked.weighed(
                random.multinomial(users, np.full(users, 1 / users))[who].astype(np.float64)
            )
        )
    ]
    return RankingShown(*(_interval(*each) for each in zip(point, zip(*drawn, strict=True), strict=True)))


def _interval(point: float, drawn: Sequence[float]) -> Interval:
    if len(drawn) < LEAST_DEFINED * RESAMPLES:
        return Interval(point, None, None)
    low, high = np.quantile(drawn, [TAIL, 1 - TAIL])
    return Interval(point, min(point, float(low)), max(point, float(high)))


class _Ranked:
    """Outcomes in the order of their scores, the highest first, and where equal scores end."""

    def __init__(self, scores: Floats, outcomes: NDArray[np.bool_]) -> None:
        self._order = np.argsort(-scores, kind="stable")
        in_order = scores[self._order]
        self._ends = np.flatnonzero(np.append(in_order[1:] != in_order[:-1], True))
        self._outcomes = outcomes[self._order]

    def weighed(self, weights: Floats) -> RankingFound | None:
        """Return the ranking with each row as often as its weight; null where one kind is missing."""
        in_order = weights[self._order]
        hits = np.cumsum(np.where(self._outcomes, in_order, 0.0))[self._ends]
        others = np.cumsum(np.where(self._outcomes, 0.0, in_order))[self._ends]
        if not hits[-1] or not others[-1]:
            return None
        gained = np.diff(hits, prepend=0.0) / hits[-1]
        below = others[-1] - (others + np.append(0.0, others[:-1])) / 2
        seen = hits + others
        precision = np.divide(hits, seen, out=np.zeros(len(seen)), where=seen > 0)
        in_top = np.interp(TOP * seen[-1], np.append(0.0, seen), np.append(0.0, hits)) / hits[-1]
        return RankingFound(float(gained @ below / others[-1]), float(gained @ precision), float(in_top))
