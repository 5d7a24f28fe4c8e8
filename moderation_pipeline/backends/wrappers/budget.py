"""Budgets: dollars per run, counted by the loop at batch borders; dollars per day, which only stop.

A call reserves what it may cost at worst in the store, in the moment in which it is claimed, so that many at once, in
however many processes, can't overrun the day together; one for which only those in flight leave no room waits for them
(`reply_cache.py`). What a call costs is `prices.py`'s; what is done when a run's
budget is spent is the loop's.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

from moderation_pipeline.backends.language_model import (
    DailyBudgetHeldError,
    DailyBudgetSpentError,
    LanguageModel,
    Request,
)
from moderation_pipeline.backends.stores.stored_replies import Allowance, Spent
from moderation_pipeline.config.config_errors import UnpricedBudgetError

ROOM_PATIENCE_S = 90.0
"""How long calls in flight, of whatever process, may hold the day's last room without that any ends or begins: longer
than most models take for a call. Calls that wait for a batch hold theirs for hours."""


@dataclass(frozen=True, slots=True)
class DailyBudget:
    """What a day (UTC) may cost, over all that use the store; then runs stop, and can be resumed."""

    usd_per_day: float
    patience_s: float = ROOM_PATIENCE_S

    def allowance(self, model: LanguageModel, request: Request) -> Allowance:
        """Return what the call may cost at worst, and what there is.

        Raises:
            DailyBudgetSpentError: nobody knows what it may cost.
        """
        worst_usd = model.worst_case_usd(request)
        if worst_usd is None:
            what = f"A budget of ${self.usd_per_day:g} a day"
            raise DailyBudgetSpentError(str(UnpricedBudgetError(repr(model.identity.model), what)))
        return Allowance(worst_usd, self.usd_per_day)


class Waited:
    """How long a call has waited for room in which nothing moved, and whether that is longer than it may."""

    def __init__(self, patience_s: float, now: Callable[[], float] = time.monotonic) -> None:
        self._patience_s = patience_s
        self._now = now
        self._since = now()
        self._seen: Spent | None = None

    def is_worth_it(self, spent: Spent) -> bool:
        """Whether what the day has cost, or may, has changed lately, so that room may come."""
        if spent != self._seen:
            self._seen, self._since = spent, self._now()
        return self._now() - self._since < self._patience_s


def daily_budget_spent(allowance: Allowance, spent: Spent) -> DailyBudgetSpentError:
    """Return the error of a call for which the day has no room."""
    return DailyBudgetSpentError(
        f"The budget of ${allowance.usd_per_day:g} a day doesn't allow another call: ${spent.usd:.4f} are spent today "
        f"(UTC), calls in flight may cost ${spent.in_flight_usd:.4f}, and this one ${allowance.worst_usd:.4f}. Nothing "
        "is lost: the same command goes on tomorrow, or with a higher usd_per_day."
    )


def daily_budget_held(allowance: Allowance, spent: Spent, patience_s: float) -> DailyBudgetHeldError:
    """Return the error of a call for which the day would have room, if those in flight ended."""
    return DailyBudgetHeldError(
        f"The budget of ${allowance.usd_per_day:g} a day has room for another call once those in flight have ended: "
        f"they may cost ${spent.in_flight_usd:.4f} beside the ${spent.usd:.4f} spent today (UTC), and none of them "
        f"ended or began for {patience_s:g} s. Nothing is lost: the same command goes on where it stopped. Is the "
        "server up? A lower timeout_s ends calls that hang sooner."
    )
