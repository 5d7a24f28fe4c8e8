"""The reply cache: what may be answered from the store, who pays, and how identical calls become one.

A wrapper around everything that asks. What a day may cost is asked with the claim on a call (`budget.py`). Stored are
replies, good and bad; a transport failure never is, nor what was too long for a model or held no reply: that cost
nothing that anybody knows of, and the same server may be started with a larger context, or mended.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field, replace
from functools import partial
from hashlib import blake2b

import orjson

from moderation_pipeline.backends.language_model import (
    BAD_REPLIES,
    BadReplyError,
    GarbledReplyError,
    LanguageModel,
    ModelIdentity,
    Reply,
    Request,
    TooLongError,
    WrappedModel,
    answering_by_batch,
)
from moderation_pipeline.backends.stores.stored_replies import Attempt, Claim, ReplyStore, StoredReply, Wish
from moderation_pipeline.backends.wrappers.budget import (
    DailyBudget,
    Waited,
    daily_budget_held,
    daily_budget_spent,
)
from moderation_pipeline.backends.wrappers.prices import PriceList

UNKEPT = frozenset({TooLongError.code, GarbledReplyError.code})
"""Codes of bad replies that are asked for again."""

GRACE_S = 30.0
"""How long a run that ends waits for replies under way."""

POLL_S = 0.05
"""How often a call that another process is making is looked for, and room in the day's budget."""


@dataclass(slots=True)
class Purchases:
    """What one run has bought: it pays once for each reply, in stream order, and others' replies are free.

    `fresh`: only what this run itself has bought may be used (models are asked anew). `max_age_s`: older
    replies are asked for again.
    """

    attempt: Attempt
    fresh: bool = False
    max_age_s: float | None = None
    charged: set[bytes] = field(default_factory=set)

    def may_use(self, stored: StoredReply, now: float) -> bool:
        """Whether the stored reply answers a call of this run."""
        if stored.error_code in UNKEPT:  # as stores of before hold them
            return False
        if stored.bought_by == self.attempt.run_id:
            return True
        return not self.fresh and (self.max_age_s is None or now - stored.bought_at <= self.max_age_s)

    def pays_for(self, key: bytes, bought_by: str) -> bool:
        """Whether the call that asks now is the one that pays: the first of the run that bought the reply."""
        if bought_by != self.attempt.run_id or key in self.charged:
            return False
        self.charged.add(key)
        return True


def reply_key(identity: ModelIdentity, variant: str, request: Request) -> bytes:
    """Return the hash of everything that shapes a reply: who answers, and all that it is asked."""
    parts = (
        *(*identity, variant, request.max_tokens, request.temperature, request.wants_logprobs),
        None if request.schema is None else (request.schema.name, request.schema.json),
        [tuple(message) for message in request.messages],
        # Only where they are said, so that replies of before these were known stay known.
        *([] if request.effort is None else [request.effort]),
        *([["top_logprobs", request.top_logprobs]] if request.top_logprobs else []),
    )
    return blake2b(orjson.dumps(parts), digest_size=20).digest()


class CachedModel(WrappedModel):
    """Answers from the store where it can; else asks once, however many ask the same at the same time."""

    def __init__(
        self,
        inner: LanguageModel,
        store: ReplyStore,
        purchases: Purchases,
        prices: PriceList,
        *,
        budget: DailyBudget | None = None,
        paid_share: float = 1.0,
        grace_s: float = GRACE_S,
    ) -> None:
        """Take what is wrapped and where replies are kept; `paid_share` is what of a price its calls cost."""
        super().__init__(inner)
        self._paid_share = paid_share
        self._budget = budget
        self._grace_s = grace_s
        self._prices = prices
        self._store = store
        self._purchases = purchases
        self._flights: dict[bytes, asyncio.Task[StoredReply]] = {}
        self._queue = asyncio.Lock()
        self._is_closing = False

    async def complete(self, request: Request) -> Reply:
        """Return the stored reply, or ask for it and store it as it arrives."""
        key = reply_key(self.identity, await self.inner.prepare(), request)
        # No await from here until the flight is entered: whoever comes first in stream order pays.
        flight = self._flights.get(key)
        if flight is None:
            stored = self._store.at_once(key)
            if stored is not None and self._will_do(request, stored):
                return self._given(key, stored)
            flight = asyncio.ensure_future(self._buy(key, request))
            self._flights[key] = flight
            flight.add_done_callback(lambda done: self._landed(key, done))
        # Shielded: a call that is cancelled has been paid for all the same, and others may wait for it.
        return self._given(key, await asyncio.shield(flight))

    async def aclose(self) -> None:
        """Wait for the calls in flight, which are paid for and will be stored; then close the model.

        Those that take longer than the grace time are given up. Their claims stay, void as soon as this process
        closes the store, so that the next attempt counts them as calls that it repeats.
        """
        self._is_closing = True
        batched = answering_by_batch(self.inner)
        if batched is not None:
            batched.let_go()
        flights = list(self._flights.values())
        if flights:
            _, late = await asyncio.wait(flights, timeout=self._grace_s)
            for flight in late:
                flight.cancel()
            await asyncio.gather(*late, return_exceptions=True)
        await self.inner.aclose()

    def _given(self, key: bytes, stored: StoredReply) -> Reply:
        pays = self._purchases.pays_for(key, stored.bought_by)
        reply = stored.reply
        if reply is not None and reply.list_cost_usd is None:  # a price may have become known since
            list_usd = self._prices.usd(self.identity, reply)
            usd = None if list_usd is None else list_usd * self._paid_share
            reply = replace(reply, list_cost_usd=usd, cost_usd=usd)
        if reply is not None and not pays:
            free = None if reply.list_cost_usd is None else 0.0
            reply = replace(reply, cost_usd=free, is_cached=True, latency_ms=0.0)
        if stored.error_code is not None:
            raise BAD_REPLIES[stored.error_code](stored.error_detail or "", reply=reply)
        assert reply is not None
        return reply

    def _landed(self, key: bytes, flight: asyncio.Task[StoredReply]) -> None:
        self._flights.pop(key, None)
        if not flight.cancelled():
            flight.exception()  # looked at, for everyone who waited may have been cancelled

    def _will_do(self, request: Request, stored: StoredReply) -> bool:
        """Whether the stored reply answers the request: not where it lacks what alone would be read of it."""
        reply = stored.reply if stored.error_code is None else None
        if request.top_logprobs and reply is not None and reply.first_tokens is None:
            return False
        return self._purchases.may_use(stored, self._store.now())

    async def _buy(self, key: bytes, request: Request) -> StoredReply:
        allowance = None if self._budget is None else self._budget.allowance(self.inner, request)
        will_do = partial(self._will_do, request)
        wanted = Wish(key, self._purchases.attempt.run_id, will_do, allowance)
        claim = await self._claimed(wanted)
        if claim.beyond is not None:
            async with self._queue:  # one looks for room at a time, in the order in which they came
                claim = await self._once_there_is_room(wanted)
        if claim.stored is not None:
            return claim.stored
        try:
            stored = await self._asked(request)
        except asyncio.CancelledError:
            raise  # it was sent, perhaps: the claim says so to whoever goes on
        except BaseException:
            await self._store.release(key)
            raise
        await self._store.put(key, self.identity, stored)
        return stored

    async def _claimed(self, wanted: Wish) -> Claim:
        """Return what became of the wish; while another process asks the same, its reply is waited for."""
        while (claim := await self._store.claim(wanted)) == Claim():
            await asyncio.sleep(POLL_S)
        return claim

    async def _once_there_is_room(self, wanted: Wish) -> Claim:
        """Return what became of the wish once the day's budget has room for it.

        Calls in flight hold what they may cost at worst, which is many times what most cost. By batch nobody waits: the
        calls in flight may be those of the very batch that would only be sent once all have come to it.

        Raises:
            DailyBudgetSpentError: it will have no room today.
            DailyBudgetHeldError: what holds the room doesn't end.
        """
        assert self._budget is not None
        waited = Waited(self._budget.patience_s)
        while (spent := (claim := await self._claimed(wanted)).beyond) is not None:
            assert wanted.allowance is not None
            may_wait = not self._is_closing and answering_by_batch(self.inner) is None
            if not (may_wait and spent.may_leave(wanted.allowance)):
                raise daily_budget_spent(wanted.allowance, spent)
            if not waited.is_worth_it(spent):
                raise daily_budget_held(wanted.allowance, spent, self._budget.patience_s)
            await asyncio.sleep(POLL_S)
        return claim

    async def _asked(self, request: Request) -> StoredReply:
        bought_by = self._purchases.attempt.run_id
        try:
            reply = await self.inner.complete(request)
        except BadReplyError as error:
            if error.code in UNKEPT:
                raise
            return StoredReply(error.reply, error.code, error.detail, bought_by, self._store.now())
        return StoredReply(reply, None, None, bought_by, self._store.now())
