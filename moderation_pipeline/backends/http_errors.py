"""HTTP failures as errors of the tree in `language_model.py`, by status and error code, for every SDK.

What is done about them is in `retry.py` (transport), `cache.py` (bad replies) and the loop (fatal).
"""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from email.utils import parsedate_to_datetime

from moderation_pipeline.backends.language_model import (
    CallTimedOutError,
    ConnectionFailedError,
    FatalBackendError,
    LanguageModelError,
    ModelIdentity,
    RateLimitedError,
    RefusedReplyError,
    RejectedRequestError,
    ServerFailedError,
    TooLongError,
    TransportError,
)
from moderation_pipeline.backends.redaction import body_without_key, without_key
from moderation_pipeline.plan import SECONDS_PER

Headers = Mapping[str, str]

QUOTA_CODES = frozenset({"insufficient_quota", "billing_hard_limit_reached", "billing_not_active"})
"""A 429 that waiting doesn't cure: the account is out of money."""

CONTENT_CODES = frozenset(
    {
        "content_filter",
        "content_policy_violation",
        "moderation_blocked",
        "invalid_prompt",
        "ResponsibleAIPolicyViolation",
    }
)

LENGTH_CODES = frozenset({"context_length_exceeded", "string_above_max_length", "exceed_context_size_error"})

LENGTH_SAID = re.compile(
    r"context[ _]?(?:length|size|window)|max_new_tokens` must be|too many (?:input )?tokens|reduce the length of"
    r"|maximum prompt length|prompt\b.{0,60}\b(?:too (?:long|big|large)|longer than|greater than|exceed)"
    r"|input (?:length|tokens?|is|\(\d+ tokens\)).{0,40}\b(?:too long|longer than|exceed)",
    re.IGNORECASE,
)
"""How vLLM, SGLang, llama.cpp, Ollama, LM Studio, TabbyAPI, Together, Gemini, xAI, Anthropic and Bedrock say it: they
send no code that would, and some of them call it a failure of their own (500)."""

PARAMETERS = {
    "reasoning_effort": "Leave `effort` out of the config, or say one that this model knows.",
    "top_logprobs": "Set a `top_logprobs` in the config that it allows.",
}
"""What to do where a server names a parameter that a config asks for."""

PAGE = re.compile(r"\s*<(?:!doctype|!--|html|head|body|\?xml)", re.IGNORECASE)
TITLE = re.compile(r"<title[^>]*>(.*?)</title>", re.IGNORECASE | re.DOTALL)
TAG = re.compile(r"<(?:style|script)\b.*?</(?:style|script)>|<[^>]*>", re.IGNORECASE | re.DOTALL)
MOST_OF_PAGE = 120
A_PAGE = "a page for a browser, no API"


@dataclass(frozen=True, slots=True)
class Caller:
    """Who called: named in errors; `secret` is the key, which no error may hold."""

    identity: ModelIdentity
    key_variable: str
    secret: str = field(repr=False)

    def redacted(self, text: str) -> str:
        """Return a text without the key. It comes before every cut: half a key is found no more."""
        return without_key(text, self.secret)

    def redacted_body(self, content: bytes) -> bytes:
        """Return a response's body without the key, so that nothing made of it holds one."""
        return body_without_key(content, self.secret)


def http_error(status: int, headers: Headers, body: object, caller: Caller) -> LanguageModelError:
    """Return the error that a reply of status 400 or more stands for."""
    code, parameter, message = _said(body)
    # Half a character, which JSON can spell, can be stored nowhere.
    said = caller.redacted(f"{status} {message}".strip().encode(errors="replace").decode())[:500]
    if status == 429 and code not in QUOTA_CODES:
        return RateLimitedError(said, retry_after_s=retry_after_s(headers))
    is_too_long = status == 413 or code in LENGTH_CODES or LENGTH_SAID.search(message) is not None
    if status in (400, 413, 422) or status >= 500:
        if code in CONTENT_CODES:
            return RefusedReplyError(said)
        if is_too_long:
            return TooLongError(said)
    if status in (408, 409) or status >= 500:
        return ServerFailedError(said, status=status, retry_after_s=retry_after_s(headers))
    if status in (400, 422):
        return RejectedRequestError(_worded(status, said, caller), parameter=parameter)
    return FatalBackendError(_worded(status, said, caller))


def transport_error(error: BaseException, timeout_s: float, caller: Caller) -> TransportError:
    """Return the error that a call without a response stands for.

    Decided by the exception at the bottom: the SDKs' aiohttp transport reports a refused and a cut connection
    as timeouts.
    """
    bottom = error
    # aiohttp's timeout of a whole call is raised from the cancellation that it took: that is not the bottom.
    while bottom.__cause__ is not None and not isinstance(bottom.__cause__, asyncio.CancelledError):
        bottom = bottom.__cause__
    if isinstance(bottom, TimeoutError):  # aiohttp's own timeouts are kinds of it
        return CallTimedOutError(f"no reply within {timeout_s:g} s")
    said = f"{type(bottom).__name__}: {bottom}" if str(bottom) else type(bottom).__name__
    return ConnectionFailedError(caller.redacted(said)[:300])


def retry_after_s(headers: Headers) -> float | None:
    """Return how long the server asks to be left alone: Retry-After, else until its spent limit refills."""
    if (milliseconds := _number(headers.get("retry-after-ms"))) is not None:
        return milliseconds / 1000
    named = headers.get("retry-after")
    if named is not None:
        seconds = _number(named)
        return seconds if seconds is not None else _until(named)
    waits = [
        _duration_s(headers.get(f"x-ratelimit-reset-{what}"))
        for what in ("requests", "tokens")
        if headers.get(f"x-ratelimit-remaining-{what}") == "0"
    ]
    return max((wait for wait in waits if wait is not None), default=None)


def _said(body: object) -> tuple[str | None, str | None, str]:
    """Return the error's code (or type), the parameter it names, and its message."""
    if isinstance(body, list) and body:  # Gemini's
        body = body[0]
    error = body.get("error", body) if isinstance(body, Mapping) else body
    if not isinstance(error, Mapping):
        return None, None, page_told(str(error or ""))
    code = next((value for key in ("code", "type") if isinstance(value := error.get(key), str)), None)
    parameter = error.get("param")
    message = error.get("message") or error.get("detail") or ""
    return code, parameter if isinstance(parameter, str) else None, " ".join(str(message).split())


def page_told(text: str) -> str:
    """Return what a page that was meant for a browser says: its title, else its words; any other text as it is."""
    if not PAGE.match(text):
        return text
    titled = TITLE.search(text)
    said = " ".join(TAG.sub(" ", titled[1] if titled else text).split())
    return f"{A_PAGE}: {said[:MOST_OF_PAGE]!r}"


def _worded(status: int, said: str, caller: Caller) -> str:
    backend, endpoint, model = caller.identity
    key = caller.key_variable
    advice = {
        401: f"The key in {key} was not accepted: set a valid one in the environment or .env.",
        402: "The account is out of credit: top it up, then run the same command again to go on.",
        403: f"The key in {key} may not use this model: choose another model, or another key.",
        404: "It doesn't serve this model, or base_url is wrong; `moderation check CONFIG` lists them.",
    }
    if A_PAGE in said:
        advice |= dict.fromkeys(
            (401, 403, 404), "See what stands before the server, and whether base_url is right."
        )
    advice[429] = advice[402]
    if not caller.secret:
        unsent = "No key was sent there: name the variable that holds one with api_key_env, if it wants one."
        advice |= {401: unsent, 403: unsent}
    otherwise = (
        "The run stops here and can be resumed; `moderation check CONFIG` tries the endpoint with ten lines. Where "
        "that works, the server has changed since it was first asked: `moderation cache --forget-endpoints`."
    )
    named = next((cure for name, cure in PARAMETERS.items() if name in said), otherwise)
    return f"{backend} at {endpoint} (model {model!r}) answered {said!r}. {advice.get(status, named)}"


def _number(text: str | None) -> float | None:
    try:
        return None if text is None else max(0.0, float(text))
    except ValueError:
        return None


def _until(date: str) -> float | None:
    try:
        return max(0.0, parsedate_to_datetime(date).timestamp() - time.time())
    except ValueError:
        return None


def _duration_s(text: str | None) -> float | None:
    """Read `1s`, `6m0s`, `20ms` or a bare number of seconds."""
    if text is None:
        return None
    seconds, digits, rest = 0.0, "", text
    units = {"ms": 0.001, **SECONDS_PER}
    while rest:
        digits = rest[: len(rest) - len(rest.lstrip("0123456789."))]
        rest = rest[len(digits) :]
        unit = next((unit for unit in units if rest.startswith(unit)), "")
        rest = rest[len(unit) :]
        number = _number(digits)
        if number is None or (rest and not unit):
            return None
        seconds += number * units.get(unit, 1)
    return seconds
