"""Language models: messages in, text out. The interface, what goes through it, and the tree of its errors.

Backends (`openai`, `together`, `hf`) are its subclasses, one module each; cache, retry, concurrency, metering
and the daily budget are more of them, each around one other (`run_models.py` stacks them). What a model is *asked*
is in `agents/`.

The errors, and what each of them means for a run::

    LanguageModelError
    ├── TransportError        nobody answered: asked again, never stored; then the comment's `reply_error`
    │   ├── RateLimitedError      429, with the Retry-After it named
    │   ├── ServerFailedError     408, 409, 5xx
    │   ├── ConnectionFailedError refused, reset, cut half-way
    │   └── CallTimedOutError     no reply in time
    ├── BadReplyError         an answer that is no use: stored like any reply, the comment's `reply_error`
    │   ├── GarbledReplyError     valid HTTP, but no reply in it
    │   ├── EmptyReplyError       no choices, or no text
    │   ├── OnlyThoughtsError     no text, for the thoughts took all tokens there might be
    │   ├── RefusedReplyError     the model, or a filter before it, would not answer
    │   └── TooLongError          more text than the model takes
    └── FatalBackendError     no use to go on (401, 403, 404, other 4xx): stops the run, says what to do
        ├── BatchPendingError      replies by batch that aren't there yet (`batches.py`)
        ├── RejectedRequestError   400 for a reason of its own: an answer, while an endpoint is found out
        ├── DailyBudgetSpentError  the deployment's budget of the day: goes on tomorrow where it stopped
        └── DailyBudgetHeldError   what is left of it is held by calls that hang: goes on once they have ended
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, NamedTuple

import orjson

from moderation_pipeline.errors import ModerationError

Role = Literal["system", "user", "assistant"]


class Message(NamedTuple):
    """One turn of what a model is shown."""

    role: Role
    content: str


JsonValue = str | int | float | bool | None | list["JsonValue"] | dict[str, "JsonValue"]


@dataclass(frozen=True, slots=True)
class ReplySchema:
    """The JSON schema that a reply must fit; `json` is its text, so that a schema can be hashed."""

    name: str
    json: str

    @classmethod
    def of(cls, name: str, schema: Mapping[str, JsonValue]) -> ReplySchema:
        """Return the schema with its text."""
        return cls(name, orjson.dumps(schema).decode())

    def as_mapping(self) -> dict[str, JsonValue]:
        """Return the schema as what a request's body holds."""
        schema: dict[str, JsonValue] = orjson.loads(self.json)
        return schema


@dataclass(frozen=True, slots=True)
class Request:
    """What is asked of a model: all of it shapes the reply, and is part of the key it is stored under."""

    messages: tuple[Message, ...]
    schema: ReplySchema | None = None
    max_tokens: int = 200
    temperature: float = 0.0
    wants_logprobs: bool = False
    effort: str | None = None
    """How long a model that can think should think (`reasoning_effort`); null: as it does by itself."""
    top_logprobs: int = 0
    """Of how many tokens that might have stood in the first one's place the log-probability is wanted."""


CUT = "length"
"""The `finish_reason` of a reply that had reached the most tokens that it might have."""


class TokenLogprob(NamedTuple):
    """A token of the reply and the natural logarithm of its probability."""

    token: str
    logprob: float


@dataclass(frozen=True, slots=True)
class Reply:
    """What came back. `model` is as the reply names it; dollars are null where the price is unknown.

    `list_cost_usd` is the price of the tokens, `cost_usd` what this run paid: 0 for a reply that another run
    bought, or that this run had bought already.
    """

    text: str
    model: str
    prompt_tokens: int | None = None
    completion_tokens: int | None = None
    cached_prompt_tokens: int = 0
    tokens_are_estimated: bool = False
    finish_reason: str | None = None
    logprobs: tuple[TokenLogprob, ...] | None = None
    first_tokens: tuple[TokenLogprob, ...] | None = None
    """What might have stood in the first token's place, the likeliest first; null where the server doesn't say."""
    latency_ms: float = 0.0
    list_cost_usd: float | None = None
    cost_usd: float | None = None
    is_cached: bool = False

    def was_cut(self, most_tokens: int) -> bool:
        """Whether it ended because it had that many tokens; a server that doesn't say why it ended is not trusted."""
        if self.finish_reason is None:
            return self.completion_tokens is not None and self.completion_tokens >= most_tokens
        return self.finish_reason == CUT


def whole_number(value: object) -> int | None:
    """Return what a server says as a count, of tokens say; null where it says something else."""
    return value if isinstance(value, int) and not isinstance(value, bool) and value >= 0 else None


class ModelIdentity(NamedTuple):
    """Who answers: the backend's name, the endpoint's URL (or `local`), and the model asked for."""

    backend: str
    endpoint: str
    model: str


class LanguageModel(ABC):
    """Answers requests. Concurrent calls are welcome: how many fly at once is the model's own business."""

    @property
    @abstractmethod
    def identity(self) -> ModelIdentity:
        """Who answers; a wrapper gives that of what it wraps."""

    @abstractmethod
    async def complete(self, request: Request) -> Reply:
        """Return the reply.

        Raises:
            LanguageModelError: see the tree at the top of this module.
        """

    def worst_case_usd(self, request: Request) -> float | None:  # noqa: ARG002
        """Return what the call may cost at most at list price; null where nobody knows the price."""
        return None

    async def prepare(self) -> str:
        """Find out, once, what the endpoint can do; return what of it shapes replies, for the key."""
        return ""

    async def aclose(self) -> None:  # noqa: B027  (not every model holds something open)
        """Close connections; the model can't be asked again afterwards."""


class WrappedModel(LanguageModel):
    """A language model around another: says who answers, and passes on what it doesn't change."""

    def __init__(self, inner: LanguageModel) -> None:
        self.inner = inner

    @property
    def identity(self) -> ModelIdentity:
        """Who answers: the wrapped model."""
        return self.inner.identity

    def worst_case_usd(self, request: Request) -> float | None:
        """Return what a call of the wrapped model may cost at most."""
        return self.inner.worst_case_usd(request)

    async def prepare(self) -> str:
        """Find out what the wrapped model's endpoint can do."""
        return await self.inner.prepare()

    async def aclose(self) -> None:
        """Close the wrapped model."""
        await self.inner.aclose()


class AnswersByBatch(ABC):
    """The ability of a language model whose calls only wait until they are collected (`batches/`)."""

    @abstractmethod
    async def collect(self) -> None:
        """Bring replies that calls are waiting for; where there are none yet, stop the run."""

    @abstractmethod
    def let_go(self) -> None:
        """End calls that only wait, and cost nothing yet: nobody will collect their replies any more."""


def answering_by_batch(model: LanguageModel) -> AnswersByBatch | None:
    """Return the model, or the one that it wraps, where it answers by batch; null where it answers each call."""
    while not isinstance(model, AnswersByBatch):
        if not isinstance(model, WrappedModel):
            return None
        model = model.inner
    return model


class LanguageModelError(Exception):
    """Something went wrong between a request and its reply. `code` is what `reply_error` begins with."""

    code = "error"

    def __init__(self, detail: str) -> None:
        super().__init__(detail)
        self.detail = detail

    @property
    def reply_error(self) -> str:
        """What the comment's row says: the code, and what happened."""
        return f"{self.code}: {self.detail}"


class TransportError(LanguageModelError):
    """Nobody answered. `retry_after_s` is how long the server asked to be left alone, if it said so."""

    code = "transport"

    def __init__(self, detail: str, *, retry_after_s: float | None = None) -> None:
        super().__init__(detail)
        self.retry_after_s = retry_after_s


class RateLimitedError(TransportError):
    """429: too many calls."""

    code = "rate_limited"


class ServerFailedError(TransportError):
    """408, 409 or 5xx; `status` says which."""

    code = "server_failed"

    def __init__(self, detail: str, *, status: int | None = None, retry_after_s: float | None = None) -> None:
        super().__init__(detail, retry_after_s=retry_after_s)
        self.status = status


class ConnectionFailedError(TransportError):
    """No connection, or one that was cut."""

    code = "connection"


class CallTimedOutError(TransportError):
    """No reply in time."""

    code = "timeout"


class BadReplyError(LanguageModelError):
    """An answer that is no use. `reply` holds what it cost, where it says so."""

    code = "bad_reply"

    def __init__(self, detail: str, *, reply: Reply | None = None) -> None:
        super().__init__(detail)
        self.reply = reply


class GarbledReplyError(BadReplyError):
    """Valid HTTP without a reply in it."""

    code = "garbled"


class EmptyReplyError(BadReplyError):
    """No choices, or no text."""

    code = "empty"


class OnlyThoughtsError(BadReplyError):
    """No text, for all the tokens that there might be went into thoughts."""

    code = "cut_off"


class RefusedReplyError(BadReplyError):
    """The model, or a filter before or after it, would not answer."""

    code = "refused"


class TooLongError(BadReplyError):
    """The request is longer than the model takes."""

    code = "too_long"


BAD_REPLIES: dict[str, type[BadReplyError]] = {
    error.code: error
    for error in (
        BadReplyError,
        GarbledReplyError,
        EmptyReplyError,
        OnlyThoughtsError,
        RefusedReplyError,
        TooLongError,
    )
}
"""The class of each code, for replies that are read back from the store."""


class FatalBackendError(LanguageModelError, ModerationError):
    """It is no use to go on: the run stops, resumable, and the message says what to do."""

    code = "fatal"
    was_tried = True


class RejectedRequestError(FatalBackendError):
    """400 or 422 for a reason of its own. `parameter` is the one that the server named, if it named one.

    While it is being found out what an endpoint can do, this is an answer (`abilities.py`).
    """

    code = "rejected"

    def __init__(self, detail: str, *, parameter: str | None = None) -> None:
        super().__init__(detail)
        self.parameter = parameter


class DailyBudgetSpentError(FatalBackendError):
    """The deployment's budget of the day is spent."""

    code = "daily_budget"
    is_lasting = True


class DailyBudgetHeldError(FatalBackendError):
    """What is left of the day's budget is held by calls that don't end: they will have by the next try, or may have."""

    code = "daily_budget_held"
