"""A real local server that speaks OpenAI's chat protocol: truthful, slow, or faulty by a script.

Tests run it in a thread and read what it was asked; benchmarks run it as a process of its own
(`python -m moderation_pipeline_tests.backends.chat_server --latency-ms 200`), so that its CPU isn't theirs.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import math
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

import orjson
from aiohttp import web

Body = dict[str, Any]


class Fault(StrEnum):
    """What can go wrong with a call, in the order in which `three_in_ten` takes turns."""

    RATE_LIMIT = "429 with Retry-After"
    SERVER_ERROR = "500"
    HANG = "no answer until long after the timeout"
    CUT = "connection cut half-way"
    GARBAGE = "valid HTTP, but no JSON"
    TRUNCATED = "JSON that stops in the middle"
    WRONG_SCHEMA = "JSON of another shape"
    EMPTY_CHOICES = "no choices"
    REFUSAL = "a refusal"
    # Below are faults that only single tests ask for.
    UNAUTHORISED = "401, and the message repeats the key"
    FORBIDDEN = "403"
    NOT_FOUND = "404: no such model"
    CONTENT_FILTER = "400: content policy"
    CONTEXT_LENGTH = "400: longer than the context"
    BAD_REQUEST = "400 for another reason"
    DRIP = "a blank now and then, until long after the timeout"


TURNS = list(Fault)[:9]


def three_in_ten(call: int) -> Fault | None:
    """Let 30 % of the calls fail, by turns, deterministically by the number of the call."""
    if call % 10 not in (2, 5, 8):
        return None
    return TURNS[(call // 10 * 3 + (2, 5, 8).index(call % 10)) % len(TURNS)]


def never(call: int) -> Fault | None:  # noqa: ARG001
    """Let no call fail."""
    return None


@dataclass(slots=True)
class Behaviour:
    """What kind of server it is."""

    latency_s: float = 0.0
    faults: Callable[[int], Fault | None] = never
    enforces_schema: bool = True
    refuses_schema: bool = False
    trips_over_schema: bool = False
    has_tools: bool = True
    gives_logprobs: bool = True
    gives_logprobs_of_tools: bool = True
    gives_logprobs_only_with_top: bool = False
    gives_usage: bool = True
    model: str | None = None
    models: tuple[str, ...] = ("tiny-judge",)
    hang_s: float = 30.0
    retry_after_s: float = 0.05
    max_in_flight: int | None = None
    context_tokens: int | None = None
    cuts_probe: bool = False
    thinks_tokens: int = 0
    refuses_parameters: tuple[str, ...] = ()
    answer: Callable[[Body], Body] | None = None
    instead: Callable[[Body, Body], tuple[int, bytes] | None] | None = None
    first_tokens: Callable[[Body], Mapping[str, float]] | None = None
    batch_polls: int = 0
    batch_leaves_out: int = 0
    batch_error: str | None = None
    batch_lines: Callable[[list[Body]], list[Body]] | None = None


@dataclass(slots=True)
class ChatServer:
    """A running server: where it is, and what it was asked."""

    behaviour: Behaviour
    base_url: str = ""
    bodies: list[Body] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)
    calls: int = 0
    in_flight: int = 0
    most_in_flight: int = 0
    faults_given: list[Fault] = field(default_factory=list)
    files: dict[str, bytes] = field(default_factory=dict)
    batches: dict[str, str] = field(default_factory=dict)
    polls: int = 0

    async def chat(self, request: web.Request) -> web.StreamResponse:
        """Answer POST /v1/chat/completions."""
        body = orjson.loads(await request.read())
        self.bodies.append(body)
        self.headers.append(dict(request.headers))
        self.in_flight += 1
        self.most_in_flight = max(self.most_in_flight, self.in_flight)
        try:
            return self._sent(body, await self._answer(request, body))
        finally:
            self.in_flight -= 1

    def _sent(self, body: Body, answer: web.StreamResponse) -> web.StreamResponse:
        """Return the answer, or the status and bytes that are sent instead of it."""
        if self.behaviour.instead is None or not isinstance(answer, web.Response) or answer.status != 200:
            return answer
        changed = self.behaviour.instead(body, orjson.loads(answer.body))  # type: ignore[arg-type]
        return answer if changed is None else web.Response(status=changed[0], body=changed[1])

    async def _answer(self, request: web.Request, body: Body) -> web.StreamResponse:
        behaviour = self.behaviour
        asks_ability = is_probe(body)
        refused = [name for name in behaviour.refuses_parameters if name in body]
        if refused:
            return _error(400, f"Unsupported parameter: '{refused[0]}'", param=refused[0])
        if "response_format" in body and behaviour.refuses_schema:
            return _error(400, "response_format is not supported", param="response_format")
        if "response_format" in body and behaviour.trips_over_schema:
            return _error(500, "1 validation error: body.response_format.type")
        if behaviour.max_in_flight is not None and self.in_flight > behaviour.max_in_flight:
            return _error(429, "slow down", headers={"retry-after": str(behaviour.retry_after_s)})
        asked_tokens = _usage(body, "")["prompt_tokens"]
        if (
            behaviour.context_tokens is not None
            and asked_tokens > behaviour.context_tokens
            and not asks_ability
        ):
            return _error(400, _too_long(asked_tokens, behaviour.context_tokens))
        fault = None if asks_ability else behaviour.faults(self.calls)
        if not asks_ability:
            self.calls += 1
        if behaviour.latency_s:
            await asyncio.sleep(behaviour.latency_s)
        if body.get("max_tokens", 0) < behaviour.thinks_tokens:
            return self._reply(body, "", finish_reason="length")
        if asks_ability and behaviour.cuts_probe and "response_format" in body:
            return self._reply(body, CUT_PROBE, finish_reason="length")
        if fault is None:
            return self._reply(body, self._text(body))
        self.faults_given.append(fault)
        return await self._fail(request, body, fault)

    def _text(self, body: Body) -> str:
        if likely := self._first_tokens(body):
            return max(likely, key=lambda token: likely[token])
        schema = _schema_of(body)
        if schema is not None and (self.behaviour.enforces_schema or "tools" in body):
            return orjson.dumps(instance_of(schema, self._judgement(body))).decode()
        return orjson.dumps(self._judgement(body)).decode() if not is_probe(body) else "hello"

    def _first_tokens(self, body: Body) -> Mapping[str, float]:
        asks = self.behaviour.first_tokens
        return {} if asks is None or "top_logprobs" not in body or is_probe(body) else asks(body)

    def _judgement(self, body: Body) -> Body:
        return (self.behaviour.answer or judge)(body)

    def _reply(self, body: Body, text: str, **changes: Any) -> web.Response:
        message: Body = {"role": "assistant", "content": text}
        if "tools" in body and self.behaviour.has_tools:
            function = {"name": body["tools"][0]["function"]["name"], "arguments": text}
            message = {
                "role": "assistant",
                "content": None,
                "tool_calls": [{"id": "call_1", "type": "function", "function": function}],
            }
        choice: Body = {"index": 0, "message": message, "finish_reason": "stop", **changes}
        is_without = ("tool_calls" in message and not self.behaviour.gives_logprobs_of_tools) or (
            "top_logprobs" not in body and self.behaviour.gives_logprobs_only_with_top
        )
        if body.get("logprobs") and self.behaviour.gives_logprobs and not is_without:
            tokens = [_token(piece) for piece in _pieces(text)]
            likely = [_token(token, math.log(share)) for token, share in self._first_tokens(body).items()]
            tokens[:1] = [{**token, "top_logprobs": likely} for token in tokens[:1]]
            choice["logprobs"] = {"content": tokens}
        reply: Body = {
            "id": "chatcmpl-1",
            "object": "chat.completion",
            "created": 1,
            "model": self.behaviour.model or body["model"],
            "choices": [choice],
        }
        if self.behaviour.gives_usage:
            reply["usage"] = _usage(body, text)
        return _json(reply)

    async def _fail(self, request: web.Request, body: Body, fault: Fault) -> web.StreamResponse:
        if fault in _STATUS_FAULTS:
            return _STATUS_FAULTS[fault](self, request)
        if fault is Fault.HANG:
            await asyncio.sleep(self.behaviour.hang_s)
            return _json({})
        if fault is Fault.DRIP:
            return await self._drip(request)
        if fault is Fault.CUT:
            response = web.StreamResponse(headers={"content-length": "5000"})
            await response.prepare(request)
            await response.write(b'{"id": "chatcmpl-1", "choi')
            assert request.transport is not None
            request.transport.abort()
            return response
        if fault is Fault.GARBAGE:
            return web.Response(text="upstream says hi")
        if fault is Fault.EMPTY_CHOICES:
            return _json({"id": "1", "model": body["model"], "choices": [], "usage": _usage(body, "")})
        if fault is Fault.REFUSAL:
            refusal = {"role": "assistant", "content": None, "refusal": "I can't help with that."}
            return self._reply(body, "", message=refusal)
        text = self._text(body)
        if fault is Fault.TRUNCATED:
            return self._reply(body, text[: len(text) // 2], finish_reason="length")
        return self._reply(body, '{"mood": "fine", "verdicts": [1, 2, 3]}')

    async def _drip(self, request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        with contextlib.suppress(ConnectionError):  # the other side has had enough
            for _ in range(int(self.behaviour.hang_s / 0.1)):
                await response.write(b" ")
                await asyncio.sleep(0.1)
        return response

    async def models(self, request: web.Request) -> web.Response:  # noqa: ARG002
        """Answer GET /v1/models."""
        rows = [{"id": name, "object": "model"} for name in self.behaviour.models]
        return _json({"object": "list", "data": rows})

    # OpenAI's files go up in one form; Together's SDK is sent on to where it may put the bytes.

    async def upload(self, request: web.Request) -> web.Response:
        """Answer POST /v1/files."""
        name = f"file-{len(self.files)}"
        form = await request.post()
        if "file_name" in form or "file" not in form:
            self.files[name] = b""
            where = f"{self.base_url.removesuffix('/v1')}/bytes/{name}"
            return web.Response(status=302, headers={"location": where, "x-together-file-id": name})
        sent = form["file"]
        assert isinstance(sent, web.FileField)
        self.files[name] = sent.file.read()
        return _json(
            {"id": name, "object": "file", "bytes": 1, "created_at": 1, "filename": "f", "purpose": "batch"}
        )

    async def put(self, request: web.Request) -> web.Response:
        """Take the bytes of a file that was announced."""
        self.files[request.match_info["name"]] = await request.read()
        return web.Response()

    async def uploaded(self, request: web.Request) -> web.Response:
        """Answer Together's SDK's word that the bytes are there."""
        name = request.match_info["name"]
        told = {"id": name, "object": "file", "purpose": "batch-api", "filename": "calls.jsonl"}
        return _json({**told, "bytes": len(self.files[name]), "created_at": 1, "FileType": "jsonl"})

    async def content(self, request: web.Request) -> web.Response:
        """Answer GET /v1/files/NAME/content."""
        return web.Response(body=self.files[request.match_info["name"]])

    async def begin_batch(self, request: web.Request) -> web.Response:
        """Answer POST /v1/batches: every call of the file is answered at once, and kept until it is polled."""
        asked = orjson.loads(await request.read())
        name = f"batch-{len(self.batches)}"
        lines = [orjson.loads(line) for line in self.files[asked["input_file_id"]].splitlines()]
        answers = [self._batch_answer(line) for line in lines[self.behaviour.batch_leaves_out :]]
        if self.behaviour.batch_lines is not None:
            answers = [
                orjson.dumps(each) for each in self.behaviour.batch_lines([*map(orjson.loads, answers)])
            ]
        self.files[f"{name}-out"] = b"\n".join(answers)
        self.batches[name] = asked["input_file_id"]
        self.behaviour.batch_leaves_out = 0
        return _json(self._batch(name, shouting="completion_window" not in asked))

    async def batch(self, request: web.Request) -> web.Response:
        """Answer GET /v1/batches/NAME."""
        self.polls += 1
        shouting = "openai" not in request.headers.get("user-agent", "").lower()
        return _json(self._batch(request.match_info["name"], shouting=shouting, wrapped=False))

    def _batch(self, name: str, *, shouting: bool, wrapped: bool = True) -> Body:
        status = "in_progress" if self.polls <= self.behaviour.batch_polls else "completed"
        error = self.behaviour.batch_error
        if error is not None and status == "completed":
            status = "failed"
        errors = {"data": [{"message": error, "code": "so"}], "object": "list"}
        told: Body = {
            "id": name,
            "object": "batch",
            "status": status.upper() if shouting else status,
            "output_file_id": f"{name}-out" if status == "completed" else None,
            "endpoint": "/v1/chat/completions",
            "input_file_id": self.batches[name],
            "completion_window": "24h",
            "created_at": "2026-01-01T00:00:00Z" if shouting else 1,
            **(
                {"error" if shouting else "errors": error if shouting else errors}
                if status == "failed"
                else {}
            ),
        }
        return {"job": told} if shouting and wrapped else told

    def _batch_answer(self, line: Body) -> bytes:
        body = line["body"]
        self.bodies.append(body)
        answer = orjson.loads(self._reply(body, self._text(body)).body)  # type: ignore[arg-type]
        response = {"status_code": 200, "request_id": "1", "body": answer}
        return orjson.dumps({"id": "1", "custom_id": line["custom_id"], "response": response, "error": None})


def _unauthorised(server: ChatServer, request: web.Request) -> web.Response:  # noqa: ARG001
    key = request.headers.get("authorization", "").removeprefix("Bearer ")
    return _error(401, f"Incorrect API key provided: {key}.", code="invalid_api_key")


def _limited(server: ChatServer, request: web.Request) -> web.Response:  # noqa: ARG001
    return _error(429, "slow down", headers={"retry-after": str(server.behaviour.retry_after_s)})


_STATUS_FAULTS: dict[Fault, Callable[[ChatServer, web.Request], web.Response]] = {
    Fault.RATE_LIMIT: _limited,
    Fault.UNAUTHORISED: _unauthorised,
    Fault.SERVER_ERROR: lambda _s, _r: _error(500, "out of cheese"),
    Fault.FORBIDDEN: lambda _s, _r: _error(403, "not in your country"),
    Fault.NOT_FOUND: lambda _s, _r: _error(404, "no such model", code="model_not_found"),
    Fault.CONTENT_FILTER: lambda _s, _r: _error(400, "filtered", code="content_filter"),
    Fault.CONTEXT_LENGTH: lambda _s, _r: _error(400, "too long", code="context_length_exceeded"),
    Fault.BAD_REQUEST: lambda _s, _r: _error(400, "something else", code="unknown"),
}


def judge(body: Body) -> Body:
    """Judge as a keyword would: what is asked last decides, so that equal questions get equal answers."""
    asked = str(body["messages"][-1]["content"])
    comment = asked.rsplit('"comment"', 1)[-1].lower()
    is_bad = "idiot" in comment
    return {
        "category": "harassment" if is_bad else "none",
        "action": "delete" if is_bad else "allow",
        "rule": None,
        "duration_s": None,
        "confidence": 0.9 if is_bad else 0.8,
        "reasoning": "It insults a viewer." if is_bad else "Nothing wrong with it.",
        "reply_text": None,
    }


def instance_of(schema: Body, wished: Body) -> Any:
    """Return what fits the schema: the wished value where it is allowed, else the first that is."""
    if "const" in schema:
        return schema["const"]
    if schema.get("type") == "object":
        return {
            name: instance_of(part, {"value": wished[name]} if name in wished else {})
            for name, part in schema["properties"].items()
        }
    if "value" in wished:
        return wished["value"]
    if "enum" in schema:
        return schema["enum"][0]
    if isinstance(schema.get("type"), list):
        return None
    return {"string": "", "number": 0.5, "integer": 1, "boolean": False}[schema["type"]]


def _schema_of(body: Body) -> Body | None:
    if "response_format" in body:
        schema: Body | None = body["response_format"].get("json_schema", {}).get("schema")
        return schema
    if "tools" in body:
        parameters: Body = body["tools"][0]["function"]["parameters"]
        return parameters
    return None


CUT_PROBE = (
    '{\n  "word": "tangerine-47",\n  "note": "This is a greeting. It is a simple text that can be sent to an'
)
"""What a small model that is held to the schema writes until it is cut off."""


def _too_long(tokens: int, context: int) -> str:
    return (
        f"request ({tokens} tokens) exceeds the available context size ({context} tokens), try increasing it"
    )


def is_probe(body: Body) -> bool:
    """Whether a call only asks what the server can do."""
    return "Say hello" in str(body["messages"][-1]["content"])


def _usage(body: Body, text: str) -> Body:
    prompt = sum(len(str(message["content"])) for message in body["messages"]) // 4 + 1
    completion = len(text) // 4 + 1
    return {"prompt_tokens": prompt, "completion_tokens": completion, "total_tokens": prompt + completion}


def _pieces(text: str) -> list[str]:
    return [text[start : start + 4] for start in range(0, len(text), 4)]


def _token(piece: str, logprob: float = -0.05) -> Body:
    return {"token": piece, "logprob": logprob, "bytes": list(piece.encode()), "top_logprobs": []}


def _error(status: int, message: str, *, headers: dict[str, str] | None = None, **more: str) -> web.Response:
    error = {"message": message, "type": "error", "param": None, "code": None, **more}
    return _json({"error": error}, status=status, headers=headers)


def _json(value: object, *, status: int = 200, headers: dict[str, str] | None = None) -> web.Response:
    return web.Response(
        body=orjson.dumps(value), status=status, headers=headers, content_type="application/json"
    )


def _application(server: ChatServer) -> web.Application:
    application = web.Application(client_max_size=64 * 1024**2)
    application.router.add_post("/v1/chat/completions", server.chat)
    application.router.add_get("/v1/models", server.models)
    application.router.add_post("/v1/files", server.upload)
    application.router.add_put("/bytes/{name}", server.put)
    application.router.add_post("/v1/files/{name}/preprocess", server.uploaded)
    application.router.add_get("/v1/files/{name}/content", server.content)
    application.router.add_post("/v1/batches", server.begin_batch)
    application.router.add_get("/v1/batches/{name}", server.batch)
    return application


async def _start(server: ChatServer, port: int) -> web.AppRunner:
    # Handlers that hang are cancelled at once when the server stops: nobody waits for them any more.
    runner = web.AppRunner(_application(server), access_log=None, shutdown_timeout=0.01)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", port)
    await site.start()
    server.base_url = f"http://127.0.0.1:{runner.addresses[0][1]}/v1"
    return runner


@contextmanager
def running(behaviour: Behaviour | None = None) -> Iterator[ChatServer]:
    """Run a server in a thread for as long as the block lasts."""
    server = ChatServer(behaviour or Behaviour())
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    runner = asyncio.run_coroutine_threadsafe(_start(server, 0), loop).result()
    try:
        yield server
    finally:
        asyncio.run_coroutine_threadsafe(runner.cleanup(), loop).result()
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()


async def _serve(server: ChatServer, port: int) -> None:
    await _start(server, port)
    print(server.base_url, flush=True)
    await asyncio.Event().wait()


def main() -> None:
    """Serve until killed; the first line printed is the base URL."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--latency-ms", type=float, default=0.0)
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--faults", action="store_true", help="let 30 %% of the calls fail")
    parser.add_argument("--hang-s", type=float, default=30.0)
    arguments = parser.parse_args()
    faults = three_in_ten if arguments.faults else never
    behaviour = Behaviour(arguments.latency_ms / 1000, faults, hang_s=arguments.hang_s)
    try:
        asyncio.run(_serve(ChatServer(behaviour), arguments.port))
    except KeyboardInterrupt:
        sys.exit(0)


if __name__ == "__main__":
    main()
