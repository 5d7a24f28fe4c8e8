"""Intervals by resampling users: a cluster bootstrap over sums, for any number of estimates at once.

Users are drawn with replacement, as many as there are, and each brings all its comments (Davison and Hinkley
1997, section 3.8; Field and Welsh 2007, doi:10.1111/j.1467-9868.2007.00593.x). Intervals are percentiles.
Users whose rows of sums are equal can't be told apart by any estimate, so how often each *kind* of user is
drawn is one multinomial draw: exact, and a million comments cost what their few thousand kinds cost.

Paired differences come from the same resamples: put the sums of all configs into one frame.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from hashlib import blake2b
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import polars as pl
from scipy.special import betaincinv

from moderation_pipeline.statistics.adding_up import added_up_by
from moderation_pipeline.statistics.weighted_audits import effective_sample_size

Array = npt.NDArray[np.float64]

RESAMPLES = 1_000
TAIL = 0.025
"""What a 95 % interval leaves out at each end."""

RARE = 10
"""Fewer effective trials than this with the rarer outcome, and percentiles alone are not believed."""

LEAST_USERS = 10
"""Below this many users a bootstrap's interval is too narrow to be shown; the estimate stands alone."""

LEAST_DEFINED = 0.9
"""An estimate that is undefined in more than a tenth of the resamples gets no interval."""

MANY_USERS = 100_000
"""From here on users don't fit a cache of half a megabyte."""

_CELLS = 4_000_000
"""Resamples are drawn in chunks of at most this many counts (32 MB)."""


class Interval(NamedTuple):
    """An estimate with the bounds of its 95 % interval; null where undefined or unknown."""

    estimate: float | None
    low: float | None
    high: float | None


NOTHING = Interval(None, None, None)


@dataclass(frozen=True, slots=True)
class Resampled:
    """Sums over all users (`total`, length 1) and over each resample (`resamples`, length RESAMPLES or 0).

    `users` holds the users' own sums by kind and `sizes` how many users are of each kind.
    """

    total: dict[str, Array]
    resamples: dict[str, Array]
    users: dict[str, Array]
    sizes: npt.NDArray[np.int64]

    def part(self, prefix: str) -> Resampled:
        """Return the sums whose names begin with `prefix`, without it: one config's, of a joint resample."""

        def of(sums: dict[str, Array]) -> dict[str, Array]:
            return {name.removeprefix(prefix): sums[name] for name in sums if name.startswith(prefix)}

        return Resampled(of(self.total), of(self.resamples), of(self.users), self.sizes)


def resample(comment_sums: pl.DataFrame, *, seed: str, resamples: int = RESAMPLES) -> Resampled:
    """Return the sums of all resamples of users.

    Args:
        comment_sums: `cluster`, and one float column per sum; any number of rows per cluster.
        seed: words that name this use of chance, such as the chat's name: same words, same resamples.
        resamples: how many; none are drawn below LEAST_USERS users.
    """
    names = [name for name in comment_sums.columns if name != "cluster"]
    # In order of appearance, for kinds in another order would get other draws from the same seed.
    by_user = by_cluster(comment_sums)
    kinds = by_user.group_by(names, maintain_order=True).agg(pl.len().alias("\x00users"))
    sizes = kinds["\x00users"].to_numpy().astype(np.int64)
    rows = kinds.select(names).to_numpy().astype(np.float64)
    drawn = np.empty((0, len(names)))
    if by_user.height >= LEAST_USERS and resamples:
        random = np.random.default_rng(int.from_bytes(blake2b(seed.encode(), digest_size=8).digest(), "big"))
        drawn = np.concatenate([counts @ rows for counts in _draws(random, sizes, resamples)])
    return Resampled(
        total={name: (sizes @ rows[:, i])[None] for i, name in enumerate(names)},
        resamples={name: drawn[:, i] for i, name in enumerate(names)},
        users={name: rows[:, i] for i, name in enumerate(names)},
        sizes=sizes,
    )


def by_cluster(sums: pl.DataFrame) -> pl.DataFrame:
    """Return the sums of each cluster, in order of appearance."""
    return added_up_by(["cluster"], sums)


def _draws(
    random: np.random.Generator, sizes: npt.NDArray[np.int64], resamples: int
) -> Iterator[npt.NDArray[np.float64]]:
    """Yield chunks of (resamples, kinds): how often each kind of user was drawn.

    A kind costs a multinomial draw about 25 times what drawing one user costs, and 7 times where users are so many
    that they don't fit a processor's cache. So where most users are a kind of their own the users themselves are drawn
    and counted.
    """
    users, kinds = int(sizes.sum()), len(sizes)
    few_kinds = kinds * (25 if users < MANY_USERS else 8) < users
    kind_of_user = np.repeat(np.arange(kinds, dtype=np.int32), sizes)
    chunk = max(1, _CELLS // kinds)
    for start in range(0, resamples, chunk):
        count = min(chunk, resamples - start)
        if few_kinds:
            yield random.multinomial(users, sizes / users, size=count).astype(np.float64)
        else:
            drawn = (kind_of_user[random.integers(users, size=users)] for _ in range(count))
            yield np.stack([np.bincount(each, minlength=kinds) for each in drawn]).astype(np.float64)


class Trials(NamedTuple):
    """How many independent trials a share rests on at most: its effective numbers of users and of comments."""

    users: float
    comments: float


def interval(
    estimate: float, drawn: Array, *, trials: Trials | None = None, few: float = 1.0, copies: float = 1.0
) -> Interval:
    """Return the percentile interval of an estimate (nan: undefined), widened where it must be.

    Args:
        estimate: the estimate from all users.
        drawn: the same from each resample; empty where none were drawn.
        trials: for a share, what it rests on. Where fewer than RARE effective trials carry the rarer outcome a
            bootstrap is too sure of itself, up to claiming certainty where all agree. There the interval is
            widened to Clopper and Pearson's for the effective number of trials, as Korn and Graubard (1998,
            Survey Methodology 24) propose. Null: no share, no widening.
        few: by what the bounds' distance from the estimate is multiplied because users are few; a share stays one.
        copies: likewise because texts are copied (both: `clusters`). Exact bounds know themselves how few their trials
            are, so only copies make those fewer.
    """
    if np.isnan(estimate) or not len(drawn):
        return NOTHING if np.isnan(estimate) else Interval(estimate, None, None)
    bounds = [estimate, estimate]
    defined = drawn[~np.isnan(drawn)]
    seen = len(defined) >= LEAST_DEFINED * len(drawn)
    if seen:
        low, high = np.quantile(defined, [TAIL, 1 - TAIL])
        reach = (0.0, 1.0) if trials is not None else (-np.inf, np.inf)
        stretched = estimate + few * copies * (np.array([low, high]) - estimate)
        bounds += [float(bound) for bound in np.clip(stretched, *reach)]
    number = 0.0 if trials is None else _effective_trials(estimate, defined, trials, copies)
    rare = number > 0 and number * min(estimate, 1 - estimate) < RARE
    if rare:
        bounds += _clopper_pearson(estimate * number, number)
    return Interval(estimate, min(bounds), max(bounds)) if seen or rare else Interval(estimate, None, None)


def _effective_trials(estimate: float, defined: Array, trials: Trials, copies: float) -> float:
    """Return how many independent trials would vary as the resamples do.

    Never more than the comments' weights allow: that the few heavy ones among them agree makes the resamples
    vary little, and is little evidence. Where nothing varies, users are the trials.
    """
    variance = float(np.var(defined)) * copies**2 if len(defined) else 0.0
    if variance < 1e-12:
        return trials.users
    return min(trials.comments, estimate * (1 - estimate) / variance)


def _clopper_pearson(successes: float, trials: float) -> tuple[float, float]:
    """Return the exact binomial bounds, for counts that need not be whole."""
    failures = trials - successes
    low = 0.0 if successes <= 0 else float(betaincinv(successes, failures + 1, TAIL))
    high = 1.0 if failures <= 0 else float(betaincinv(successes + 1, failures, 1 - TAIL))
    return low, high


def effective_number(per_user: Array, sizes: npt.NDArray[np.int64]) -> float:
    """Return Kish's effective number of users: how many equal ones weigh as much as these unequal ones.

    Args:
        per_user: what a user of each kind weighs.
        sizes: how many users are of each kind.
    """
    return effective_sample_size(per_user, sizes)
