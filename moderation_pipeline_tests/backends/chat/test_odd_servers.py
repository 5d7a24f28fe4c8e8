"""What servers with OpenAI's protocol do that OpenAI doesn't: read where it means one thing, named where it doesn't."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

import orjson
import pytest

from moderation_pipeline.agents.prompted.prompt import Instructions
from moderation_pipeline.backends.chat.chat_wire import Abilities, Structure
from moderation_pipeline.backends.chat.openai import OpenAIModel
from moderation_pipeline.backends.chat.sdk_client import Endpoint
from moderation_pipeline.backends.language_model import (
    FatalBackendError,
    GarbledReplyError,
    LanguageModelError,
    Message,
    RateLimitedError,
    RejectedRequestError,
    Reply,
    Request,
    ServerFailedError,
    TooLongError,
)
from moderation_pipeline_tests.backends.chat_server import Behaviour, Body, is_probe, running
from moderation_pipeline_tests.backends.runs import config_with, run, texts_of

KEY = "sk-test-4711-secret"

Instead = Callable[[Body, Body], tuple[int, bytes] | None]


def asked() -> Request:
    instructions = Instructions("student")
    message = Message("user", '"comment":{"text":"you idiot"}')
    return Request((instructions.system, message), instructions.schema, wants_logprobs=True)


def ask(base_url: str) -> Reply:
    async def once() -> Reply:
        model = OpenAIModel(Endpoint("tiny-judge", KEY, "THE_KEY", base_url, timeout_s=5))
        try:
            return await model.complete(asked())
        finally:
            await model.aclose()

    return asyncio.run(once())


def found(base_url: str) -> Abilities:
    async def once() -> Abilities:
        model = OpenAIModel(Endpoint("tiny-judge", KEY, "THE_KEY", base_url, timeout_s=5))
        try:
            return (await model.find_out_anew()).abilities
        finally:
            await model.aclose()

    return asyncio.run(once())


def unless_probed(status: int, body: object) -> Instead:
    content = body if isinstance(body, bytes) else orjson.dumps(body)
    return lambda asked, _: None if is_probe(asked) else (status, content)


TOO_LONG = {
    "LM Studio": (
        400,
        {
            "error": "The number of tokens to keep from the initial prompt is greater than the context length. Try"
        },
    ),
    "LM Studio, newer": (
        400,
        {
            "error": "Trying to keep the first 1475 tokens, but the model is loaded with context length of only 1024"
        },
    ),
    "vLLM": (
        400,
        {
            "object": "error",
            "message": "This model's maximum context length is 1024 tokens. However, you requested 1775 tokens",
            "code": 400,
        },
    ),
    "vLLM, its engine": (
        400,
        {
            "error": {
                "message": "The decoder prompt (length 1475) is longer than the maximum model length of 1024."
            }
        },
    ),
    "Ollama": (400, {"error": {"message": "prompt too long; exceeded max context length by 451 tokens"}}),
    "Ollama, its runner": (500, {"error": {"message": "the input length exceeds the context length"}}),
    "SGLang": (
        400,
        {
            "message": "The input (1475 tokens) is longer than the model's context length (1024 tokens).",
            "code": 400,
        },
    ),
    "Together": (
        422,
        {"error": {"message": "`inputs` tokens + `max_new_tokens` must be <= 1024. Given: 1475"}},
    ),
    "OpenAI": (
        400,
        {"error": {"message": "so it is", "code": "context_length_exceeded", "param": "messages"}},
    ),
    "Gemini": (
        400,
        [
            {
                "error": {
                    "code": 400,
                    "message": "The input token count (1475) exceeds the maximum number of tokens",
                }
            }
        ],
    ),
    "Anthropic": (400, {"error": {"message": "prompt is too long: 1475 tokens > 1024 maximum"}}),
    "xAI": (
        400,
        {
            "code": "invalid argument",
            "error": "This model's maximum prompt length is 1024 but the request has 1475",
        },
    ),
    "llama.cpp": (
        400,
        {
            "error": {
                "message": "request exceeds the available context size",
                "type": "exceed_context_size_error",
            }
        },
    ),
    "llama.cpp, older": (500, {"error": {"message": "Input prompt is too big compared to KV size."}}),
    "TabbyAPI": (400, {"detail": "Prompt length 1475 is greater than max_seq_len 1024"}),
    "under status 200": (200, {"error": {"message": "maximum context length is 1024 tokens", "code": 400}}),
}


@pytest.mark.parametrize(("status", "body"), TOO_LONG.values(), ids=TOO_LONG)
def test_a_context_that_is_too_small_is_known_in_every_server_s_words(status: int, body: object) -> None:
    with (
        running(Behaviour(instead=unless_probed(status, body))) as server,
        pytest.raises(TooLongError),
    ):
        ask(server.base_url)


@pytest.mark.parametrize(
    "said",
    [
        "'temperature': input should be less than or equal to 2",
        "max_tokens is too large: 300. This model supports at most 256 completion tokens",
        "The prompt must not be empty",
    ],
)
def test_a_request_that_is_wrong_otherwise_is_not_called_too_long(said: str) -> None:
    with (
        running(Behaviour(instead=unless_probed(400, {"error": {"message": said}}))) as server,
        pytest.raises(RejectedRequestError),
    ):
        ask(server.base_url)


def test_a_run_on_a_small_context_stops_in_any_server_s_words_and_goes_on_when_there_is_room(
    tmp_path: Path,
) -> None:
    with running(Behaviour(instead=unless_probed(*TOO_LONG["SGLang"]))) as server:
        config = config_with(server.base_url, expert="careful_rules")
        with pytest.raises(FatalBackendError, match="--max-model-len"):
            run(tmp_path, config, texts_of(100), finishes=False)
        calls = server.calls
        server.behaviour.instead = None
        tables = run(tmp_path, config, texts_of(100)).tables

    assert calls < 40
    assert tables.student_decisions["reply_error"].null_count() == 100


PAGE = b"<!DOCTYPE html><html><head><title>Sign in</title><style>p{}</style></head><body><p>Please</p></body></html>"


@pytest.mark.parametrize("status", [200, 502])
def test_a_page_for_a_browser_is_no_answer_and_is_told_by_its_title(status: int) -> None:
    with (
        running(Behaviour(instead=unless_probed(status, PAGE))) as server,
        pytest.raises(ServerFailedError, match="a page for a browser, no API: 'Sign in'"),
    ):
        ask(server.base_url)


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        ({"message": "Provider returned error", "code": 502}, ServerFailedError),
        ({"message": "slow down", "code": 429}, RateLimitedError),
        ({"message": "slow down", "code": "rate_limit_exceeded"}, RateLimitedError),
        ({"message": f"bad key {KEY}", "code": 401}, FatalBackendError),
        ("something went wrong", ServerFailedError),
        ({"message": "odd", "code": "9" * 5_000, "type": "²"}, ServerFailedError),
    ],
)
def test_an_error_under_status_200_is_the_error_that_it_says(
    error: object, kind: type[LanguageModelError]
) -> None:
    with (
        running(Behaviour(instead=unless_probed(200, {"error": error, "user_id": "u"}))) as server,
        pytest.raises(kind) as raised,
    ):
        ask(server.base_url)

    assert type(raised.value) is kind
    assert KEY not in str(raised.value)


def test_a_reply_that_broke_off_is_nobody_s_verdict() -> None:
    def broken_off(asked: Body, reply: Body) -> tuple[int, bytes] | None:
        reply["choices"][0]["finish_reason"] = "error"
        return None if is_probe(asked) else (200, orjson.dumps(reply))

    with running(Behaviour(instead=broken_off)) as server, pytest.raises(ServerFailedError):
        ask(server.base_url)


def streamed(_: Body, reply: Body) -> tuple[int, bytes]:
    """Send the reply in pieces, a comment before them and the usage after them, as vLLM does."""
    choice = reply["choices"][0]
    text, logprobs = choice["message"]["content"], choice.get("logprobs")
    about = {"id": "x", "object": "chat.completion.chunk", "model": reply["model"]}
    halves = (text[: len(text) // 2], text[len(text) // 2 :])
    choices: list[Any] = [
        [{"index": 0, "delta": {"content": half}, "finish_reason": None}] for half in halves
    ]
    choices[0][0]["logprobs"] = logprobs
    choices += [[{"index": 0, "delta": {}, "finish_reason": choice["finish_reason"]}]]
    pieces: list[Body] = [{**about, "choices": each} for each in choices]
    pieces.append({**about, "choices": [], "usage": reply["usage"]})
    lines = [b"data: " + orjson.dumps(piece) for piece in pieces]
    return 200, b"\n\n".join([b": ping", *lines, b"data: [DONE]", b""])


def test_a_stream_that_nobody_asked_for_is_read_as_the_reply_that_it_is() -> None:
    with running() as server:
        whole = ask(server.base_url)
    with running(Behaviour(instead=streamed)) as server:
        pieces = ask(server.base_url)

    assert pieces == whole
    assert pieces.logprobs


def test_a_key_that_two_pieces_of_a_stream_hold_is_in_no_reply() -> None:
    def leaking(_: Body, reply: Body) -> tuple[int, bytes]:
        reply["choices"][0]["message"]["content"] = KEY
        return streamed({}, reply)

    with running(Behaviour(instead=leaking)) as server:
        assert KEY not in ask(server.base_url).text


def test_comments_that_keep_a_connection_alive_are_passed_over() -> None:
    waited = b": PROCESSING\n\n: PROCESSING\n\n"
    with running(Behaviour(instead=lambda _, reply: (200, waited + orjson.dumps(reply)))) as server:
        assert '"action":"delete"' in ask(server.base_url).text


def test_json_that_is_nested_without_end_is_no_reply() -> None:
    deep = b'{"choices": ' + b"[" * 100_000 + b"NaN" + b"]" * 100_000 + b"}"
    with running(Behaviour(instead=unless_probed(200, deep))) as server, pytest.raises(GarbledReplyError):
        ask(server.base_url)


def test_a_mark_before_the_json_is_passed_over() -> None:
    with running(Behaviour(instead=lambda _, reply: (200, b"\xef\xbb\xbf" + orjson.dumps(reply)))) as server:
        assert '"action":"delete"' in ask(server.base_url).text
        assert "response_format" in server.bodies[-1]


def test_a_thought_that_the_probe_s_own_limit_cut_off_is_no_answer_yet() -> None:
    def thinking(asked: Body, reply: Body) -> tuple[int, bytes]:
        choice = reply["choices"][0]
        is_short = asked["max_tokens"] < 200
        thought = "<think>\nOkay, the user says hello, so I" if is_short else "<think>\nOkay.\n</think>\n\n"
        choice["message"]["content"] = thought + ("" if is_short else choice["message"]["content"])
        choice["finish_reason"] = "length" if is_short else "stop"
        return 200, orjson.dumps(reply)

    with running(Behaviour(instead=thinking)) as server:
        assert found(server.base_url).structure is Structure.SCHEMA


@pytest.mark.parametrize("failures", [1, 2, 4])
@pytest.mark.parametrize("status", [500, 200])
def test_a_server_that_only_failed_at_first_is_not_taken_for_one_that_can_do_less(
    failures: int, status: int
) -> None:
    asked: list[Body] = []

    def starting(body: Body, _: Body) -> tuple[int, bytes] | None:
        asked.append(body)
        return (status, b'{"choices": []}') if len(asked) <= failures else None

    with running(Behaviour(instead=starting)) as server:
        assert found(server.base_url).structure is Structure.SCHEMA
