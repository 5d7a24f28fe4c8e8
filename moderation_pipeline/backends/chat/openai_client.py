"""OpenAI's SDK through its lower door: bodies out, decoded JSON back, errors as ours.

For its endpoints that answer questions or give scores; the chat endpoint is `openai.py`'s.
"""

from __future__ import annotations

import httpx2
import orjson
from openai import APIConnectionError, APIStatusError, AsyncOpenAI, DefaultAioHttpClient

from moderation_pipeline.backends.chat.chat_endpoint import Endpoint
from moderation_pipeline.backends.chat.openai import OPENAI_URL
from moderation_pipeline.backends.http_errors import Caller, http_error, transport_error
from moderation_pipeline.backends.language_model import (
    GarbledReplyError,
    JsonValue,
    LanguageModelError,
    ModelIdentity,
)


class OpenAIClient:
    """A client of one endpoint."""

    def __init__(self, backend: str, endpoint: Endpoint) -> None:
        url = (endpoint.base_url or OPENAI_URL).rstrip("/")
        self.identity = ModelIdentity(backend, url, endpoint.model)
        self.caller = Caller(self.identity, endpoint.key_variable, endpoint.key)
        self._endpoint = endpoint
        self._open_client: AsyncOpenAI | None = None

    async def post(self, path: str, body: JsonValue) -> object:
        """Send one call, without retries; return the decoded reply.

        Raises:
            LanguageModelError: the SDK's errors, as ours.
            GarbledReplyError: a reply that is no JSON.
        """
        try:
            response = await self._client.post(path, cast_to=httpx2.Response, body=body)
        except (APIConnectionError, APIStatusError, httpx2.HTTPError) as error:
            raise self._ours(error) from None  # the SDK's error holds the request, and with it the key
        try:
            decoded: object = orjson.loads(response.content)
        except orjson.JSONDecodeError:
            raise GarbledReplyError(f"no JSON: {self.caller.redacted(response.text[:80])!r}") from None
        return decoded

    async def served_models(self) -> list[str] | None:
        """Return the models that the endpoint lists under /models; null where it has no list for this key."""
        try:
            return sorted([model.id async for model in self._client.models.list()])
        except (APIConnectionError, APIStatusError, httpx2.HTTPError):
            return None

    async def aclose(self) -> None:
        """Close the connections."""
        if self._open_client is not None:
            await self._open_client.close()

    @property
    def _client(self) -> AsyncOpenAI:
        if self._open_client is None:
            self._open_client = AsyncOpenAI(
                api_key=self._endpoint.key or "none",  # the SDK wants one, also where the server doesn't
                base_url=self.identity.endpoint,
                timeout=self._endpoint.timeout_s,
                max_retries=0,  # retries are ours (`retry.py`)
                http_client=DefaultAioHttpClient(timeout=self._endpoint.timeout_s),
            )
        return self._open_client

    def _ours(self, error: Exception) -> LanguageModelError:
        if isinstance(error, APIStatusError):
            return http_error(error.status_code, error.response.headers, error.body, self.caller)
        return transport_error(error, self._endpoint.timeout_s, self.caller)
