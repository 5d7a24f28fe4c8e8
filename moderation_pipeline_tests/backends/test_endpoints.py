"""OpenAI's and Together's SDKs against a real server: abilities are found out, faults are named."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from moderation_pipeline.agents.prompted.prompt import Instructions
from moderation_pipeline.backends.chat.chat_endpoint import ChatEndpoint
from moderation_pipeline.backends.chat.chat_wire import Structure
from moderation_pipeline.backends.chat.openai import OpenAIModel
from moderation_pipeline.backends.chat.sdk_client import Endpoint
from moderation_pipeline.backends.chat.together import TogetherModel
from moderation_pipeline.backends.language_model import (
    CallTimedOutError,
    ConnectionFailedError,
    EmptyReplyError,
    FatalBackendError,
    GarbledReplyError,
    LanguageModelError,
    Message,
    RateLimitedError,
    RefusedReplyError,
    RejectedRequestError,
    Reply,
    Request,
    ServerFailedError,
    TooLongError,
)
from moderation_pipeline_tests.backends.chat_server import Behaviour, Fault, running

KEY = "sk-test-4711-secret"
ENDPOINTS = [OpenAIModel, TogetherModel]

Build = Callable[[Endpoint], ChatEndpoint[Any]]


def asked() -> Request:
    instructions = Instructions("student")
    message = Message("user", '"comment":{"text":"you idiot"}')
    return Request((instructions.system, message), instructions.schema, wants_logprobs=True)


def ask(build: Build, base_url: str, *, calls: int = 1) -> list[Reply]:
    async def all_of_them() -> list[Reply]:
        model = build(Endpoint("tiny-judge", KEY, "THE_KEY", base_url, timeout_s=0.5))
        try:
            return [await model.complete(asked()) for _ in range(calls)]
        finally:
            await model.aclose()

    return asyncio.run(all_of_them())


@pytest.mark.parametrize("build", ENDPOINTS)
def test_a_good_server_is_found_out_in_one_call_and_asked_ever_after(build: Build) -> None:
    with running() as server:
        replies = ask(build, server.base_url, calls=3)

    assert len(server.bodies) == 1 + 3
    assert "response_format" in server.bodies[-1]
    assert server.headers[-1]["Authorization"] == f"Bearer {KEY}"
    assert all('"action":"delete"' in reply.text for reply in replies)
    assert replies[0].prompt_tokens
    assert replies[0].logprobs


@pytest.mark.parametrize("build", ENDPOINTS)
@pytest.mark.parametrize(
    ("behaviour", "structure"),
    [
        (Behaviour(), Structure.SCHEMA),
        (Behaviour(cuts_probe=True), Structure.SCHEMA),
        (Behaviour(thinks_tokens=500), Structure.SCHEMA),
        (Behaviour(refuses_schema=True), Structure.TOOL),
        (Behaviour(trips_over_schema=True), Structure.TOOL),
        (Behaviour(enforces_schema=False), Structure.TOOL),
        (Behaviour(enforces_schema=False, refuses_parameters=("tools",)), Structure.PLAIN),
        (Behaviour(refuses_schema=True, refuses_parameters=("tools",)), Structure.PLAIN),
    ],
    ids=[
        "obeys",
        "obeys, cut at its limit",
        "thinks before it obeys",
        "refuses schema",
        "trips over schema",
        "ignores schema",
        "ignores schema, refuses tools",
        "refuses both",
    ],
)
def test_how_an_endpoint_gives_structure_is_found_out_also_where_it_only_pretends(
    build: Build, behaviour: Behaviour, structure: Structure
) -> None:
    async def found(base_url: str) -> Structure:
        model = build(Endpoint("tiny-judge", KEY, "THE_KEY", base_url))
        try:
            return (await model.find_out_anew()).abilities.structure
        finally:
            await model.aclose()

    with running(behaviour) as server:
        assert asyncio.run(found(server.base_url)) is structure


@pytest.mark.parametrize(
    ("behaviour", "sent", "not_sent"),
    [
        (Behaviour(refuses_parameters=("max_tokens",)), "max_completion_tokens", "max_tokens"),
        (Behaviour(refuses_parameters=("temperature",)), "max_tokens", "temperature"),
        (Behaviour(refuses_parameters=("logprobs",)), "response_format", "logprobs"),
        (Behaviour(gives_logprobs=False), "response_format", "logprobs"),
    ],
)
def test_a_parameter_that_is_refused_or_ignored_is_not_sent_again(
    behaviour: Behaviour, sent: str, not_sent: str
) -> None:
    with running(behaviour) as server:
        ask(OpenAIModel, server.base_url)

    assert sent in server.bodies[-1]
    assert not_sent not in server.bodies[-1]


@pytest.mark.parametrize("build", ENDPOINTS)
@pytest.mark.parametrize(
    ("fault", "error"),
    [
        (Fault.RATE_LIMIT, RateLimitedError),
        (Fault.SERVER_ERROR, ServerFailedError),
        (Fault.HANG, CallTimedOutError),
        (Fault.DRIP, CallTimedOutError),
        (Fault.CUT, ConnectionFailedError),
        (Fault.GARBAGE, GarbledReplyError),
        (Fault.EMPTY_CHOICES, EmptyReplyError),
        (Fault.REFUSAL, RefusedReplyError),
        (Fault.UNAUTHORISED, FatalBackendError),
        (Fault.FORBIDDEN, FatalBackendError),
        (Fault.NOT_FOUND, FatalBackendError),
        (Fault.CONTENT_FILTER, RefusedReplyError),
        (Fault.CONTEXT_LENGTH, TooLongError),
        (Fault.BAD_REQUEST, RejectedRequestError),
    ],
)
def test_each_fault_becomes_its_error_and_holds_no_key(
    build: Build, fault: Fault, error: type[LanguageModelError]
) -> None:
    with (
        running(Behaviour(faults=lambda _: fault, hang_s=2.0)) as server,
        pytest.raises(LanguageModelError) as raised,
    ):
        ask(build, server.base_url)

    assert type(raised.value) is error
    assert KEY not in str(raised.value)
    assert raised.value.__cause__ is None  # an SDK's error would hold the request, and with it the key


def test_the_time_the_server_names_is_kept() -> None:
    with (
        running(Behaviour(faults=lambda _: Fault.RATE_LIMIT, retry_after_s=2.5)) as server,
        pytest.raises(RateLimitedError) as raised,
    ):
        ask(OpenAIModel, server.base_url)

    assert raised.value.retry_after_s == 2.5


@pytest.mark.parametrize("build", ENDPOINTS)
def test_a_server_that_is_not_there_is_a_failed_connection(build: Build) -> None:
    with running() as server:
        gone = server.base_url

    with pytest.raises(ConnectionFailedError):
        ask(build, gone)


@pytest.mark.parametrize("build", ENDPOINTS)
def test_the_models_that_are_served_can_be_listed(build: Build) -> None:
    async def listed(base_url: str) -> list[str]:
        model = build(Endpoint("tiny-judge", KEY, "THE_KEY", base_url))
        try:
            return await model.served_models()
        finally:
            await model.aclose()

    with running(Behaviour(models=("b", "a"))) as server:
        assert asyncio.run(listed(server.base_url)) == ["a", "b"]
