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
    ranked, users = _Ranked(scores, outcomes, who), int(who.max()) + 1
    point = ranked.weighed(np.ones(users))
    if point is None or len(np.unique(who[outcomes])) < LEAST_USERS:
        return RankingShown(*(Interval(each, None, None) for each in point or ()))
    random, chance = np.random.default_rng(seed), np.full(users, 1 / users)
    resamples = (
        ranked.weighed(random.multinomial(users, chance).astype(np.float64)) for _ in range(RESAMPLES)
    )
    drawn = [each for each in resamples if each is not None]
    return RankingShown(*(_interval(*each) for each in zip(point, zip(*drawn, strict=True), strict=True)))


def _interval(point: float, drawn: Sequence[float]) -> Interval:
    if len(drawn) < LEAST_DEFINED * RESAMPLES:
        return Interval(point, None, None)
    low, high = np.quantile(drawn, [TAIL, 1 - TAIL])
    return Interval(point, min(point, float(low)), max(point, float(high)))


class _Ranked:
    """Comments in the order of their scores, the highest first, cut where a violation stands.

    A part is one score that a violation has, with all that have it, or all comments between two such: within it nothing
    needs to be told apart, so that a resample costs one pass over the comments.
    """

    def __init__(self, scores: Floats, outcomes: NDArray[np.bool_], who: NDArray[np.int64]) -> None:
        order = np.argsort(-scores, kind="stable")
        in_order = scores[order]
        is_new = np.ones(len(scores), dtype=np.bool_)
        is_new[1:] = in_order[1:] != in_order[:-1]
        score = np.cumsum(is_new) - 1
        has_violation = np.bincount(score, outcomes[order]) > 0
        borders = has_violation | np.append(True, has_violation[:-1])
        begins = is_new & borders[score]
        self._who = who[order]
        self._starts = np.flatnonzero(begins)
        self._violations = np.flatnonzero(outcomes[order])
        self._part_of_violation = (np.cumsum(begins) - 1)[self._violations]

    def weighed(self, by_user: Floats) -> RankingFound | None:
        """Return the ranking with each user's comments as often as his weight; null where one kind is missing."""
        weights = by_user[self._who]
        seen = np.add.reduceat(weights, self._starts)
        hits = np.bincount(self._part_of_violation, weights[self._violations], minlength=len(seen))
        others = seen - hits
        if not hits.any() or not others.any():
            return None
        all_hits, all_seen = np.cumsum(hits), np.cumsum(seen)
        gained = hits / all_hits[-1]
        # Of those that stand in the same part half count as below.
        below = others.sum() - np.cumsum(others) + others / 2
        precision = np.divide(all_hits, all_seen, out=np.zeros(len(seen)), where=all_seen > 0)
        depth = TOP * all_seen[-1]
        in_top = np.interp(depth, np.append(0.0, all_seen), np.append(0.0, all_hits)) / all_hits[-1]
        return RankingFound(float(gained @ below / others.sum()), float(gained @ precision), float(in_top))
