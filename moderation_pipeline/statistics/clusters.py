"""By how much an interval from resampling users falls short: where users are few, and where texts are copied.

Both are factors on the distance of a bound from its estimate (`few` and `copies` of `bootstrap.interval`).
"""

from __future__ import annotations

from math import sqrt
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from scipy.special import stdtrit

from moderation_pipeline.statistics.bootstrap import TAIL, Array, effective_number
from moderation_pipeline.statistics.wilson import Z

LEAST_FREEDOM = 2.0
"""Fewer users (or texts) than this leave a variance no degree of freedom; they are taken for as many."""


def freedom_of(per_user: Array, sizes: npt.NDArray[np.int64]) -> float:
    """Return how many equal users a variance between users has been learnt from.

    The harmonic mean of those who weigh anything and Kish's effective number: by the first alone intervals are too
    narrow where one user writes 40 %, by the second alone half as wide again as they need be (`benchmarks/estimators`).

    Args:
        per_user: what a user of each kind weighs.
        sizes: how many users are of each kind.
    """
    number = float(sizes[per_user > 0].sum())
    effective = effective_number(per_user, sizes)
    return 2 / (1 / number + 1 / effective) if number else 0.0


def of_few_users(users: float) -> float:
    """Return what the percentiles of a bootstrap over so many users (`freedom_of`) have to be stretched by.

    Student's t for the normal's quantile, and a variance over m - 1 for one over m (Cameron, Gelbach & Miller 2008,
    doi:10.1162/rest.90.3.414): with 10 to 50 users percentiles hold the truth in some 90 of 100 worlds for 95.
    """
    number = max(LEAST_FREEDOM, users)
    return float(stdtrit(number - 1, 1 - TAIL)) / Z * sqrt(number / (number - 1))


class Copies(NamedTuple):
    """What copied texts add to the variance of an estimate, and how many equal texts that has been learnt from."""

    variance: float
    texts: float


NO_COPIES = Copies(0.0, 0.0)


def copies_of(text: npt.NDArray[np.int64], influence: Array, left_out: Array | None = None) -> Copies:
    """Return what resampling texts besides users adds to an estimate's variance.

    Who errs at a text errs at each of its copies, whoever writes them, so users are not independent. The variance by
    users *and* texts is that by users, plus that by texts, less that by user and text (Cameron, Gelbach & Miller 2011,
    doi:10.1198/jbes.2010.07136; resampling both, as Owen & Eckles 2012, doi:10.1214/12-AOAS547, finds it and a little
    more). In the last two all texts that only one user wrote cancel out, so only the others are asked for. Where a few
    texts make most copies, the variance by texts is learnt from those few: Satterthwaite's 3 (Σ s)² / Σ s² of squares
    s, for the square of a normal number's square is 3 on average. Such a text has also drawn the estimate to itself, so
    that to first order it seems to err less than it does; leaving it out shows by how much (the jackknife's variance:
    Bell & McCaffrey 2002; MacKinnon, Nielsen & Webb 2023). With 60 % copies coverage is 95 to 97 and not 92 to 95
    (`benchmarks/estimators`).

    Args:
        text: which text each row is of, from 0; a row is one user's copies of one text.
        influence: what the row adds to the estimate's linear approximation.
        left_out: by how much the estimate falls without each text; to first order where that is not known.
    """
    by_text = np.square(np.bincount(text, influence).astype(np.float64) if left_out is None else left_out)
    texts = 3 * effective_number(by_text, np.ones(len(by_text), dtype=np.int64))
    return Copies(float(by_text.sum() - (influence**2).sum()), texts)


class Widening(NamedTuple):
    """By what the bounds of a bootstrap over users have to be stretched: for few users and texts, and for copies."""

    few: float
    copies: float


def stretch(*, users: float, by_users: float, copies: Copies) -> Widening:
    """Return the stretch for a variance by so many users (`freedom_of`) and what copies add to it; never below 1.

    How many the whole variance has been learnt from is Satterthwaite's (1946) for a sum of two.
    """
    if by_users <= 0 or copies.variance <= 0:
        return Widening(of_few_users(users), 1.0)
    whole = by_users + copies.variance
    share = by_users / whole
    users, texts = max(LEAST_FREEDOM, users), max(LEAST_FREEDOM, copies.texts)
    number = 1 / (share**2 / users + (1 - share) ** 2 / texts)
    return Widening(of_few_users(number), sqrt(whole / by_users))
