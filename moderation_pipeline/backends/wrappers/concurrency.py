"""How many calls fly at once: starts modest, grows while the server keeps up, halves when it says no.

Additive increase after a multiplicative decrease, as TCP does it, with TCP's fast start before the first
refusal. The calls of an earlier batch fly first, and those of one batch in the order in which they came: the audits of
a batch are what the next but one waits for, and come when those of the next are waiting already.
"""

from __future__ import annotations

import asyncio
import heapq
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from itertools import count

from moderation_pipeline.backends.language_model import (
    CallTimedOutError,
    FatalBackendError,
    LanguageModel,
    RateLimitedError,
    Reply,
    Request,
    WrappedModel,
)
from moderation_pipeline.cases.stream_place import BATCH

MODEST = 8
"""How many fly at first: enough to learn from, too few to hurt a small server."""


class Gate:
    """Lets at most `limit` calls through at once, in the order of their batches and then of their coming."""

    def __init__(self, bound: int, *, start: int = MODEST) -> None:
        self.bound = bound
        self.limit = float(min(start, bound))
        self.flying = 0
        self.halvings = 0
        self._was_refused = False
        self._generation = 0
        self._waiting: list[tuple[int, int, asyncio.Future[None]]] = []
        self._numbers = count()

    @asynccontextmanager
    async def passage(self) -> AsyncIterator[int]:
        """Wait for a place, and hold it; gives the number of halvings at the start, for `refused`."""
        await self._enter()
        try:
            yield self._generation
        finally:
            self.flying -= 1
            self._let_in()

    def kept_up(self) -> None:
        """A call was answered: grow, if the limit is what held calls back."""
        if self.flying >= int(self.limit):
            step = 1.0 / self.limit if self._was_refused else 1.0
            self.limit = min(float(self.bound), self.limit + step)

    def refused(self, generation: int) -> None:
        """A call was sent away: halve, once for all the calls that flew together."""
        if generation == self._generation:
            self._was_refused = True
            self._generation += 1
            self.halvings += 1
            self.limit = max(1.0, self.limit / 2)

    async def _enter(self) -> None:
        if not self._waiting and self.flying < int(self.limit):
            self.flying += 1
            return
        place: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        heapq.heappush(self._waiting, (BATCH.get(), next(self._numbers), place))
        try:
            await place
        except asyncio.CancelledError:
            if place.done() and not place.cancelled():
                self.flying -= 1
                self._let_in()
            raise

    def _let_in(self) -> None:
        while self._waiting and self.flying < int(self.limit):
            _, _, place = heapq.heappop(self._waiting)
            if not place.cancelled():
                self.flying += 1
                place.set_result(None)


class AdaptiveModel(WrappedModel):
    """Sends calls through a gate. After a fatal error no more are sent; those in flight may end."""

    def __init__(self, inner: LanguageModel, gate: Gate) -> None:
        super().__init__(inner)
        self.gate = gate
        self._fatal: FatalBackendError | None = None

    def stop(self, error: FatalBackendError) -> None:
        """Send no more calls: those that wait for a place end with the error."""
        self._fatal = error

    async def complete(self, request: Request) -> Reply:
        """Ask the wrapped model when there is a place."""
        async with self.gate.passage() as generation:
            if self._fatal is not None:
                raise self._fatal
            try:
                reply = await self.inner.complete(request)
            except (RateLimitedError, CallTimedOutError):
                self.gate.refused(generation)
                raise
            except FatalBackendError as error:
                self._fatal = error
                raise
            self.gate.kept_up()
            return reply
