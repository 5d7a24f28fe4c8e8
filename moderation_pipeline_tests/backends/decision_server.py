"""Real local servers that answer typed questions: System One's form, OpenAI's decisions and its moderations.

OpenAI's replies are built from the SDK's own types, so that a field it renames is a field that breaks here.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import orjson
from aiohttp import web
from openai.types.decision import (
    AnswerAnswerResourceChoice,
    AnswerAnswerResourceChoiceProbability,
    AnswerAnswerResourcePredicate,
    AnswerAnswerResourceRefusal,
    AnswerAnswerResourceScore,
    AnswerAnswerResourceScoreProbability,
    Decision,
    Usage,
    UsageInputTokensDetails,
    UsageOutputTokensDetails,
)

Body = dict[str, Any]
Fault = Callable[[web.Request], web.StreamResponse | None]


def nothing_wrong(request: web.Request) -> web.StreamResponse | None:  # noqa: ARG001
    """Let the call through."""
    return None


def opinion(question: str, text: str) -> float:
    """Return how likely a yes is: the share of a question's own words that the comment says aloud.

    `R1=0.9` in a comment makes the answer to R1 .9; everything else is unlikely.
    """
    for word in text.split():
        name, equals, value = word.partition("=")
        if equals and name == question.split(".")[-1]:
            return float(value)
    return 0.02


@dataclass(slots=True)
class DecisionServer:
    """A running server: where it is, and what it was asked. `faults` are taken in turn, then nothing fails."""

    faults: list[Fault] = field(default_factory=list)
    changes: Callable[[Body], Body] = lambda reply: reply
    model: str = "decider-1.0"
    models: tuple[str, ...] = ("decider",)
    base_url: str = ""
    bodies: list[Body] = field(default_factory=list)
    headers: list[Mapping[str, str]] = field(default_factory=list)

    async def answer(self, request: web.Request) -> web.StreamResponse:
        """Answer any of the three endpoints."""
        body = orjson.loads(await request.read())
        self.bodies.append(body)
        self.headers.append(dict(request.headers))
        fault = self.faults.pop(0)(request) if self.faults else None
        if fault is not None:
            return fault
        reply = {"systemone": self._systemone, "decisions": self._decisions, "moderations": self._moderations}
        return web.json_response(self.changes(reply[request.path.rsplit("/", 1)[1]](body)))

    async def list_models(self, request: web.Request) -> web.Response:  # noqa: ARG002
        """Answer GET /v1/models."""
        rows = [{"id": name, "object": "model", "created": 1, "owned_by": "us"} for name in self.models]
        return web.json_response({"object": "list", "data": rows})

    def _systemone(self, body: Body) -> Body:
        answers = {
            name: _system_one(question, name, _text(body["state"], name))
            for name, question in body["questions"].items()
        }
        return {
            "model": self.model,
            "answers": answers,
            "usage": {"input_tokens": 1_000, "output_tokens": 0},
        }

    def _decisions(self, body: Body) -> Body:
        state = orjson.loads(body["input"])
        return Decision(
            answers=[_openai(each, _text(state, each["name"])) for each in body["questions"]],
            model=self.model,
            usage=Usage(
                input_tokens=1_000,
                input_tokens_details=UsageInputTokensDetails(cache_write_tokens=0, cached_tokens=400),
                output_tokens=11,
                output_tokens_details=UsageOutputTokensDetails(reasoning_tokens=0),
                total_tokens=1_011,
            ),
        ).model_dump()

    def _moderations(self, body: Body) -> Body:
        names = ["harassment", "harassment/threatening", "hate", "hate/threatening", "sexual"]
        names += ["sexual/minors", "self-harm", "self-harm/intent", "self-harm/instructions"]
        names += ["illicit", "illicit/violent", "violence", "violence/graphic"]
        scores = {name: opinion(name, body["input"]) for name in names}
        flags = {name: score > 0.5 for name, score in scores.items()}
        result = {"flagged": any(flags.values()), "categories": flags, "category_scores": scores}
        return {"id": "modr-1", "model": self.model, "results": [result]}


def _text(state: Any, question: str) -> str:
    """Return the comment that a question is about: by its number where there are many."""
    if isinstance(state, dict) and "comments" in state:
        state = state["comments"][int(question.split(".")[0])]
    return str(state["comment"]["text"])


def _spread(options: list[str], liked: str, share: float) -> dict[str, float]:
    rest = (1 - share) / (len(options) - 1)
    return {option: share if option == liked else rest for option in options}


def _liked(name: str, options: list[str], text: str) -> str:
    """Return the option that the comment names (`category=hate`), else `none`, else the first."""
    asked = name.split(".")[-1].removesuffix("_reversed")
    named = [word.split("=")[1] for word in text.split() if word.startswith(f"{asked}=")]
    return named[0] if named and named[0] in options else "none" if "none" in options else options[0]


def _system_one(question: Body, name: str, text: str) -> Body:
    if question["type"] == "noul":
        return {"type": "noul", "noul": opinion(name, text)}
    if question["type"] == "choice":
        options = list(question["criteria"])
        liked = _liked(name, options, text)
        return {
            "type": "choice",
            "choice": liked,
            "confidence": 0.8,
            "probabilities": _spread(options, liked, 0.84),
        }
    levels = [str(i) for i in range(len(question["criteria"]))]
    return {
        "type": "score",
        "score": 0.3,
        "confidence": 0.7,
        "probabilities": _spread(levels, "0", 0.8),
        "legend": dict(zip(levels, question["criteria"], strict=True)),
    }


def _openai(question: Body, text: str) -> Any:
    name = question["name"]
    if f"refuse={name}" in text.split():
        return AnswerAnswerResourceRefusal(name=name, type="refusal")
    if question["type"] == "predicate":
        return AnswerAnswerResourcePredicate(name=name, probability=opinion(name, text), type="predicate")
    if question["type"] == "choice":
        options = [each["value"] for each in question["choices"]]
        liked = _liked(name, options, text)
        shares = _spread(options, liked, 0.84)
        return AnswerAnswerResourceChoice(
            name=name,
            choice=liked,
            confidence=0.8,
            probabilities=[
                AnswerAnswerResourceChoiceProbability(value=v, probability=p) for v, p in shares.items()
            ],
            type="choice",
        )
    labels = [each["label"] for each in question["levels"]]
    shares = _spread(labels, labels[0], 0.8)
    return AnswerAnswerResourceScore(
        name=name,
        score=0.3,
        confidence=0.7,
        probabilities=[
            AnswerAnswerResourceScoreProbability(label=label, probability=p, value=i)
            for i, (label, p) in enumerate(shares.items())
        ],
        type="score",
    )


def status(code: int, body: object, **headers: str) -> Fault:
    """Return a fault: an HTTP status with a body."""
    return lambda _: web.json_response(
        body, status=code, headers={k.replace("_", "-"): v for k, v in headers.items()}
    )


def garbage(request: web.Request) -> web.StreamResponse:  # noqa: ARG001
    """Return JSON that stops in the middle."""
    return web.Response(text='{"model": "decider-1.0", "answers": {"R1": {"type": "no')


def cut(request: web.Request) -> web.StreamResponse:
    """Cut the connection."""
    if request.transport is not None:
        request.transport.close()
    return web.Response(text="never read")


@contextmanager
def serving(server: DecisionServer) -> Iterator[DecisionServer]:
    """Run the server in a thread while the block runs."""
    started = threading.Event()
    loop = asyncio.new_event_loop()
    runner: list[web.AppRunner] = []

    async def start() -> None:
        app = web.Application(client_max_size=2**26)
        app.router.add_post("/v1/{endpoint}", server.answer)
        app.router.add_get("/v1/models", server.list_models)
        runner.append(web.AppRunner(app, shutdown_timeout=0.1))
        await runner[0].setup()
        site = web.TCPSite(runner[0], "127.0.0.1", 0)
        await site.start()
        port = runner[0].addresses[0][1]
        server.base_url = f"http://127.0.0.1:{port}"

    def run() -> None:
        loop.run_until_complete(start())
        loop.call_soon(started.set)  # Within run_forever: a stop before it would be forgotten.
        loop.run_forever()
        loop.run_until_complete(runner[0].cleanup())
        loop.close()

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    started.wait()
    try:
        yield server
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
