"""Budgets: dollars per run, counted by the loop at batch borders; dollars per day, which only stop.

What a call costs is `prices.py`'s; what is done when a run's budget is spent is the loop's.
"""

from __future__ import annotations


class RunBudget:
    """What one run may cost at list price. List cost, so that rows don't depend on what was cached.

    The loop asks, before each batch and in stream order, whether its worst case fits, and charges what the
    batch really cost at list price once it is over.
    """

    def __init__(self, usd_per_run: float) -> None:
        self.usd_per_run = usd_per_run
        self.spent_usd = 0.0

    @property
    def remaining_usd(self) -> float:
        """What is left."""
        return self.usd_per_run - self.spent_usd

    def can_afford(self, worst_case_usd: float) -> bool:
        """Whether a batch that costs this much at worst may start."""
        return self.spent_usd + worst_case_usd <= self.usd_per_run

    def charge(self, list_cost_usd: float) -> None:
        """Count what a batch cost at list price."""
        self.spent_usd += list_cost_usd
