"""OpenAI's chat protocol as data: a `Request` as a body, a body as a `Reply`. No connection is opened here.

Every provider that speaks it says some things in its own way; what an endpoint can do is an argument
(`Abilities`, found out in `abilities.py`), and both shapes of log-probabilities are read.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

import orjson

from moderation_pipeline.backends.chat.response_body import decoded, glimpse
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

TEXTS = ("text", "output_text", None)
"""Types of a message's parts that answer. Servers have a dozen names for thoughts, and whatever else is no answer
either; thoughts beside the content (`reasoning_content`) aren't read."""

THOUGHT_KEYS = ("reasoning_content", "reasoning", "thinking")
"""Where servers put thoughts that stand beside the content."""

CUT_WORDS = (CUT, "max_tokens", "max_output_tokens", "model_length", "max_length")
"""How servers say that a reply had reached its most tokens (Gemini, Anthropic, Mistral and others beside OpenAI)."""

FILTERED = ("content_filter", "safety", "prohibited_content", "blocklist", "spii", "recitation", "refusal")
"""How they say that it was filtered."""

STREAM = "chat.completion.chunk"
"""What the pieces of a stream are called."""

MOST_TOKENS = 1_000_000_000
"""No call takes more: a larger number is no count."""

ROUNDED = 0.01
"""A log-probability above 0 by more than rounding is none: a server that sends probabilities under its name would seem
certain of everything."""


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
    return reply_in(decoded(content), content, asked_model, redacted)


def reply_in(body: Body, content: bytes, asked_model: str, redacted: Callable[[str], str] = str) -> Reply:
    """Return the reply in a decoded body, of which `content` is shown where it holds none.

    Raises:
        BadReplyError: as `reply_of`.
    """
    if not isinstance(choices := body.get("choices"), list):
        raise GarbledReplyError(f"no choices in it: {glimpse(content)}")
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
    text = _text(_mapping(choice.get("message")))
    if body.get("object") == STREAM:  # a key may have stood in two of its pieces
        text = redacted(text)
    model = body.get("model")
    logprobs = _logprobs(choice.get("logprobs"))
    spelt = "".join(each.token for each in logprobs or ())
    prompt_tokens, completion_tokens = _tokens_taken(usage, text)
    return Reply(
        text=text,
        model=model if isinstance(model, str) and model else asked_model,
        prompt_tokens=prompt_tokens,
        completion_tokens=completion_tokens,
        cached_prompt_tokens=_cached_tokens(usage),
        finish_reason=_finish_reason(choice.get("finish_reason")),
        logprobs=logprobs if redacted(spelt) == spelt else None,
        first_tokens=_first_tokens(choice.get("logprobs")),
    )


def _checked(reply: Reply, choice: Body) -> Reply:
    message = _mapping(choice.get("message"))
    error: BadReplyError
    if refusal := _refusal(message):
        error = RefusedReplyError(refusal[:200], reply=reply)
    elif reply.finish_reason in FILTERED:
        error = RefusedReplyError("filtered by the provider", reply=reply)
    elif not reply.text.strip() and reply.finish_reason == CUT:
        error = OnlyThoughtsError("all tokens went into thoughts; is max_tokens too small?", reply=reply)
    elif not reply.text.strip():
        beside = " beside its thoughts" if any(message.get(key) for key in THOUGHT_KEYS) else ""
        error = EmptyReplyError(f"no text{beside} (finish reason {reply.finish_reason})", reply=reply)
    else:
        return reply
    raise error


def _refusal(message: Body) -> str:
    """Return the words with which the model refused; nothing where it didn't."""
    content = message.get("content")
    parts = [_mapping(part) for part in content] if isinstance(content, list) else []
    said = [message.get("refusal"), *(part.get("refusal") for part in parts if part.get("type") == "refusal")]
    return next((each for each in said if isinstance(each, str) and each), "")


def _finish_reason(given: object) -> str | None:
    """Return why the reply ended, in the words of OpenAI where others say the same."""
    if not isinstance(given, str):
        return None
    plain = given.lower()
    return CUT if plain in CUT_WORDS else plain if plain in FILTERED else given


def _text(message: Body) -> str:
    """Return the message's text, or the arguments of the tool it called; no thoughts where they stand apart.

    Of a tool that was called several times all arguments are the text: which call was meant is nobody's guess here.
    """
    calls = message.get("tool_calls")
    functions = (
        [_mapping(_mapping(call).get("function")) for call in calls] if isinstance(calls, list) else []
    )
    functions += [] if functions else [_mapping(message.get("function_call"))]
    if called := [said for function in functions if (said := _arguments(function)).strip()]:
        return "\n".join(called)
    content = message.get("content")
    if isinstance(content, list):
        return "".join(_part(part) for part in content)
    if isinstance(content, dict):
        return orjson.dumps(content).decode()
    return content if isinstance(content, str) else ""


def _arguments(function: Body) -> str:
    arguments = function.get("arguments")
    if isinstance(arguments, dict):
        return orjson.dumps(arguments).decode()
    return arguments if isinstance(arguments, str) else ""


def _part(part: JsonValue) -> str:
    if isinstance(part, str):
        return part
    fields = _mapping(part)
    return str(fields.get("text") or "") if fields.get("type") in TEXTS else ""


def _tokens_taken(usage: Body, text: str) -> tuple[int | None, int | None]:
    """Return how many tokens were read and written; null where the server doesn't say, or says what can't be.

    Some (xAI, Gemini) leave what was thought out of what was written, and bill it: then only the total has it.
    """
    prompt = _count(usage, "prompt_tokens", "input_tokens")
    written = _count(usage, "completion_tokens", "output_tokens")
    total = _count(usage, "total_tokens")
    if prompt is None or prompt == 0 or (written == 0 and text):
        return None, None
    if written is not None and total is not None:
        written = max(written, total - prompt)
    return prompt, written


def _count(usage: Body, *names: str) -> int | None:
    value = next((usage[name] for name in names if name in usage), None)
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    number = whole_number(value)
    return number if number is None or number <= MOST_TOKENS else None


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
        if isinstance(token, str)
        and isinstance(logprob, (int, float))
        and math.isfinite(logprob)
        and logprob <= ROUNDED
    ]
    return tuple(pairs) or None


def _cached_tokens(usage: Body) -> int:
    """Return how many of the prompt's tokens were read from a cache, in the words of whoever says so."""
    details = [_mapping(usage.get(name)) for name in ("prompt_tokens_details", "input_tokens_details")]
    said = [_count(each, "cached_tokens") for each in (*details, usage)]
    said += [_count(usage, "prompt_cache_hit_tokens"), _count(usage, "cache_read_input_tokens")]
    return next((each for each in said if each), 0)


def _mapping(value: object) -> Body:
    return value if isinstance(value, dict) else {}
