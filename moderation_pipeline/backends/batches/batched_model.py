"""Batch mode: calls that wait are sent as one batch of the provider's, cheaper, answered within a day.

A call in batch mode waits; `collect`, which the loop asks for where it can't go on without replies, brings
those that have arrived or sends what waits and stops the run, resumable. Which call is in which batch is kept
in the reply store, so that the run that goes on asks for nothing twice; a call that the batch did not answer (it
failed there, expired, or was too long) is forgotten, and sent again. The doors to the providers' batch
interfaces are `openai_batches.py` and `together_batches.py`.
"""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from hashlib import blake2b
from typing import Any, NamedTuple, Protocol

import orjson

from moderation_pipeline.backends.chat.chat_endpoint import ChatEndpoint
from moderation_pipeline.backends.chat.chat_wire import Body
from moderation_pipeline.backends.chat.response_body import decoded, error_in
from moderation_pipeline.backends.http_errors import Caller, http_error
from moderation_pipeline.backends.language_model import (
    AnswersByBatch,
    FatalBackendError,
    GarbledReplyError,
    LanguageModel,
    LanguageModelError,
    ModelIdentity,
    Reply,
    Request,
    TooLongError,
    TransportError,
)

MOST_REQUESTS = 50_000
MOST_BYTES = 90_000_000
"""What both providers take in one batch: 50,000 requests; 100 MB at Together, 200 MB at OpenAI."""

BATCH_DISCOUNT = 0.5
"""Of the list price: what OpenAI and Together both give (their pricing pages, read 2026-11)."""


UNKEPT = (TransportError, FatalBackendError, TooLongError, GarbledReplyError)
"""Errors that nobody keeps as a reply: it is forgotten that the call was sent, or its line would be read again."""


class BatchStatus(StrEnum):
    """How far a batch is; a failed one is sent again."""

    PENDING = "pending"
    DONE = "done"
    FAILED = "failed"


class BatchState(NamedTuple):
    """A batch as its provider tells of it: `lines` are its answers, once it is done, `error` why it failed."""

    status: BatchStatus
    lines: bytes = b""
    detail: str = ""
    error: str = ""


class BatchDoor(ABC):
    """A provider's batch interface."""

    @abstractmethod
    async def submit(self, lines: bytes) -> str:
        """Send a batch, one JSON object a line; return its id.

        Raises:
            LanguageModelError: as a call would.
        """

    @abstractmethod
    async def state(self, batch_id: str) -> BatchState:
        """Return how far the batch is, and its answers if it is done.

        Raises:
            LanguageModelError: as a call would.
        """


@dataclass(frozen=True, slots=True)
class SentBatch:
    """A batch that was sent: what was asked, by which run, when. Times are seconds since 1970."""

    batch_id: str
    identity: ModelIdentity
    run_key: str
    requests: int
    sent_at: float
    collected_at: float | None


class BatchLedger(Protocol):
    """Where it is kept which call went into which batch (`backends/stores/`)."""

    def batches_of(self, custom_ids: Iterable[str]) -> Mapping[str, str]:
        """Return the batch of each call that is in one."""
        ...

    def keep_batch(
        self, batch_id: str, identity: ModelIdentity, run_key: str, custom_ids: Sequence[str]
    ) -> None:
        """Keep that these calls were sent as that batch."""
        ...

    def batch_collected(self, batch_id: str) -> None:
        """Keep that the batch's answers were brought."""
        ...

    def forget_calls(self, custom_ids: Iterable[str]) -> None:
        """Forget that these calls were sent, so that they are sent again."""
        ...


class BatchPendingError(FatalBackendError):
    """Replies are missing at the border where the run needs them: it stops, and goes on when they are there."""

    code = "batch_pending"
    is_lasting = True

    def __init__(self, calls: int, batches: Sequence[str], identity: ModelIdentity) -> None:
        super().__init__(
            f"{calls} calls wait for {identity.backend}'s batch interface ({', '.join(batches)}; within 24 hours). "
            "Nothing is stored of this attempt but its replies. The run goes on by itself when the sensor "
            "`batches_that_arrive` is on; the same command does it too."
        )
        self.batches = tuple(batches)


class Waiting(NamedTuple):
    """A call that waits for a batch."""

    body: Body
    answer: asyncio.Future[bytes]


class BatchedModel(LanguageModel, AnswersByBatch):
    """Lets calls wait until `collect` is asked for."""

    def __init__(
        self, endpoint: ChatEndpoint[Any], door: BatchDoor, ledger: BatchLedger, run_key: str
    ) -> None:
        self._endpoint = endpoint
        self._door = door
        self._ledger = ledger
        self._run_key = run_key
        self._waiting: dict[str, Waiting] = {}
        self._waited_before = 0

    @property
    def identity(self) -> ModelIdentity:
        """The endpoint's: a reply by batch is as good as any."""
        return self._endpoint.identity

    async def prepare(self) -> str:
        """Find out, by single calls, what the endpoint can do."""
        return await self._endpoint.prepare()

    async def complete(self, request: Request) -> Reply:
        """Wait for the answer to be collected."""
        body = await self._endpoint.body(request)
        custom_id = blake2b(orjson.dumps(body, option=orjson.OPT_SORT_KEYS), digest_size=16).hexdigest()
        if custom_id not in self._waiting:
            answer: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()
            self._waiting[custom_id] = Waiting(body, answer)
        content = await asyncio.shield(self._waiting[custom_id].answer)
        try:
            return self._endpoint.reply_of(content)
        except UNKEPT:
            self._ledger.forget_calls([custom_id])
            raise

    async def collect(self) -> None:
        """Bring answers that have arrived; where none has, send what isn't sent yet, and stop.

        Calls that are still on their way here are waited for first: it is asked again soon.

        Raises:
            BatchPendingError: what waits is with the provider.
        """
        if not self._waiting or len(self._waiting) != self._waited_before:
            self._waited_before = len(self._waiting)
            return
        sent = self._ledger.batches_of(self._waiting)
        brought = [await self._bring(batch_id) for batch_id in sorted(set(sent.values()))]
        self._waited_before = 0
        if any(brought):
            return
        sent = self._ledger.batches_of(self._waiting)
        unsent = [custom_id for custom_id in self._waiting if custom_id not in sent]
        new = [await self._send(piece) for piece in self._pieces(unsent)]
        raise BatchPendingError(len(self._waiting), sorted({*sent.values(), *new}), self.identity)

    def let_go(self) -> None:
        """End the calls that wait: the run that goes on will ask for them again."""
        for waiting in self._waiting.values():
            waiting.answer.set_exception(FatalBackendError("The run ended before the batch was answered."))
            waiting.answer.exception()  # looked at: whoever waited may be gone
        self._waiting.clear()

    async def aclose(self) -> None:
        """Close the endpoint."""
        await self._endpoint.aclose()

    async def _bring(self, batch_id: str) -> bool:
        """Hand out the answers of a batch; tell whether there were any for those who wait.

        Raises:
            FatalBackendError: it failed as a whole, or each of its calls did; all of them will be sent again.
        """
        state = await self._door.state(batch_id)
        if state.status is BatchStatus.PENDING:
            return False
        answered = 0
        outcomes = self._outcomes(state.lines)
        if (why := _why_in_vain(state, outcomes)) is not None:
            self._forget(batch_id)
            backend = self.identity.backend
            raise FatalBackendError(
                f"{backend}'s batch {batch_id} failed: {self._endpoint.client.caller.redacted(why)[:300]}. Nothing was "
                "answered. The same command sends its calls again."
            )
        for custom_id, outcome in outcomes:
            if isinstance(outcome, TransportError):
                continue  # sent again with all that the batch left unanswered
            waiting = self._waiting.pop(custom_id, None)
            if waiting is None:
                continue
            answered += 1
            if isinstance(outcome, Exception):
                self._ledger.forget_calls([custom_id] if isinstance(outcome, UNKEPT) else [])
                waiting.answer.set_exception(outcome)
            else:
                waiting.answer.set_result(outcome)
        # What a batch that ended left unanswered is sent again.
        self._forget(batch_id)
        return answered > 0

    def _forget(self, batch_id: str) -> None:
        """Keep that the batch ended, and forget those of its calls that still wait."""
        left = [each for each, where in self._ledger.batches_of(self._waiting).items() if where == batch_id]
        self._ledger.forget_calls(left)
        self._ledger.batch_collected(batch_id)

    def _outcomes(self, lines: bytes) -> list[tuple[str, bytes | Exception]]:
        """Return what the batch says of each call, answers before errors should it say both of one."""
        outcomes = _answers(lines, self._endpoint.client.caller)
        return sorted(outcomes, key=lambda outcome: isinstance(outcome[1], Exception))

    async def _send(self, custom_ids: Sequence[str]) -> str:
        lines = b"".join(_line(custom_id, self._waiting[custom_id].body) for custom_id in custom_ids)
        batch_id = await self._door.submit(lines)
        self._ledger.keep_batch(batch_id, self.identity, self._run_key, custom_ids)
        return batch_id

    def _pieces(self, custom_ids: Sequence[str]) -> Iterator[list[str]]:
        """Yield the calls in pieces that one batch may hold."""
        piece: list[str] = []
        size = 0
        for custom_id in custom_ids:
            bytes_more = len(_line(custom_id, self._waiting[custom_id].body))
            if piece and (len(piece) == MOST_REQUESTS or size + bytes_more > MOST_BYTES):
                yield piece
                piece, size = [], 0
            piece.append(custom_id)
            size += bytes_more
        if piece:
            yield piece


def _line(custom_id: str, body: Body) -> bytes:
    call = {"custom_id": custom_id, "method": "POST", "url": "/v1/chat/completions", "body": body}
    return orjson.dumps(call, option=orjson.OPT_APPEND_NEWLINE)


def _why_in_vain(state: BatchState, outcomes: Sequence[tuple[str, bytes | Exception]]) -> str | None:
    """Return why a batch answered nothing, where sending it again at once would be in vain; null where it did."""
    if state.status is BatchStatus.FAILED and not outcomes and state.error:
        return state.error
    errors = [outcome for _, outcome in outcomes if isinstance(outcome, TransportError)]
    return errors[0].detail if errors and len(errors) == len(outcomes) else None


def _answers(lines: bytes, caller: Caller) -> Iterator[tuple[str, bytes | Exception]]:
    """Yield each call's id with its response's body, or the error that it stands for; none for a call that expired."""
    for line in lines.splitlines():
        try:
            answer = decoded(
                line
            )  # as tolerantly as a single reply: what was paid for isn't sent again for half an emoji
            custom_id, response = str(answer["custom_id"]), answer.get("response") or {}
            status, body = response.get("status_code"), response.get("body")
        except (LanguageModelError, KeyError, TypeError, AttributeError):
            continue  # its call stays unanswered, and is sent again
        if status == 200 and body is not None:
            yield custom_id, orjson.dumps(body)
        elif isinstance(status, int) and status >= 400:
            yield custom_id, http_error(status, {}, body or answer.get("error"), caller)
        elif (said := error_in({"error": answer.get("error")})) is not None and not _is_undone(
            answer["error"]
        ):
            yield custom_id, http_error(said.status, {}, said.body, caller)


def _is_undone(error: object) -> bool:
    """Whether an error only says that the call was never made, as its batch had ended before."""
    code = error.get("code") if isinstance(error, Mapping) else None
    return code in ("batch_expired", "batch_cancelled")
