"""How many certain audits a budget allows, spent evenly over a stream whose length nobody knows.

One threshold of doubt for the whole stream, the quantile of recent doubts that leaves the wanted share above it:
taking the most doubtful of each batch instead would audit confident decisions wherever a batch is easy. The
expected cost of the random floor is reserved before anything else is spent.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from moderation_pipeline.config import AuditSpec

HISTORY = 4_096
"""Comments the threshold is taken from: long enough for a rate of 1 %, short enough to move."""

BANKED = 1_024
"""Comments whose unspent certain audits are kept: calm stretches pay for busy ones, within reason."""

PACE = 512
"""Comments over which what is banked is spent again, by lowering the threshold."""

LEAST_EXPECTED = 1_000
"""A stream is expected to go on for as long as it has gone on, but for no fewer comments than this."""


class AuditPace:
    """Keeps the allowance of certain audits; told what audits cost in stream order, at batch borders (law 1)."""

    def __init__(self, spec: AuditSpec) -> None:
        self._spec = spec
        self._history = np.zeros(HISTORY)  # the next doubt takes the place of the oldest
        self._rated = 0
        self._allowance = 0.0
        self._threshold = 0.0
        self._comments = 0
        self._audits = 0
        self._spent_usd = 0.0

    @property
    def is_spent(self) -> bool:
        """Whether a budget in dollars is spent: no further audit, not even by chance."""
        return self._spec.usd is not None and self._spent_usd >= self._spec.usd

    @property
    def allows_another(self) -> bool:
        """Whether one more certain audit is within the allowance."""
        return self._allowance >= 1

    def charge(self, audits: int, list_cost_usd: float) -> None:
        """Count what the audits of a settled batch cost at list price."""
        self._audits += audits
        self._spent_usd += list_cost_usd

    def begin(self, doubts: Sequence[float], comments: int, already: int) -> float:
        """Begin a batch, and return the doubt from which audits are certain.

        `doubts` are those of the batch, for the quantiles of later ones; `already` audits of the batch are
        certain for other reasons, and come out of the same allowance.
        """
        share = self._share()
        threshold = 0.0
        if self._rated:
            # Lower while more is banked than is due, so that what calm stretches left is spent again.
            due = min(1.0, max(0.0, share + self._allowance / max(PACE, comments)))
            threshold = quantile(self._history[: self._rated], 1 - due)
        self._remember(doubts)
        self._comments += comments
        self._allowance = min(self._allowance + share * comments, max(1.0, BANKED * share)) - already
        return threshold

    def _remember(self, doubts: Sequence[float]) -> None:
        latest = doubts[-HISTORY:]
        self._history[np.arange(self._rated, self._rated + len(latest)) % HISTORY] = latest
        self._rated += len(latest)

    def take_one(self) -> None:
        """Spend one certain audit."""
        self._allowance -= 1

    def _share(self) -> float:
        """Return the share of comments that may be audited with certainty, the floor's share taken off."""
        floor = self._spec.floor.allow
        rate = min(self._spec.rate, self._affordable())
        return max(0.0, (rate - floor) / (1 - floor)) if floor < 1 else 0.0

    def _affordable(self) -> float:
        """Return the share that the dollars left can pay if the stream goes on as long as it has gone on."""
        if self._spec.usd is None or self._audits == 0 or self._spent_usd == 0:
            return 1.0
        per_audit = self._spent_usd / self._audits
        expected = max(LEAST_EXPECTED, self._comments)
        return max(0.0, self._spec.usd - self._spent_usd) / (per_audit * expected)


def quantile(values: NDArray[np.float64], share: float) -> float:
    """Return the quantile, between two values a point in proportion.

    It is `np.quantile`, without the checks that take four times as long as this over the latest doubts.
    """
    place = share * (len(values) - 1)
    below, above = int(place), min(int(place) + 1, len(values) - 1)
    parted = np.partition(values, (below, above))
    low, high, part = float(parted[below]), float(parted[above]), place - below
    # As NumPy does it, from the nearer end: so the result is the same to the last bit.
    return low + (high - low) * part if part < 0.5 else high - (high - low) * (1 - part)
