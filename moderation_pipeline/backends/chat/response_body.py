"""A response's body, decoded: what servers put around the JSON of a reply, or send in its place.

Some send a mark before it, numbers that JSON has no word for, the reply in pieces although nobody asked for a stream,
or an error under status 200. What a decoded body says is `chat_wire.py`'s.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any, NamedTuple

import orjson

from moderation_pipeline.backends.http_errors import page_told
from moderation_pipeline.backends.language_model import GarbledReplyError, ServerFailedError

Decoded = dict[str, Any]

BYTE_ORDER_MARK = b"\xef\xbb\xbf"
STREAMED = re.compile(rb"\A\s*(?::|event:|id:|retry:|data:)")
END_OF_STREAM = b"[DONE]"

FAILED = 502
"""The status of an error that came under status 200 and names none: whoever passed it on had no answer to pass on."""

ESCAPE = re.compile(
    r"\\(?:u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}|u(?P<half>[dD][89a-fA-F][0-9a-fA-F]{2})|.)",
    re.DOTALL,
)
"""An escape of JSON: of a character beyond the first 65,536, or half of one, which stands for nothing and can be stored
nowhere. Models that write token by token break off in the middle of an emoji."""

THREE_DIGITS = re.compile(r"[0-9]{3}")

LIMITED = 429
LIMIT_WORDS = ("rate_limit", "too_many_requests", "resource_exhausted")


class ErrorInReply(NamedTuple):
    """An error that came as a reply: the status that it should have had, and what it says."""

    status: int
    body: object


def decoded(content: bytes) -> Decoded:
    """Return the body as a JSON object; of a stream, what its pieces make together.

    Raises:
        GarbledReplyError: it is none.
        ServerFailedError: it is a page for a browser, as of a proxy that stands before a server.
    """
    content = content.removeprefix(BYTE_ORDER_MARK)
    if STREAMED.match(content):
        return _of_stream(content)
    body = _loaded(content)
    if not isinstance(body, dict):
        raise GarbledReplyError(f"a JSON {type(body).__name__}, no object: {glimpse(content)}")
    return body


def error_in(body: Decoded) -> ErrorInReply | None:
    """Return the error that a body holds where a reply should be, or that broke its reply off; null where none is."""
    choices = body.get("choices")
    choice = choices[0] if isinstance(choices, list) and choices and isinstance(choices[0], dict) else {}
    broke_off = choice.get("error") or (choice.get("finish_reason") == "error" and "the reply was broken off")
    error = broke_off or (None if choice else body.get("error"))
    if not error and body.get("object") == "error":  # vLLM's own, without a name around it
        error = body
    return ErrorInReply(_status(error, body), {"error": error}) if error else None


def glimpse(content: bytes) -> str:
    """Return how a body begins, to be shown."""
    return repr(content[:80].decode(errors="replace"))


def _status(error: object, body: Decoded) -> int:
    named = [error.get(key) for key in ("status", "code", "type")] if isinstance(error, dict) else []
    for value in (*named, body.get("status"), body.get("code")):
        number = int(value) if isinstance(value, str) and THREE_DIGITS.fullmatch(value) else value
        if isinstance(number, int) and 400 <= number <= 599:
            return number
        if isinstance(value, str) and any(word in value.lower() for word in LIMIT_WORDS):
            return LIMITED
    return FAILED


def _loaded(content: bytes) -> object:
    try:
        loaded: object = orjson.loads(content)
    except orjson.JSONDecodeError:
        text = content.decode(errors="replace")
        try:
            # Servers in Python write NaN and -Infinity, of log-probabilities say, which is no JSON.
            loaded = json.loads(ESCAPE.sub(_whole, text))
        except (ValueError, RecursionError):
            if (told := page_told(text)) != text:
                raise ServerFailedError(told) from None
            raise GarbledReplyError(f"no JSON: {glimpse(content)}") from None
    return loaded


def _whole(escape: re.Match[str]) -> str:
    return r"\ufffd" if escape["half"] else escape[0]


def _of_stream(content: bytes) -> Decoded:
    """Put a stream's pieces together: texts one after another, of all else what was said last."""
    whole: Decoded = {}
    choice: Decoded = {}
    message: Decoded = {}
    has_choice = False
    for piece in _pieces(content):
        whole.update({key: value for key, value in piece.items() if key != "choices" and value is not None})
        parts = piece.get("choices")
        for part in parts if isinstance(parts, list) else ():
            if not isinstance(part, dict) or part.get("index", 0) != 0:
                continue
            has_choice = True
            _add(message, part.get("delta") or part.get("message"))
            _add_logprobs(choice, part.get("logprobs"))
            said = {key: value for key, value in part.items() if value is not None}
            choice.update({key: said[key] for key in ("finish_reason", "error") if key in said})
    if has_choice and "finish_reason" not in choice:
        raise GarbledReplyError("a stream that ends before its reply does")
    whole["choices"] = [{**choice, "message": message}] if has_choice else []
    return whole


def _pieces(content: bytes) -> Iterator[Decoded]:
    for line in content.splitlines():
        name, _, value = (b"data", b":", line) if line.startswith(b"{") else line.partition(b":")
        if name.strip() != b"data" or value.strip() in (b"", END_OF_STREAM):
            continue
        piece = _loaded(value.strip())
        if isinstance(piece, dict):
            yield piece


def _add(message: Decoded, delta: object) -> None:
    for key, value in delta.items() if isinstance(delta, dict) else ():
        if key == "tool_calls" and isinstance(value, list):
            for call in value:
                _add_call(message.setdefault("tool_calls", []), call)
        elif isinstance(value, str) and isinstance(message.get(key, ""), str) and key != "role":
            message[key] = message.get(key, "") + value
        elif value is not None:
            message[key] = value


def _add_call(calls: list[Any], piece: object) -> None:
    function = piece.get("function") if isinstance(piece, dict) else None
    if not isinstance(piece, dict) or not isinstance(function, dict):
        return
    if not calls or function.get("name"):
        calls.append({"function": {"name": function.get("name"), "arguments": ""}})
    if isinstance(arguments := function.get("arguments"), str):
        calls[-1]["function"]["arguments"] += arguments


def _add_logprobs(choice: Decoded, given: object) -> None:
    content = given.get("content") if isinstance(given, dict) else None
    if isinstance(content, list):
        choice.setdefault("logprobs", {"content": []})["content"] += content
