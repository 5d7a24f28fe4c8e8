"""How many certain audits a budget allows, spent evenly over a stream whose length nobody knows.

One threshold of doubt for the whole stream, the quantile of recent doubts that leaves the wanted share above it:
taking the most doubtful of each batch instead would audit confident decisions wherever a batch is easy. The
expected cost of the random floor, which may differ by what is proposed, is reserved before anything else is spent.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from moderation_pipeline.audits.audit_doubts import Doubt
from moderation_pipeline.config.config_errors import UnpricedBudgetError
from moderation_pipeline.config.run_config import AuditSpec


class Span(NamedTuple):
    """Over how many comments the threshold is taken, unspent audits are kept, and what is kept is spent again.

    Long enough for a rate of 1 %, short enough to move; calm stretches pay for busy ones, within reason.
    """

    history: int
    banked: int
    spent_over: int


OF_DOUBT = Span(history=4_096, banked=1_024, spent_over=512)
"""Doubts are ranked against those of the hour: how near a decision was says little of another hour's."""

OF_HARM = Span(history=16_384, banked=4_096, spent_over=2_048)
"""Harm is worth averting whenever it comes. On 27 Twitch channels audits found a tenth more violations so (191, not
174, of 701 in the second half, by the same probabilities; 197 with the whole of it in view)."""

LEAST_EXPECTED = 1_000
"""A stream is expected to go on for as long as it has gone on, but for no fewer comments than this."""


class AuditPace:
    """Keeps the allowance of certain audits; told what audits cost in stream order, at batch borders (law 1)."""

    def __init__(self, spec: AuditSpec) -> None:
        self._spec = spec
        self._span = OF_HARM if spec.policy == "averted_harm" else OF_DOUBT
        self._histories: dict[str, _History] = {}
        self._allowance = 0.0
        self._comments = 0
        self._mean_floor: float | None = None
        # Where chance falls as audits grow, the mean must follow it, or its fall would be spent on nothing.
        self._floor_history = OF_DOUBT.spent_over if spec.random_first else OF_DOUBT.history
        self._audits = 0
        self._spent_usd = 0.0
        self._reserved_usd: deque[float] = deque()
        self._reserving_usd = 0.0
        self._worst_usd_each = 0.0
        self._is_spent = False

    @property
    def is_spent(self) -> bool:
        """Whether a budget in dollars is spent: no further audit, not even by chance."""
        return self._is_spent

    @property
    def allows_another(self) -> bool:
        """Whether one more certain audit is within the allowance."""
        return self._allowance >= 1

    def affords(self, worst_usd: float | None) -> bool:
        """Whether one more audit, which may cost so much, fits into what is left; if not, audits have ended.

        Raises:
            UnpricedBudgetError: nobody knows what the Expert costs.
        """
        if self._spec.usd is None:
            return True
        if worst_usd is None:
            raise UnpricedBudgetError("the Expert's model", f"audit.usd of ${self._spec.usd:g} a run")
        self._worst_usd_each = worst_usd
        # A budget is kept to the cent, whatever order its parts are added in.
        self._is_spent |= worst_usd > self._left_usd() + 1e-9
        return not self._is_spent

    def reserve(self, worst_usd: float | None) -> bool:
        """Reserve what one audit of the present batch may cost at most, and return whether it fitted in.

        Raises:
            UnpricedBudgetError: nobody knows what the Expert costs.
        """
        fits = self.affords(worst_usd)
        self._reserving_usd += worst_usd or 0.0 if fits else 0.0
        return fits

    def batch_reserved(self) -> None:
        """Close the present batch: `charge` gives back what was reserved for it."""
        self._reserved_usd.append(self._reserving_usd)
        self._reserving_usd = 0.0

    def _left_usd(self) -> float:
        return (self._spec.usd or 0.0) - self._spent_usd - sum(self._reserved_usd) - self._reserving_usd

    def charge(self, audits: int, list_cost_usd: float) -> None:
        """Count what the audits of the oldest batch in flight cost at list price; what was reserved for it is free."""
        if self._reserved_usd:
            self._reserved_usd.popleft()
        self._audits += audits
        self._spent_usd += list_cost_usd

    def begin(self, doubts: Sequence[Doubt], floors: Sequence[float], already: int) -> list[int]:
        """Begin a batch, and return the places of the doubts that are worth a certain audit, the worthiest first.

        `doubts` are those of the batch, for the quantiles of later ones; `floors` the chance of each of its comments
        if it isn't audited with certainty; `already` audits of the batch are certain for other reasons, and come
        out of the same allowance.
        """
        comments = len(floors)
        self._take_in_floors(floors)
        share = self._share()
        # Lower while more is banked than is due, so that what calm stretches left is spent again.
        due = min(1.0, max(0.0, share + self._allowance / max(self._span.spent_over, comments)))
        ranks: dict[int, float] = {}
        for scale in dict.fromkeys(doubt.scale for doubt in doubts):
            own = {i: doubt.value for i, doubt in enumerate(doubts) if doubt.scale == scale}
            ranks |= self._histories.setdefault(scale, _History(self._span.history)).ranks_above(own, due)
        self._comments += comments
        most = max(1.0, self._span.banked * share)
        # Nor is more owed than is banked at most: audits that must be would else starve the others for good.
        self._allowance = max(-most, min(self._allowance + share * comments, most) - already)
        return sorted(ranks, key=lambda i: (-ranks[i], -doubts[i].value, i))

    def take_one(self) -> None:
        """Spend one certain audit."""
        self._allowance -= 1

    def _take_in_floors(self, floors: Sequence[float]) -> None:
        mean = sum(floors) / len(floors)
        before = mean if self._mean_floor is None else self._mean_floor
        self._mean_floor = before + (mean - before) * min(1.0, len(floors) / self._floor_history)

    def _share(self) -> float:
        """Return the share of comments that may be audited with certainty, the floor's share taken off."""
        floor = self._mean_floor or 0.0
        rate = min(self._spec.rate, self._affordable())
        return max(0.0, (rate - floor) / (1 - floor)) if floor < 1 else 0.0

    def _affordable(self) -> float:
        """Return the share that the dollars left can pay if the stream goes on as long as it has gone on.

        At what an audit cost so far; until the first has come back, at what one may cost at most.
        """
        each_usd = self._spent_usd / self._audits if self._spent_usd else self._worst_usd_each
        if self._spec.usd is None or each_usd == 0:
            return 1.0
        return max(0.0, self._left_usd()) / (each_usd * max(LEAST_EXPECTED, self._comments))


class _History:
    """The latest doubts on one scale."""

    def __init__(self, length: int) -> None:
        self._length = length
        self._latest = np.zeros(length)  # the next doubt takes the place of the oldest
        self._rated = 0

    def ranks_above(self, doubts: Mapping[int, float], share: float) -> dict[int, float]:
        """Return which doubts of a batch are among this share of the latest, with the share of those below each.

        The latest are those of the batches before; of a scale's first batch, its own.
        """
        own = np.array(list(doubts.values()))
        recent = self._latest[: min(self._rated, self._length)] if self._rated else own
        threshold = quantile(recent, 1 - share)
        above = {i: float((recent < value).mean()) for i, value in doubts.items() if value >= threshold}
        self.remember(own)
        return above

    def remember(self, doubts: NDArray[np.float64]) -> None:
        """Take in the doubts of a batch."""
        latest = doubts[-self._length :]
        self._latest[np.arange(self._rated, self._rated + len(latest)) % self._length] = latest
        self._rated += len(latest)


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
