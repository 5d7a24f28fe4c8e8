"""OpenAI, and whatever speaks its protocol (vLLM, llama.cpp, Ollama, Groq, …), through OpenAI's SDK."""

from __future__ import annotations

import httpx2
from openai import APIConnectionError, APIStatusError, AsyncOpenAI, DefaultAioHttpClient

from moderation_pipeline.backends.chat.chat_endpoint import AbilitiesMemory, ChatEndpoint, Endpoint
from moderation_pipeline.backends.chat.chat_wire import Body
from moderation_pipeline.backends.http_errors import Caller, http_error, transport_error
from moderation_pipeline.backends.language_model import LanguageModelError, ModelIdentity

OPENAI_URL = "https://api.openai.com/v1"


class OpenAIModel(ChatEndpoint):
    """A model behind OpenAI's protocol."""

    def __init__(self, endpoint: Endpoint, memory: AbilitiesMemory | None = None) -> None:
        url = (endpoint.base_url or OPENAI_URL).rstrip("/")
        super().__init__(ModelIdentity("openai", url, endpoint.model), memory)
        self._caller = Caller(self.identity, endpoint.key_variable, endpoint.key)
        self._endpoint = endpoint
        self._open_client: AsyncOpenAI | None = None

    @property
    def client(self) -> AsyncOpenAI:
        """The SDK's client, made in the event loop that uses it; over aiohttp, which costs less CPU."""
        if self._open_client is None:
            self._open_client = AsyncOpenAI(
                api_key=self._endpoint.key or "none",  # the SDK wants one, also where the server doesn't
                base_url=self.identity.endpoint,
                timeout=self._endpoint.timeout_s,
                max_retries=0,  # retries are ours (`retry.py`): counted, and on typed errors only
                http_client=DefaultAioHttpClient(timeout=self._endpoint.timeout_s),
            )
        return self._open_client

    async def post(self, body: Body) -> bytes:
        """Send one call to /chat/completions."""
        try:
            response = await self.client.post("/chat/completions", cast_to=httpx2.Response, body=body)
        except (APIConnectionError, APIStatusError, httpx2.HTTPError) as error:
            raise self.ours(error) from None  # the SDK's error holds the request, and with it the key
        return response.content

    async def served_models(self) -> list[str]:
        """Return the models that the endpoint lists under /models."""
        try:
            return sorted([model.id async for model in self.client.models.list()])
        except (APIConnectionError, APIStatusError, httpx2.HTTPError) as error:
            raise self.ours(error) from None

    async def aclose(self) -> None:
        """Close the connections."""
        if self._open_client is not None:
            await self._open_client.close()

    def ours(self, error: Exception) -> LanguageModelError:
        """Return the SDK's error as ours."""
        if isinstance(error, APIStatusError):
            return http_error(error.status_code, error.response.headers, error.body, self._caller)
        return transport_error(error, self._endpoint.timeout_s, self._caller)
