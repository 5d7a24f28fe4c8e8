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
from moderation_pipeline.backends.wrappers.reply_store import ReplyStore
from moderation_pipeline.config.config_errors import UnpricedBudgetError


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
