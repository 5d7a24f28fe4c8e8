"""HTTP failures become the right errors, by status and code, and none holds the key."""

from __future__ import annotations

import pytest

from moderation_pipeline.backends.http_errors import Caller, http_error, retry_after_s, transport_error
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
)

KEY = "sk-very-secret"
CALLER = Caller(ModelIdentity("openai", "https://api.example/v1", "tiny"), "OPENAI_API_KEY", KEY)


def body(message: str = "so it is", **error: str | None) -> dict[str, object]:
    return {"error": {"message": message, **error}}


@pytest.mark.parametrize(
    ("status", "said", "expected"),
    [
        (429, body(), RateLimitedError),
        (429, body(code="insufficient_quota"), FatalBackendError),
        (408, body(), ServerFailedError),
        (409, body(), ServerFailedError),
        (500, "<html>", ServerFailedError),
        (503, None, ServerFailedError),
        (400, body(code="content_filter"), RefusedReplyError),
        (400, body(code="context_length_exceeded"), TooLongError),
        (400, body("This model's maximum context length is 4096 tokens"), TooLongError),
        (413, None, TooLongError),
        (400, body(param="logprobs"), RejectedRequestError),
        (422, {"detail": "extra field"}, RejectedRequestError),
        (401, body(), FatalBackendError),
        (402, body(), FatalBackendError),
        (403, body(), FatalBackendError),
        (404, body(), FatalBackendError),
        (418, body(), FatalBackendError),
    ],
)
def test_a_status_and_its_code_decide_the_error(
    status: int, said: object, expected: type[LanguageModelError]
) -> None:
    assert type(http_error(status, {}, said, CALLER)) is expected


@pytest.mark.parametrize(
    ("status", "said", "advice"),
    [
        (401, body(), "OPENAI_API_KEY was not accepted"),
        (402, body(), "out of credit"),
        (403, body(), "may not use this model"),
        (404, body(), "moderation check CONFIG"),
        (403, "<!DOCTYPE html><title>Just a moment...</title>", "what stands before the server"),
        (401, body("half a character, \ud83d, which nothing can store"), "OPENAI_API_KEY"),
    ],
)
def test_a_fatal_error_names_the_culprit_and_says_what_to_do(status: int, said: object, advice: str) -> None:
    error = http_error(status, {}, said, CALLER)

    assert "openai at https://api.example/v1 (model 'tiny')" in str(error)
    assert advice in str(error)
    assert str(error).encode()


def test_a_parameter_that_the_config_asks_for_is_named_as_the_config_names_it() -> None:
    said = "Unrecognized request argument supplied: reasoning_effort"

    assert "Leave `effort` out of the config" in str(http_error(400, {}, body(said), CALLER))


@pytest.mark.parametrize("status", [401, 403])
def test_a_key_that_was_never_sent_is_not_blamed(status: int) -> None:
    error = http_error(status, {}, body(), Caller(CALLER.identity, "(none)", ""))

    assert "No key was sent" in str(error)
    assert "api_key_env" in str(error)


@pytest.mark.parametrize("status", [400, 401, 403, 404, 429, 500])
def test_a_key_that_the_server_repeats_is_in_no_error(status: int) -> None:
    error = http_error(status, {}, body(f"Incorrect key {KEY} provided"), CALLER)

    assert KEY not in str(error)
    assert KEY not in error.reply_error


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({}, None),
        ({"retry-after": "7"}, 7.0),
        ({"retry-after": "0.5"}, 0.5),
        ({"retry-after-ms": "250", "retry-after": "7"}, 0.25),
        ({"retry-after": "Wed, 21 Oct 2015 07:28:00 GMT"}, 0.0),
        ({"retry-after": "soon"}, None),
        ({"x-ratelimit-remaining-requests": "0", "x-ratelimit-reset-requests": "1m30s"}, 90.0),
        ({"x-ratelimit-remaining-requests": "9", "x-ratelimit-reset-requests": "90s"}, None),
        ({"x-ratelimit-remaining-tokens": "0", "x-ratelimit-reset-tokens": "20ms"}, 0.02),
    ],
)
def test_the_server_says_how_long_to_wait(headers: dict[str, str], seconds: float | None) -> None:
    waits_s = retry_after_s(headers)

    assert waits_s == (None if seconds is None else pytest.approx(seconds))


def test_what_lies_at_the_bottom_decides_whether_it_was_a_timeout() -> None:
    refused = RuntimeError("Request timed out.")  # what a SDK says of a refused connection
    refused.__cause__ = ConnectionRefusedError(111, "refused")
    late = RuntimeError("Request timed out.")
    late.__cause__ = TimeoutError()

    assert isinstance(transport_error(refused, 60, CALLER), ConnectionFailedError)
    assert isinstance(transport_error(late, 60, CALLER), CallTimedOutError)
