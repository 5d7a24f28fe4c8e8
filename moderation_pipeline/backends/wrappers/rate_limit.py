"""A rate that an endpoint allows: so many requests and tokens a minute, over all processes that use the store.

Calls are spaced evenly, which no minute's limit can be overrun by wherever its minutes begin. How many fly at once is
`concurrency.py`'s, and what is done where a provider says no all the same is `retry.py`'s: each try takes a turn.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from moderation_pipeline.backends.language_model import LanguageModel, Reply, Request, WrappedModel
from moderation_pipeline.backends.stores.stored_replies import ReplyStore
from moderation_pipeline.backends.wrappers.hopeless import prompt_tokens

MINUTE_S = 60.0


@dataclass(frozen=True, slots=True)
class RateLimit:
    """What an endpoint allows; null where it allows any number."""

    requests_per_minute: int | None = None
    tokens_per_minute: int | None = None

    @property
    def request_s(self) -> float:
        """How many seconds a request is worth."""
        return MINUTE_S / self.requests_per_minute if self.requests_per_minute else 0.0

    def tokens_s(self, tokens: int) -> float:
        """How many seconds so many tokens are worth."""
        return tokens * MINUTE_S / self.tokens_per_minute if self.tokens_per_minute else 0.0


class RateLimitedModel(WrappedModel):
    """Asks the wrapped model when it is the call's turn."""

    def __init__(
        self,
        inner: LanguageModel,
        store: ReplyStore,
        limit: RateLimit,
        *,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        super().__init__(inner)
        self._store = store
        self._limit = limit
        self._sleep = sleep

    async def complete(self, request: Request) -> Reply:
        """Wait for the call's turn, and ask; what it took less than it might have is given back."""
        tokens = prompt_tokens(self.identity.model, request) + request.max_tokens
        await self._sleep(
            await self._store.turn(self.identity, self._limit.request_s, self._limit.tokens_s(tokens))
        )
        reply = await self.inner.complete(request)
        if self._limit.tokens_per_minute:
            took = (reply.prompt_tokens or 0) + (reply.completion_tokens or 0)
            await self._store.turn(self.identity, 0.0, self._limit.tokens_s(took - tokens))
        return reply
