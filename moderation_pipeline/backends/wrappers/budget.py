"""Budgets: dollars per run, counted by the loop at batch borders; dollars per day, which only stop.

What a call costs is `prices.py`'s; what is done when a run's budget is spent is the loop's.
"""

from __future__ import annotations

from moderation_pipeline.backends.language_model import (
    DailyBudgetSpentError,
    LanguageModel,
    Reply,
    Request,
    WrappedModel,
)
from moderation_pipeline.backends.reply_store import ReplyStore
from moderation_pipeline.errors import ModerationError


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


class UnpricedBudgetError(ModerationError):
    """A budget over a model whose price nobody knows."""

    def __init__(self, what: str, budget: str) -> None:
        super().__init__(
            f"{budget} can't be held: nobody knows what {what} costs. Write its price to data/prices.yaml "
            "(0 for a server of your own), or take the budget away."
        )


class DailyBudgetModel(WrappedModel):
    """Asks the wrapped model while the day's budget lasts; then stops the run, which can be resumed.

    Calls in flight are counted at their worst case, so that many at once can't overrun it together.
    """

    def __init__(self, inner: LanguageModel, store: ReplyStore, usd_per_day: float) -> None:
        super().__init__(inner)
        self._store = store
        self._usd_per_day = usd_per_day
        self._reserved_usd = 0.0

    async def complete(self, request: Request) -> Reply:
        """Reserve the call's worst case, and ask."""
        worst_usd = self.worst_case_usd(request)
        if worst_usd is None:
            raise DailyBudgetSpentError(
                str(
                    UnpricedBudgetError(
                        repr(self.identity.model), f"A budget of ${self._usd_per_day:g} a day"
                    )
                )
            )
        spent_usd = self._store.spent_usd_on(self._store.now())
        if spent_usd + self._reserved_usd + worst_usd > self._usd_per_day:
            raise DailyBudgetSpentError(
                f"The budget of ${self._usd_per_day:g} a day doesn't allow another call: ${spent_usd:.4f} "
                f"are spent today (UTC), and this one may cost ${worst_usd:.4f}. Nothing is lost: the same "
                "command goes on tomorrow, or with a higher usd_per_day."
            )
        self._reserved_usd += worst_usd
        try:
            return await self.inner.complete(request)
        finally:
            self._reserved_usd -= worst_usd
