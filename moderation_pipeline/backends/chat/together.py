"""Together, through its own SDK, which knows its addresses; its parsing and HTTP client are gone round."""

from __future__ import annotations

import httpx
from together import APIConnectionError, APIStatusError, AsyncTogether, DefaultAioHttpClient

from moderation_pipeline.backends.chat.chat_endpoint import AbilitiesMemory, ChatEndpoint
from moderation_pipeline.backends.chat.chat_wire import model_ids
from moderation_pipeline.backends.chat.sdk_client import NO_KEY, Endpoint, SdkClient
from moderation_pipeline.backends.language_model import JsonValue, ModelIdentity

TOGETHER_URL = "https://api.together.ai"
INFERENCE_URL = "https://api-inference.together.ai/v1/chat/completions"
"""Where the SDK itself (3.1) sends chat calls unless its base URL is another."""


class TogetherClient(SdkClient[AsyncTogether]):
    """A client of Together, or of a server that speaks its protocol: then `base_url` must not end in /v1."""

    status_error = APIStatusError
    failures = (APIConnectionError, httpx.HTTPError)

    def __init__(self, endpoint: Endpoint) -> None:
        url = endpoint.base_url.rstrip("/").removesuffix("/v1") if endpoint.base_url else TOGETHER_URL
        super().__init__(ModelIdentity("together", url, endpoint.model), endpoint)

    def opened(self) -> AsyncTogether:
        """Make the SDK's client, over aiohttp: half the CPU of its default."""
        return AsyncTogether(
            api_key=self.endpoint.key or NO_KEY,
            base_url=self.identity.endpoint if self.endpoint.base_url else None,
            timeout=self.endpoint.timeout_s,
            max_retries=0,
            http_client=DefaultAioHttpClient(timeout=self.endpoint.timeout_s, event_hooks=self.hooks),
        )

    async def post(self, path: str, body: JsonValue) -> bytes:
        """Send one call."""
        async with self.answered_in_time():
            response = await self.sdk.post(path, cast_to=httpx.Response, body=body)
        return self.caller.redacted_body(response.content)

    async def served_models(self) -> list[str]:
        """Return the models that Together serves without a deployment; another server's from /v1/models."""
        with self.errors_as_ours():
            if self.endpoint.base_url:
                listed = await self.sdk.get("/v1/models", cast_to=httpx.Response)
                return [self.caller.redacted(name) for name in model_ids(listed.json())]
            served = self.sdk.models.list_supported(product="PRODUCT_SERVERLESS")
            return sorted([self.caller.redacted(model.id) async for model in served])


class TogetherModel(ChatEndpoint[TogetherClient]):
    """A model of Together's."""

    ask_logprobs: JsonValue = 1  # Together wants a number, OpenAI a boolean

    def __init__(self, endpoint: Endpoint, memory: AbilitiesMemory | None = None) -> None:
        path = "/v1/chat/completions" if endpoint.base_url else INFERENCE_URL
        super().__init__(TogetherClient(endpoint), path, memory)
