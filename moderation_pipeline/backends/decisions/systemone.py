"""System One over HTTP: TypeSafe, OpenRouter, Fireworks, Ollama, llama-server, `transformers serve`, and others.

Through aiohttp itself. Measured against a local server, 64 calls in flight (`benchmarks/decision_clients`): 0.26
ms of CPU a call, through the lower door of OpenAI's SDK 0.91, through `typesafe-sdk` 1.52; that one is the tests'
oracle for the wire form instead.
"""

from __future__ import annotations

from collections.abc import Mapping

import aiohttp
import orjson

from moderation_pipeline.backends.chat.chat_wire import model_ids
from moderation_pipeline.backends.chat.sdk_client import Endpoint
from moderation_pipeline.backends.decisions.decision_model import (
    DecisionModel,
    DecisionReply,
    DecisionRequest,
)
from moderation_pipeline.backends.decisions.systemone_wire import answers_of, questions_of
from moderation_pipeline.backends.http_errors import Caller, http_error, transport_error
from moderation_pipeline.backends.language_model import GarbledReplyError, ModelIdentity, Reply, whole_number

TYPESAFE_URL = "https://api.typesafe.ai"
CONNECTIONS = 1_024
"""No bound of its own: how many calls fly at once is `concurrency.py`'s business."""


class SystemOneModel(DecisionModel):
    """A decision model behind System One's protocol."""

    def __init__(self, endpoint: Endpoint) -> None:
        url = (endpoint.base_url or TYPESAFE_URL).rstrip("/").removesuffix("/v1")
        self._identity = ModelIdentity("systemone", url, endpoint.model)
        self._endpoint = endpoint
        self._caller = Caller(self._identity, endpoint.key_variable, endpoint.key)
        self._open_session: aiohttp.ClientSession | None = None

    @property
    def identity(self) -> ModelIdentity:
        """Backend, endpoint and model."""
        return self._identity

    async def decide(self, request: DecisionRequest) -> DecisionReply:
        """Ask all questions in one call."""
        body = {
            "model": self._identity.model,
            "state": request.state,
            "questions": questions_of(request),
        }
        return self._read(request, await self._post(orjson.dumps(body)))

    async def served_models(self) -> list[str] | None:
        """Return the models listed under /v1/models, which System One doesn't ask for but most servers have."""
        try:
            async with self._session.get(f"{self._identity.endpoint}/v1/models") as response:
                listed = _json(self._caller.redacted_body(await response.read()))
                return model_ids(listed) if response.status == 200 else None
        except (aiohttp.ClientError, TimeoutError):
            return None

    async def aclose(self) -> None:
        """Close the connections."""
        if self._open_session is not None:
            await self._open_session.close()

    async def _post(self, body: bytes) -> bytes:
        try:
            async with self._session.post(f"{self._identity.endpoint}/v1/systemone", data=body) as response:
                content = self._caller.redacted_body(await response.read())
                status, headers = response.status, response.headers
        except (aiohttp.ClientError, TimeoutError) as error:
            raise transport_error(error, self._endpoint.timeout_s, self._caller) from None
        if status >= 400:
            raise http_error(status, headers, _json(content), self._caller)
        return content

    @property
    def _session(self) -> aiohttp.ClientSession:
        """The connections, made in the event loop that uses them. A redirect is not followed with the key."""
        if self._open_session is None:
            headers = {"content-type": "application/json", "accept": "application/json"}
            if self._endpoint.key:
                headers["authorization"] = f"Bearer {self._endpoint.key}"
            self._open_session = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(limit=CONNECTIONS),
                timeout=aiohttp.ClientTimeout(total=self._endpoint.timeout_s),
                headers=headers,
            )
        return self._open_session

    def _read(self, request: DecisionRequest, content: bytes) -> DecisionReply:
        reply = _json(content)
        if not isinstance(reply, Mapping) or not isinstance(reply.get("answers"), Mapping):
            raise GarbledReplyError(f"no answers in {content[:80]!r}")
        usage = reply.get("usage")
        tokens = usage if isinstance(usage, Mapping) else {}
        return DecisionReply(
            answers=answers_of(request.questions, reply["answers"]),
            reply=Reply(
                text="",
                model=str(reply.get("model") or self._identity.model),
                prompt_tokens=whole_number(tokens.get("input_tokens")),
                completion_tokens=whole_number(tokens.get("output_tokens")),
            ),
        )


def _json(content: bytes) -> object:
    try:
        decoded: object = orjson.loads(content)
    except orjson.JSONDecodeError:
        return content.decode(errors="replace")
    return decoded
