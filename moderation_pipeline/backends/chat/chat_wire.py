"""OpenAI's chat protocol as data: a `Request` as a body, a body as a `Reply`. No connection is opened here.

Every provider that speaks it says some things in its own way; what an endpoint can do is an argument
(`Abilities`, found out in `abilities.py`), and both shapes of log-probabilities are read.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

import orjson

from moderation_pipeline.backends.language_model import (
    CUT,
    BadReplyError,
    EmptyReplyError,
    GarbledReplyError,
    JsonValue,
    OnlyThoughtsError,
    RefusedReplyError,
    Reply,
    Request,
    TokenLogprob,
    whole_number,
)

Body = dict[str, JsonValue]

THOUGHTS = ("thinking", "reasoning", "redacted_thinking")
"""Types of a message's parts that are no answer. Thoughts beside the content (`reasoning_content`) aren't read."""


class Structure(StrEnum):
    """How a reply of a given shape is got, best first."""

    SCHEMA = "schema"
    TOOL = "tool"
    PLAIN = "plain"


@dataclass(frozen=True, slots=True)
class Abilities:
    """What an endpoint can do with a model."""

    structure: Structure = Structure.SCHEMA
    has_logprobs: bool = True
    takes_temperature: bool = True
    length_parameter: str = "max_tokens"

    @property
    def variant(self) -> str:
        """What of it shapes replies, for the key they are stored under."""
        return orjson.dumps(self.as_mapping()).decode()

    def as_mapping(self) -> dict[str, str | bool]:
        """Return it as plain data, to be kept."""
        return {
            "structure": self.structure.value,
            "has_logprobs": self.has_logprobs,
            "takes_temperature": self.takes_temperature,
            "length_parameter": self.length_parameter,
        }

    @classmethod
    def from_mapping(cls, data: Mapping[str, str | bool]) -> Abilities:
        """Return what was kept."""
        return cls(
            Structure(str(data["structure"])),
            bool(data["has_logprobs"]),
            bool(data["takes_temperature"]),
            str(data["length_parameter"]),
        )


def body_of(request: Request, model: str, abilities: Abilities, *, ask_logprobs: JsonValue = True) -> Body:
    """Return the body of a call. `ask_logprobs` is what this provider wants to read under `logprobs`."""
    body: Body = {
        "model": model,
        "messages": [{"role": message.role, "content": message.content} for message in request.messages],
        abilities.length_parameter: request.max_tokens,
    }
    if abilities.takes_temperature:
        body["temperature"] = request.temperature
    if request.effort is not None:
        body["reasoning_effort"] = request.effort
    if request.wants_logprobs and abilities.has_logprobs:
        body["logprobs"] = ask_logprobs
        if request.top_logprobs:
            body["top_logprobs"] = request.top_logprobs
    if request.schema is not None:
        body.update(_structure(request, abilities.structure))
    return body


def _structure(request: Request, structure: Structure) -> Body:
    assert request.schema is not None
    name, schema = request.schema.name, request.schema.as_mapping()
    if structure is Structure.SCHEMA:
        json_schema: Body = {"name": name, "strict": True, "schema": schema}
        return {"response_format": {"type": "json_schema", "json_schema": json_schema}}
    if structure is Structure.TOOL:
        function: Body = {"name": name, "description": "Give the answer.", "parameters": schema}
        return {
            "tools": [{"type": "function", "function": function}],
            "tool_choice": {"type": "function", "function": {"name": name}},
        }
    return {}


def reply_of(content: bytes, asked_model: str, redacted: Callable[[str], str] = str) -> Reply:
    """Return the reply in a response's body, which holds no key; `redacted` finds one that its tokens spell.

    Raises:
        BadReplyError: there is none in it, or one that says nothing; with what it cost, where it says so.
    """
    try:
        body = orjson.loads(content)
    except orjson.JSONDecodeError:
        raise GarbledReplyError(f"no JSON: {_glimpse(content)}") from None
    if not isinstance(body, dict):
        raise GarbledReplyError(f"a JSON {type(body).__name__}, no object: {_glimpse(content)}")
    if not isinstance(choices := body.get("choices"), list):
        raise GarbledReplyError(f"no choices in it: {_glimpse(content)}")
    choice = choices[0] if choices and isinstance(choices[0], dict) else None
    reply = _reply(body, choice or {}, asked_model, redacted)
    if choice is None:
        raise EmptyReplyError("no choices", reply=reply)
    return _checked(reply, choice)


def model_ids(listed: object) -> list[str]:
    """Return the names in a list of models, whose rows stand under `data` (OpenAI's shape) or alone."""
    rows = listed.get("data") if isinstance(listed, dict) else listed
    named = [row.get("id") for row in rows if isinstance(row, dict)] if isinstance(rows, list) else []
    return sorted(name for name in named if isinstance(name, str))


def _reply(body: Body, choice: Body, asked_model: str, redacted: Callable[[str], str]) -> Reply:
    usage = _mapping(body.get("usage"))
    message = _mapping(choice.get("message"))
    model = body.get("model")
    finish_reason = choice.get("finish_reason")
    logprobs = _logprobs(choice.get("logprobs"))
    spelt = "".join(each.token for each in logprobs or ())
    return Reply(
        text=_text(message),
        model=model if isinstance(model, str) and model else asked_model,
        prompt_tokens=whole_number(usage.get("prompt_tokens")),
        completion_tokens=whole_number(usage.get("completion_tokens")),
        cached_prompt_tokens=_cached_tokens(usage),
        finish_reason=finish_reason if isinstance(finish_reason, str) else None,
        logprobs=logprobs if redacted(spelt) == spelt else None,
        first_tokens=_first_tokens(choice.get("logprobs")),
    )


def _checked(reply: Reply, choice: Body) -> Reply:
    refusal = _mapping(choice.get("message")).get("refusal")
    error: BadReplyError
    if isinstance(refusal, str) and refusal:
        error = RefusedReplyError(refusal[:200], reply=reply)
    elif reply.finish_reason == "content_filter":
        error = RefusedReplyError("filtered by the provider", reply=reply)
    elif not reply.text.strip() and reply.finish_reason == CUT:
        error = OnlyThoughtsError("all tokens went into thoughts; is max_tokens too small?", reply=reply)
    elif not reply.text.strip():
        error = EmptyReplyError(f"no text (finish reason {reply.finish_reason})", reply=reply)
    else:
        return reply
    raise error


def _text(message: Body) -> str:
    """Return the message's text, or the arguments of the tool it called; no thoughts where they stand apart."""
    calls = message.get("tool_calls")
    if isinstance(calls, list) and calls:
        arguments = _mapping(_mapping(calls[0]).get("function")).get("arguments")
        return arguments if isinstance(arguments, str) else orjson.dumps(arguments).decode()
    content = message.get("content")
    if isinstance(content, list):
        parts = [_mapping(part) for part in content]
        return "".join(str(part.get("text") or "") for part in parts if part.get("type") not in THOUGHTS)
    return content if isinstance(content, str) else ""


def _logprobs(given: object) -> tuple[TokenLogprob, ...] | None:
    """Read OpenAI's shape (`content`: a list of tokens) or Together's own (two lists side by side)."""
    shape = _mapping(given)
    tokens: Sequence[object]
    if isinstance(content := shape.get("content"), list):
        rows = [_mapping(row) for row in content]
        tokens, logprobs = [row.get("token") for row in rows], [row.get("logprob") for row in rows]
    elif isinstance(listed := shape.get("tokens"), list):
        values = shape.get("token_logprobs")
        tokens, logprobs = listed, values if isinstance(values, list) else []
    else:
        return None
    return _tokens(tokens, logprobs)


def _first_tokens(given: object) -> tuple[TokenLogprob, ...] | None:
    """Read what might have stood in the first token's place."""
    content = _mapping(given).get("content")
    first = _mapping(content[0]) if isinstance(content, list) and content else {}
    listed = first.get("top_logprobs")
    rows = [_mapping(row) for row in listed] if isinstance(listed, list) else []
    return _tokens([row.get("token") for row in rows], [row.get("logprob") for row in rows])


def _tokens(tokens: Sequence[object], logprobs: Sequence[object]) -> tuple[TokenLogprob, ...] | None:
    pairs = [
        TokenLogprob(token, float(logprob))
        for token, logprob in zip(tokens, logprobs, strict=False)
        if isinstance(token, str) and isinstance(logprob, (int, float))
    ]
    return tuple(pairs) or None


def _cached_tokens(usage: Body) -> int:
    details = _mapping(usage.get("prompt_tokens_details"))
    return whole_number(details.get("cached_tokens")) or whole_number(usage.get("cached_tokens")) or 0


def _mapping(value: object) -> Body:
    return value if isinstance(value, dict) else {}


def _glimpse(content: bytes) -> str:
    return repr(content[:80].decode(errors="replace"))
