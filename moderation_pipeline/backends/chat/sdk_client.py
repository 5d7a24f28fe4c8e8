"""A provider's SDK as every backend uses it: opened where it is used, through its lower door, its errors as ours.

The lower door is `post`, the body as it came: the SDKs know the provider's address, headers and errors, and parsing
the reply into their own models would cost more than half of a call's CPU (measured: 2.2 ms a call with, 0.9 without).
"""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from typing import Any, ClassVar, Generic, Protocol, TypeVar

from moderation_pipeline.backends.http_errors import Caller, http_error, transport_error
from moderation_pipeline.backends.language_model import JsonValue, LanguageModelError, ModelIdentity

Sdk = TypeVar("Sdk")

SENT_ANYWHERE = (
    "accept",
    "authorization",
    "connection",
    "content-",
    "host",
    "transfer-encoding",
    "user-agent",
    "x-stainless-",
)
"""How the names of the headers begin that a server other than the provider's own is sent.

The SDKs add what their environment variables say (OPENAI_ORG_ID, OPENAI_CUSTOM_HEADERS, TOGETHER_CUSTOM_HEADERS, which
hold keys), whichever server they speak to.
"""

NO_KEY = "none"
"""What is sent as a key where there is none: an SDK wants one, also where the server doesn't."""


class Sent(Protocol):
    """A request of either SDK's HTTP library, about to be sent."""

    headers: Any


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where a model is asked, and with what: `key` is the secret itself, read by whoever builds this."""

    model: str
    key: str = field(repr=False)
    key_variable: str
    base_url: str | None = None
    timeout_s: float = 60.0


class SdkClient(ABC, Generic[Sdk]):
    """A client of one endpoint."""

    status_error: ClassVar[type[Exception]]
    """What the SDK raises where the server answered with an error."""

    failures: ClassVar[tuple[type[Exception], ...]]
    """What it raises where nobody answered."""

    def __init__(self, identity: ModelIdentity, endpoint: Endpoint) -> None:
        self.identity = identity
        self.caller = Caller(identity, endpoint.key_variable, endpoint.key)
        self.endpoint = endpoint
        self._open: Sdk | None = None

    @abstractmethod
    def opened(self) -> Sdk:
        """Make the SDK's client: without retries of its own, for ours are counted, and on typed errors only."""

    @abstractmethod
    async def post(self, path: str, body: JsonValue) -> bytes:
        """Send one call; return the response's body as it came, but for the key where it holds it.

        Raises:
            LanguageModelError: the SDK's errors, as ours.
        """

    @abstractmethod
    async def served_models(self) -> list[str]:
        """Return the names of the models that the endpoint lists, sorted.

        Raises:
            LanguageModelError: it has no list, or none for this key.
        """

    @property
    def hooks(self) -> dict[str, list[Callable[[Sent], Awaitable[None]]]]:
        """What the SDK's HTTP client does to each request, a redirected one too."""
        return {"request": [self._take_out_what_is_the_providers] if self.endpoint.base_url else []}

    async def _take_out_what_is_the_providers(self, request: Sent) -> None:
        for name in list(request.headers):
            if not name.lower().startswith(SENT_ANYWHERE):
                del request.headers[name]
        # An SDK's variable can hold this header too; and where it was taken out for a redirect, out it stays.
        if "authorization" in request.headers:
            request.headers["authorization"] = f"Bearer {self.endpoint.key or NO_KEY}"

    @property
    def sdk(self) -> Sdk:
        """The SDK's client, made in the event loop that uses it."""
        if self._open is None:
            self._open = self.opened()
        return self._open

    @contextmanager
    def errors_as_ours(self) -> Iterator[None]:
        """Raise what the SDK raises as ours, without what it was raised from: that holds the request, and the key."""
        try:
            yield
        except (self.status_error, *self.failures) as error:
            raise self._ours(error) from None

    @asynccontextmanager
    async def answered_in_time(self) -> AsyncIterator[None]:
        """The same for a call, all of which takes `timeout_s` at most.

        The SDKs' own limit is that of each wait for another byte: a server that drips, or a proxy that sends blanks to
        keep a connection, would hold a call, and with it the run, for as long as it likes.
        """
        try:
            async with asyncio.timeout(self.endpoint.timeout_s):
                with self.errors_as_ours():
                    yield
        except TimeoutError as error:
            raise transport_error(error, self.endpoint.timeout_s, self.caller) from None

    async def aclose(self) -> None:
        """Close the connections."""
        if self._open is not None:
            closing: Any = self._open
            await closing.close()

    def _ours(self, error: Any) -> LanguageModelError:
        is_answered = isinstance(error, self.status_error)
        if is_answered:
            return http_error(error.status_code, error.response.headers, error.body, self.caller)
        return transport_error(error, self.endpoint.timeout_s, self.caller)
