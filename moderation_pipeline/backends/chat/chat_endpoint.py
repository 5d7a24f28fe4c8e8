"""A model behind OpenAI's chat protocol, whoever serves it: what is asked, and what the endpoint can do.

How a call is sent is the client's (`sdk_client.py`), how it is written `chat_wire.py`'s.
"""

from __future__ import annotations

import asyncio
from typing import Any, Generic, Protocol, TypeVar

from moderation_pipeline.backends.chat.abilities import FoundAbilities, find_out
from moderation_pipeline.backends.chat.chat_wire import Abilities, Body, body_of, reply_in
from moderation_pipeline.backends.chat.response_body import decoded, error_in
from moderation_pipeline.backends.chat.sdk_client import SdkClient
from moderation_pipeline.backends.http_errors import http_error
from moderation_pipeline.backends.language_model import (
    JsonValue,
    LanguageModel,
    ModelIdentity,
    Reply,
    Request,
)

Client = TypeVar("Client", bound=SdkClient[Any])


class AbilitiesMemory(Protocol):
    """Where it is kept what an endpoint can do."""

    def abilities_of(self, identity: ModelIdentity) -> Abilities | None:
        """Return what was found out before, if it was."""
        ...

    def keep_abilities(self, identity: ModelIdentity, found: FoundAbilities) -> None:
        """Keep what was found out."""
        ...


class ForgetfulMemory:
    """Keeps nothing: each process finds out anew."""

    def abilities_of(self, identity: ModelIdentity) -> Abilities | None:  # noqa: ARG002
        """Return that nothing is known."""
        return None

    def keep_abilities(self, identity: ModelIdentity, found: FoundAbilities) -> None:
        """Keep nothing."""


class ChatEndpoint(LanguageModel, Generic[Client]):
    """A language model behind a chat endpoint, found out at its first call and asked ever after."""

    ask_logprobs: JsonValue = True

    def __init__(self, client: Client, path: str, memory: AbilitiesMemory | None = None) -> None:
        self.client = client
        self._path = path
        self._memory: AbilitiesMemory = memory or ForgetfulMemory()
        self._abilities: Abilities | None = None
        self._finding_out = asyncio.Lock()

    @property
    def identity(self) -> ModelIdentity:
        """Backend, endpoint and model."""
        return self.client.identity

    async def served_models(self) -> list[str]:
        """Return the names of the models that the endpoint serves, as it lists them."""
        return await self.client.served_models()

    async def aclose(self) -> None:
        """Close the connections."""
        await self.client.aclose()

    async def prepare(self) -> str:
        """Find out, once per endpoint, what it can do."""
        return (await self._ability()).variant

    async def complete(self, request: Request) -> Reply:
        """Ask the model."""
        return await self._ask(request, await self._ability())

    async def find_out_anew(self) -> FoundAbilities:
        """Find out what the endpoint can do, whatever is known about it."""
        found = await find_out(self._ask)
        self._memory.keep_abilities(self.identity, found)
        self._abilities = found.abilities
        return found

    async def body(self, request: Request) -> Body:
        """Return the body that the request is sent as."""
        return self._body(request, await self._ability())

    def _body(self, request: Request, abilities: Abilities) -> Body:
        return body_of(request, self.identity.model, abilities, ask_logprobs=self.ask_logprobs)

    async def _ask(self, request: Request, abilities: Abilities) -> Reply:
        return self.reply_of(await self.client.post(self._path, self._body(request, abilities)))

    def reply_of(self, content: bytes) -> Reply:
        """Return the reply in a response's body.

        Raises:
            BadReplyError: there is none in it.
            LanguageModelError: it holds an error, which should have come under a status of its own.
        """
        caller = self.client.caller
        body = decoded(content)
        if (said := error_in(body)) is not None:
            raise http_error(said.status, {}, said.body, caller)
        return reply_in(body, content, self.identity.model, caller.redacted)

    async def _ability(self) -> Abilities:
        if self._abilities is not None:
            return self._abilities
        async with self._finding_out:  # the first in stream order asks, the others wait in their order
            if self._abilities is None:
                self._abilities = self._memory.abilities_of(self.identity)
            if self._abilities is None:
                return (await self.find_out_anew()).abilities
            return self._abilities
