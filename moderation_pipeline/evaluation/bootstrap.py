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

Array = npt.NDArray[np.float64]

RESAMPLES = 1_000
CONFIDENCE = 0.95
LEAST_USERS = 10
"""Below this many users a bootstrap's interval is too narrow to be shown; the estimate stands alone."""

LEAST_DEFINED = 0.9
"""An estimate that is undefined in more than a tenth of the resamples gets no interval."""

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
    by_user = comment_sums.group_by("cluster").agg(pl.col(names).sum())
    kinds = by_user.group_by(names).agg(pl.len().alias("\x00users")).sort(["\x00users", *names])
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


def _draws(
    random: np.random.Generator, sizes: npt.NDArray[np.int64], resamples: int
) -> Iterator[npt.NDArray[np.float64]]:
    """Yield chunks of (resamples, kinds): how often each kind of user was drawn.

    A multinomial draw costs about 25 times what drawing one user does, so where most users are a kind of
    their own the users themselves are drawn and counted.
    """
    users, kinds = int(sizes.sum()), len(sizes)
    few_kinds = kinds * 25 < users
    kind_of_user = np.repeat(np.arange(kinds, dtype=np.int32), sizes)
    chunk = max(1, _CELLS // kinds)
    for start in range(0, resamples, chunk):
        count = min(chunk, resamples - start)
        if few_kinds:
            yield random.multinomial(users, sizes / users, size=count).astype(np.float64)
        else:
            drawn = (kind_of_user[random.integers(users, size=users)] for _ in range(count))
            yield np.stack([np.bincount(each, minlength=kinds) for each in drawn]).astype(np.float64)


def interval(estimate: float, drawn: Array, *, effective_users: float = 0.0) -> Interval:
    """Return the percentile interval of an estimate (nan: undefined), widened where it must be.

    It is widened to hold the estimate. Where every resample gives the same 0 or 1 the percentiles would claim
    certainty; the open end is then the exact binomial bound for that many independent users (Clopper and
    Pearson 1934): 1 - 0.025 ** (1 / users).
    """
    if np.isnan(estimate):
        return NOTHING
    defined = drawn[~np.isnan(drawn)]
    if not len(drawn) or len(defined) < LEAST_DEFINED * len(drawn):
        return Interval(float(estimate), None, None)
    tail = (1 - CONFIDENCE) / 2
    low, high = (float(bound) for bound in np.quantile(defined, [tail, 1 - tail]))
    if effective_users > 0 and low == high == estimate and estimate in (0.0, 1.0):
        open_end = 1 - tail ** (1 / effective_users)
        low, high = (0.0, open_end) if estimate == 0 else (1 - open_end, 1.0)
    return Interval(float(estimate), min(low, float(estimate)), max(high, float(estimate)))


def effective_number(per_user: Array, sizes: npt.NDArray[np.int64]) -> float:
    """Return Kish's effective number of users: how many equal ones weigh as much as these unequal ones."""
    squares = float(sizes @ per_user**2)
    return float(sizes @ per_user) ** 2 / squares if squares else 0.0
