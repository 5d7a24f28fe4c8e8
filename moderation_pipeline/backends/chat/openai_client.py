"""OpenAI's SDK, for OpenAI and whatever speaks its protocol, over aiohttp, which costs less CPU than its default."""

from __future__ import annotations

import httpx2
import orjson
from openai import APIConnectionError, APIStatusError, AsyncOpenAI, DefaultAioHttpClient

from moderation_pipeline.backends.chat.sdk_client import NO_KEY, Endpoint, SdkClient
from moderation_pipeline.backends.language_model import GarbledReplyError, JsonValue, ModelIdentity

OPENAI_URL = "https://api.openai.com/v1"


class OpenAIClient(SdkClient[AsyncOpenAI]):
    """A client of one endpoint; `backend` is the name of whoever uses it."""

    status_error = APIStatusError
    failures = (APIConnectionError, httpx2.HTTPError)

    def __init__(self, backend: str, endpoint: Endpoint) -> None:
        url = (endpoint.base_url or OPENAI_URL).rstrip("/")
        super().__init__(ModelIdentity(backend, url, endpoint.model), endpoint)

    def opened(self) -> AsyncOpenAI:
        """Make the SDK's client."""
        return AsyncOpenAI(
            api_key=self.endpoint.key or NO_KEY,
            base_url=self.identity.endpoint,
            timeout=self.endpoint.timeout_s,
            max_retries=0,
            http_client=DefaultAioHttpClient(timeout=self.endpoint.timeout_s, event_hooks=self.hooks),
        )

    async def post(self, path: str, body: JsonValue) -> bytes:
        """Send one call: its body as bytes, for the SDK copies what it encodes itself, and takes twice as long."""
        async with self.answered_in_time():
            response = await self.sdk.post(path, cast_to=httpx2.Response, content=orjson.dumps(body))
        return self.caller.redacted_body(response.content)

    async def asked(self, path: str, body: JsonValue) -> object:
        """Send one call, and return its decoded reply.

        Raises:
            GarbledReplyError: a reply that is no JSON.
        """
        content = await self.post(path, body)
        try:
            decoded: object = orjson.loads(content)
        except orjson.JSONDecodeError:
            raise GarbledReplyError(f"no JSON: {content.decode(errors='replace')[:80]!r}") from None
        return decoded

    async def served_models(self) -> list[str]:
        """Return the models listed under /models."""
        with self.errors_as_ours():
            return sorted([self.caller.redacted(model.id) async for model in self.sdk.models.list()])
