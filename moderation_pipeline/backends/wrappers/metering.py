"""Metering: what a call took, in milliseconds, tokens and dollars at list price.

Whether this run paid for it is the cache's to say (`cache.py`); what tokens cost is `prices.py`'s.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace

from moderation_pipeline.backends.language_model import (
    BadReplyError,
    LanguageModel,
    Reply,
    Request,
    WrappedModel,
)
from moderation_pipeline.backends.wrappers.prices import PriceList, unknown_price
from moderation_pipeline.backends.wrappers.token_count import counted


def most_prompt_tokens(request: Request) -> int:
    """Return a bound on the prompt's tokens: a token holds at least one byte, a message a few marks more."""
    schema_bytes = 0 if request.schema is None else len(request.schema.json)
    return schema_bytes + sum(len(message.content.encode()) + 16 for message in request.messages)


class MeteredModel(WrappedModel):
    """Adds to each reply, also a bad one, what it took; around the backend itself, so no waiting counts."""

    def __init__(
        self,
        inner: LanguageModel,
        prices: PriceList,
        *,
        discount: float = 0.0,
        count_tokens: Callable[[str, str], int] = counted,
        clock: Callable[[], float] = time.perf_counter,
    ) -> None:
        super().__init__(inner)
        self.calls = 0
        self._prices = prices
        self._paid_share = 1.0 - discount
        self._count_tokens = count_tokens
        self._clock = clock

    @property
    def note(self) -> str | None:
        """What is to be said about this model before it is used: that its price is unknown."""
        return None if self._prices.price(self.identity) is not None else unknown_price(self.identity)

    def worst_case_usd(self, request: Request) -> float | None:
        """Return the price of the most tokens that the call can take."""
        price = self._prices.price(self.identity)
        if price is None:
            return None
        return price.usd(most_prompt_tokens(request), request.max_tokens) * self._paid_share

    async def complete(self, request: Request) -> Reply:
        """Ask the wrapped model, and measure."""
        self.calls += 1
        started = self._clock()
        try:
            return self._measured(request, await self.inner.complete(request), started)
        except BadReplyError as error:
            if error.reply is not None:
                error.reply = self._measured(request, error.reply, started)
            raise

    def _measured(self, request: Request, reply: Reply, started: float) -> Reply:
        counted = self._with_tokens(request, reply)
        list_usd = self._prices.usd(self.identity, counted)
        usd = None if list_usd is None else list_usd * self._paid_share
        latency_ms = (self._clock() - started) * 1000
        return replace(counted, latency_ms=latency_ms, list_cost_usd=usd, cost_usd=usd)

    def _with_tokens(self, request: Request, reply: Reply) -> Reply:
        """Estimate the tokens where the reply doesn't say, and mark them."""
        if reply.prompt_tokens is not None and reply.completion_tokens is not None:
            return reply
        model = self.identity.model
        prompt = sum(self._count_tokens(model, message.content) for message in request.messages)
        return replace(
            reply,
            prompt_tokens=prompt,
            completion_tokens=self._count_tokens(model, reply.text),
            tokens_are_estimated=True,
        )
