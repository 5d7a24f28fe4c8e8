"""Together, through its own SDK, which knows its addresses; its parsing and HTTP client are gone round."""

from __future__ import annotations

import httpx
from together import APIConnectionError, APIStatusError, AsyncTogether, DefaultAioHttpClient

from moderation_pipeline.backends.chat.chat_endpoint import AbilitiesMemory, ChatEndpoint, Endpoint
from moderation_pipeline.backends.chat.chat_wire import Body, model_ids
from moderation_pipeline.backends.http_errors import Caller, http_error, transport_error
from moderation_pipeline.backends.language_model import JsonValue, LanguageModelError, ModelIdentity

TOGETHER_URL = "https://api.together.ai"
INFERENCE_URL = "https://api-inference.together.ai/v1/chat/completions"
"""Where the SDK itself (3.1) sends chat calls unless its base URL is another."""


class TogetherModel(ChatEndpoint):
    """A model of Together's; `base_url`, for a server that speaks its protocol, must not end in /v1."""

    ask_logprobs: JsonValue = 1  # Together wants a number, OpenAI a boolean

    def __init__(self, endpoint: Endpoint, memory: AbilitiesMemory | None = None) -> None:
        url = endpoint.base_url.rstrip("/").removesuffix("/v1") if endpoint.base_url else TOGETHER_URL
        super().__init__(ModelIdentity("together", url, endpoint.model), memory)
        self._caller = Caller(self.identity, endpoint.key_variable, endpoint.key)
        self._endpoint = endpoint
        self._open_client: AsyncTogether | None = None

    @property
    def client(self) -> AsyncTogether:
        """The SDK's client, made in the loop that uses it; over aiohttp: half the CPU of its default."""
        if self._open_client is None:
            self._open_client = AsyncTogether(
                api_key=self._endpoint.key,
                base_url=self.identity.endpoint if self._endpoint.base_url else None,
                timeout=self._endpoint.timeout_s,
                max_retries=0,
                http_client=DefaultAioHttpClient(timeout=self._endpoint.timeout_s),
            )
        return self._open_client

    async def post(self, body: Body) -> bytes:
        """Send one chat call."""
        url = "/v1/chat/completions" if self._endpoint.base_url else INFERENCE_URL
        try:
            response = await self.client.post(url, cast_to=httpx.Response, body=body)
        except (APIConnectionError, APIStatusError, httpx.HTTPError) as error:
            raise self.ours(error) from None  # the SDK's error holds the request, and with it the key
        return response.content

    async def served_models(self) -> list[str]:
        """Return the models that Together serves without a deployment; another server's from /v1/models."""
        try:
            if self._endpoint.base_url:
                listed = await self.client.get("/v1/models", cast_to=httpx.Response)
                return model_ids(listed.json())
            served = self.client.models.list_supported(product="PRODUCT_SERVERLESS")
            return sorted([model.id async for model in served])
        except (APIConnectionError, APIStatusError, httpx.HTTPError) as error:
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
