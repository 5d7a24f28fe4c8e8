"""Asking again: typed transport errors only, after the time the server named or a growing, jittered one.

What counts as transport is decided in `http_errors.py`; a bad reply is never asked for again here.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TypeVar

from moderation_pipeline.backends.language_model import (
    AnswersByBatch,
    FatalBackendError,
    LanguageModel,
    Reply,
    Request,
    TransportError,
    WrappedModel,
    answering_by_batch,
)
from moderation_pipeline.backends.wrappers.hopeless import cure, trouble

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """How often, and how long between: `first_wait_s` doubled each time, at most `longest_wait_s`."""

    attempts: int = 5
    first_wait_s: float = 0.5
    longest_wait_s: float = 60.0

    def wait_s(self, attempt: int, named_s: float | None, chance: float) -> float:
        """Return how long to wait after the given attempt (1 is the first); `chance` is in [0, 1).

        Where the server named a time, never less than that, and up to a tenth more: all that it sent away
        at once would else return at once. Where it named none, anything up to the doubled wait
        ("full jitter", Brooker 2015, https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/).
        """
        if named_s is not None:
            return min(named_s, self.longest_wait_s) * (1 + 0.1 * chance)
        doubled_s: float = self.first_wait_s * 2.0 ** (attempt - 1)
        return min(doubled_s, self.longest_wait_s) * chance


class RetryingModel(WrappedModel):
    """Asks the wrapped model again where nobody answered. Timing alone hangs on chance, never a row."""

    def __init__(
        self,
        inner: LanguageModel,
        policy: RetryPolicy | None = None,
        *,
        chance: Callable[[], float] = random.random,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        super().__init__(inner)
        self.policy = policy or RetryPolicy()
        self.retries = 0
        self._nobody: FatalBackendError | None = None
        self._chance = chance
        self._sleep = sleep

    async def complete(self, request: Request) -> Reply:
        """Ask, and ask again; the last attempt's error is raised."""
        return await self._insist(lambda: self.inner.complete(request))

    async def prepare(self) -> str:
        """Find out what the endpoint can do, asking again where nobody answers.

        Raises:
            FatalBackendError: nobody answers at all, so that thousands of calls would only fail one by one.
        """
        if self._nobody is not None:
            raise self._nobody
        try:
            return await self._insist(self.inner.prepare)
        except TransportError as error:
            backend, endpoint, model = self.identity
            self._nobody = FatalBackendError(
                f"{backend} at {endpoint} (model {model!r}) {trouble(error)} ({error.reply_error}), asked "
                f"{self.policy.attempts} times. {cure(error)} The run stops here and can be resumed."
            )
            raise self._nobody from None

    async def _insist(self, ask: Callable[[], Awaitable[T]]) -> T:
        attempt = 1
        while True:
            try:
                return await ask()
            except TransportError as error:
                if attempt >= self.policy.attempts:
                    raise
                await self._sleep(self.policy.wait_s(attempt, error.retry_after_s, self._chance()))
            attempt += 1
            self.retries += 1


class RetryingBatches(RetryingModel, AnswersByBatch):
    """The same around a model that answers by batch: bringing replies is tried again too."""

    async def collect(self) -> None:
        """Bring replies by batch, asking again where nobody answers."""
        batched = answering_by_batch(self.inner)
        if batched is not None:
            await self._insist(batched.collect)

    def let_go(self) -> None:
        """End the wrapped model's calls that only wait."""
        batched = answering_by_batch(self.inner)
        if batched is not None:
            batched.let_go()
