"""Giving a run up where it is no use: nobody answers any more, no reply holds text, or no prompt fits into the context.

All fail call after call, each of them for nothing, and would leave a table of undecided comments that looks like a
run. So after a row of such failures the run stops, in one sentence that says what to do; what was answered is kept,
and the same command goes on. What a chat can provoke (a refusal, an answer that can't be read) is no reason to give
up, nor are a few lines to which a model that can answer says nothing. How often one call is tried is `retry.py`'s.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from moderation_pipeline.backends.language_model import (
    BadReplyError,
    CallTimedOutError,
    EmptyReplyError,
    FatalBackendError,
    GarbledReplyError,
    LanguageModel,
    ModelIdentity,
    OnlyThoughtsError,
    RateLimitedError,
    Reply,
    Request,
    ServerFailedError,
    TooLongError,
    TransportError,
    WrappedModel,
)
from moderation_pipeline.backends.wrappers.token_count import counted

MOST_UNANSWERED = 8
"""Calls in a row, each tried as often as the config says. Where a call in two fails for good, that many fail in a row
once in 256 times; a server that is gone fails them all."""

MOST_EMPTY = 16
"""Calls in a row whose reply holds no text, or that brought no reply."""

MOST_EMPTY_OF_ABLE = 256
"""Of a model that has answered in this run: some lines may be written so that it thinks without end, and nobody shall
stop a night with sixteen of them."""

MOST_TOO_LONG = 16
"""Calls in a row. A chat may hold long lines, and those fail fastest, before the others of their batch are answered."""

STEP_TOKENS = 1024
"""Contexts are set in steps of this."""

NAMED_TOKENS = re.compile(r"(\d{3,7})\s*tokens|tokens\D{0,12}(\d{3,7})")


class HopelessModel(WrappedModel):
    """Asks the wrapped model, and stops the run after a row of calls that failed for a reason that stays."""

    def __init__(
        self, inner: LanguageModel, stop: Callable[[FatalBackendError], object] = lambda _: None
    ) -> None:
        """Take the model, and what keeps calls that wait for their turn from being sent once it is given up."""
        super().__init__(inner)
        self._stop = stop
        self._unanswered = 0
        self._too_long = 0
        self._empty = 0
        self._has_answered = False
        self._given_up: FatalBackendError | None = None

    async def complete(self, request: Request) -> Reply:
        """Ask, unless it was given up.

        Raises:
            FatalBackendError: it was given up, and why.
        """
        if self._given_up is not None:
            raise self._given_up
        try:
            reply = await self.inner.complete(request)
        except TransportError as error:
            self._failed(error)
            raise
        except TooLongError as error:
            self._did_not_fit(request, error)
            raise
        except (GarbledReplyError, EmptyReplyError, OnlyThoughtsError) as error:
            self._said_nothing(request, error)
            raise
        except BadReplyError:
            self._unanswered = self._too_long = self._empty = 0
            raise
        self._unanswered = self._too_long = self._empty = 0
        self._has_answered = True
        return reply

    def _failed(self, error: TransportError) -> None:
        self._unanswered += 1
        if self._unanswered >= MOST_UNANSWERED:
            self._give_up(unanswered(self.identity, self._unanswered, error))

    def _did_not_fit(self, request: Request, error: TooLongError) -> None:
        self._unanswered = 0
        self._too_long += 1
        if self._too_long >= MOST_TOO_LONG:
            self._give_up(too_small(self.identity, request, error))

    def _said_nothing(self, request: Request, error: BadReplyError) -> None:
        self._unanswered = 0
        self._empty += 1
        is_provoked = self._has_answered and not isinstance(error, GarbledReplyError)
        if self._empty >= (MOST_EMPTY_OF_ABLE if is_provoked else MOST_EMPTY):
            self._give_up(without_text(self.identity, request, self._empty, error))

    def _give_up(self, why: str) -> None:
        if self._given_up is None:  # others that flew with the last one find it given up
            self._given_up = FatalBackendError(why)
            self._stop(self._given_up)
        raise self._given_up from None


def unanswered(identity: ModelIdentity, calls: int, error: TransportError) -> str:
    """Return what to say of a server that gives no replies any more."""
    backend, endpoint, model = identity
    return (
        f"{backend} at {endpoint} (model {model!r}) {trouble(error)}: {calls} calls in a row failed, the last "
        f"with {error.reply_error!r}. {cure(error)} The run stops here; the same command goes on where it stopped, and "
        "asks for nothing again that was answered."
    )


def without_text(identity: ModelIdentity, request: Request, calls: int, error: BadReplyError) -> str:
    """Return what to say of a model or server whose replies hold nothing."""
    backend, endpoint, model = identity
    thinking = (
        f"A model that thinks needs more than the {request.max_tokens:,} tokens that a reply may have: set a higher "
        "max_tokens, or have it think less (`effort: low` or `none`)."
    )
    wrong = "Is base_url right, and does the server speak OpenAI's protocol?"
    return (
        f"{backend} at {endpoint} (model {model!r}) answered {calls} calls in a row without an answer, the last with "
        f"{error.reply_error!r}. {wrong if isinstance(error, GarbledReplyError) else thinking} The run stops here; the "
        "same command goes on where it stopped."
    )


def trouble(error: TransportError) -> str:
    """Return what a server does that gives no reply."""
    if isinstance(error, RateLimitedError):
        return "sends calls away"
    return "answers with errors" if isinstance(error, ServerFailedError) else "doesn't answer"


def cure(error: TransportError) -> str:
    """Return what to try where nobody answers."""
    if isinstance(error, CallTimedOutError):
        return "Is the server up? If it is only slow, set a higher timeout_s or a lower concurrency."
    if isinstance(error, ServerFailedError):
        return (
            "It was reached: its own log says why it fails, and one that still loads its model needs time. Of a page, "
            "see what stands before the server, and whether base_url is right."
        )
    if isinstance(error, RateLimitedError):
        return "Set a lower concurrency, or go on when the provider's limit has room again."
    return "Is the server up, and base_url right?"


def too_small(identity: ModelIdentity, request: Request, error: TooLongError) -> str:
    """Return what a run that stops says where ordinary comments don't fit into a model's context."""
    return (
        f"{room_needed(identity, request, error)} The run stops here, and the same command goes on: what was too long "
        "is asked again."
    )


def room_needed(identity: ModelIdentity, request: Request, error: TooLongError) -> str:
    """Return how much a request takes that didn't fit into a model's context, and what to set."""
    backend, endpoint, model = identity
    tokens = prompt_tokens(identity.model, request)
    needed = max(tokens, named_tokens(error.detail)) + request.max_tokens
    context = -(-needed // STEP_TOKENS) * STEP_TOKENS
    return (
        f"The prompts are longer than the context of {model!r} ({backend} at {endpoint}): about {tokens:,} tokens and "
        f"up to {request.max_tokens:,} of the reply; it says {error.detail!r}. Start the server with a context of "
        f"{context:,} tokens or more (llama.cpp --ctx-size, which all its slots share; vLLM --max-model-len; Ollama "
        "num_ctx; LM Studio, as the model is loaded), or set `prompt: category`, fewer context_lines or a lower "
        "max_tokens."
    )


def prompt_tokens(model: str, request: Request) -> int:
    """Return about how many tokens a request takes, its schema included."""
    schema = "" if request.schema is None else request.schema.json
    return sum(counted(model, text) for text in (*(each.content for each in request.messages), schema))


def named_tokens(said: str) -> int:
    """Return the largest count of tokens that a server names in its refusal; 0 where it names none."""
    found = [int(number) for pair in NAMED_TOKENS.findall(said) for number in pair if number]
    return max(found, default=0)
