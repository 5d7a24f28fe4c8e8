"""Decision models carried through the wrappers of language models: cache, budget, retry, concurrency, metering.

Those are written once, around a `LanguageModel`. A decision model becomes one by writing its request as one
message and its answers as a reply's text, both canonical JSON (`CarriedModel`, the innermost), and a wrapped
language model becomes a decision model again by reading them (`CarryingModel`, the outermost). So a stored
decision is a stored reply like any other, answer by answer, refusals and broken ones included: nothing is paid
twice, and a bad answer costs what it costs. Making the wrappers generic over request and reply was the
alternative; it would have touched every one of them, and the store, to save one JSON round trip a call (10 µs).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import orjson

from moderation_pipeline.backends.decisions.decision_model import (
    Answer,
    DecisionModel,
    DecisionReply,
    DecisionRequest,
    Distribution,
    Option,
    Question,
    Refusal,
    Unusable,
)
from moderation_pipeline.backends.language_model import (
    JsonValue,
    LanguageModel,
    Message,
    ModelIdentity,
    Reply,
    Request,
)

OUTPUT_TOKENS_PER_QUESTION = 16
"""A bound for the worst case: System One bills no output, OpenAI a few tokens an answer."""


class CarriedModel(LanguageModel):
    """A decision model in the form of a language model."""

    def __init__(self, inner: DecisionModel) -> None:
        self.inner = inner

    @property
    def identity(self) -> ModelIdentity:
        """Who answers."""
        return self.inner.identity

    async def complete(self, request: Request) -> Reply:
        """Read the request, ask the decision model, and write its answers."""
        decided = await self.inner.decide(_read_request(request))
        answers = {name: _written(answer) for name, answer in decided.answers.items()}
        return replace(decided.reply, text=orjson.dumps(answers).decode())

    async def aclose(self) -> None:
        """Close the decision model."""
        await self.inner.aclose()


class CarryingModel(DecisionModel):
    """A wrapped language model in the form of the decision model that is at its bottom."""

    def __init__(self, wrapped: LanguageModel) -> None:
        self._wrapped = wrapped

    @property
    def identity(self) -> ModelIdentity:
        """Who answers."""
        return self._wrapped.identity

    async def decide(self, request: DecisionRequest) -> DecisionReply:
        """Ask through the wrappers."""
        reply = await self._wrapped.complete(written_request(request))
        answers: Mapping[str, JsonValue] = orjson.loads(reply.text)
        return DecisionReply({name: _read(answer) for name, answer in answers.items()}, reply)

    def worst_case_usd(self, request: DecisionRequest) -> float | None:
        """Return what the call may cost at most."""
        return self._wrapped.worst_case_usd(written_request(request))

    async def aclose(self) -> None:
        """Close what is wrapped."""
        await self._wrapped.aclose()


def written_request(request: DecisionRequest) -> Request:
    """Return the request as one message: all that shapes the answers, so that it is the key they are kept by."""
    questions = [
        [each.name, each.kind, each.instructions, [list(option) for option in each.options]]
        for each in request.questions
    ]
    text = orjson.dumps({"state": request.state, "questions": questions}).decode()
    return Request(
        messages=(Message("user", text),),
        max_tokens=OUTPUT_TOKENS_PER_QUESTION * len(request.questions),
    )


def _read_request(request: Request) -> DecisionRequest:
    written = orjson.loads(request.messages[0].content)
    return DecisionRequest(
        written["state"],
        tuple(
            Question(name, kind, instructions, tuple(Option(*option) for option in options))
            for name, kind, instructions, options in written["questions"]
        ),
    )


def _written(answer: Answer) -> JsonValue:
    match answer:
        case Distribution(pairs):
            return {"probabilities": [[option, probability] for option, probability in pairs]}
        case Refusal():
            return {"refusal": True}
        case Unusable(problem):
            return {"problem": problem}


def _read(written: JsonValue) -> Answer:
    match written:
        case {"probabilities": list(pairs)}:
            return Distribution(tuple(_pairs(pairs)))
        case {"refusal": True}:
            return Refusal()
        case {"problem": str(problem)}:
            return Unusable(problem)
    raise ValueError(f"A stored answer reads {str(written)[:80]!r}, which this version didn't write.")


def _pairs(pairs: list[JsonValue]) -> list[tuple[str, float]]:
    return [
        (str(pair[0]), float(pair[1]))
        for pair in pairs
        if isinstance(pair, list) and isinstance(pair[1], int | float)
    ]
