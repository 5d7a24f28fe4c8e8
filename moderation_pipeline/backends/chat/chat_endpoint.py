"""A model behind OpenAI's chat protocol: what OpenAI's and Together's backends share. Their SDKs are theirs.

The SDKs are used through their lower door (`post`, the body as it came): they know the provider's address,
headers and errors, and parsing the reply into their own models would cost more than half of a call's CPU
(measured: 2.2 ms a call with, 0.9 ms without).
"""

from __future__ import annotations

import asyncio
from abc import abstractmethod
from dataclasses import dataclass
from typing import Protocol

from moderation_pipeline.backends.chat.abilities import FoundAbilities, find_out
from moderation_pipeline.backends.chat.chat_wire import Abilities, Body, body_of, reply_of
from moderation_pipeline.backends.language_model import (
    JsonValue,
    LanguageModel,
    ModelIdentity,
    Reply,
    Request,
)


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


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where a model is asked, and with what: `key` is the secret itself, read by whoever builds this."""

    model: str
    key: str
    key_variable: str
    base_url: str | None = None
    timeout_s: float = 60.0


class ChatEndpoint(LanguageModel):
    """A language model behind a chat endpoint, found out at its first call and asked ever after."""

    ask_logprobs: JsonValue = True

    def __init__(self, identity: ModelIdentity, memory: AbilitiesMemory | None = None) -> None:
        self._identity = identity
        self._memory: AbilitiesMemory = memory or ForgetfulMemory()
        self._abilities: Abilities | None = None
        self._finding_out = asyncio.Lock()

    @property
    def identity(self) -> ModelIdentity:
        """Backend, endpoint and model."""
        return self._identity

    @abstractmethod
    async def post(self, body: Body) -> bytes:
        """Send one call, without retries; return the response's body as it came.

        Raises:
            LanguageModelError: the SDK's errors, as ours.
        """

    @abstractmethod
    async def served_models(self) -> list[str]:
        """Return the names of the models that the endpoint serves, as it lists them."""

    async def prepare(self) -> str:
        """Find out, once per endpoint, what it can do."""
        return (await self._ability()).variant

    async def complete(self, request: Request) -> Reply:
        """Ask the model."""
        return await self._ask(request, await self._ability())

    async def find_out_anew(self) -> FoundAbilities:
        """Find out what the endpoint can do, whatever is known about it."""
        found = await find_out(self._ask)
        self._memory.keep_abilities(self._identity, found)
        self._abilities = found.abilities
        return found

    async def body(self, request: Request) -> Body:
        """Return the body that the request is sent as."""
        return self._body(request, await self._ability())

    def _body(self, request: Request, abilities: Abilities) -> Body:
        return body_of(request, self._identity.model, abilities, ask_logprobs=self.ask_logprobs)

    async def _ask(self, request: Request, abilities: Abilities) -> Reply:
        return reply_of(await self.post(self._body(request, abilities)), self._identity.model)

    async def _ability(self) -> Abilities:
        if self._abilities is not None:
            return self._abilities
        async with self._finding_out:  # the first in stream order asks, the others wait in their order
            if self._abilities is None:
                self._abilities = self._memory.abilities_of(self._identity)
            if self._abilities is None:
                return (await self.find_out_anew()).abilities
            return self._abilities
