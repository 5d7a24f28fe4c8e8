"""Retries: typed errors only, after the time that was named."""

from __future__ import annotations

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from moderation_pipeline.backends.language_model import (
    CallTimedOutError,
    ConnectionFailedError,
    EmptyReplyError,
    FatalBackendError,
    LanguageModelError,
    RateLimitedError,
    RefusedReplyError,
    RejectedRequestError,
    ServerFailedError,
)
from moderation_pipeline.backends.wrappers.retry import RetryingModel, RetryPolicy
from moderation_pipeline_tests.backends.scripted_model import ScriptedModel, Step, request


class Clock:
    """Notes how long was slept, and sleeps no moment of it."""

    def __init__(self) -> None:
        self.slept_s: list[float] = []

    async def sleep(self, seconds: float) -> None:
        self.slept_s.append(seconds)


def asked(steps: list[Step], *, attempts: int = 5) -> tuple[RetryingModel, ScriptedModel, Clock]:
    clock, inner = Clock(), ScriptedModel(steps)
    policy = RetryPolicy(attempts=attempts)
    return RetryingModel(inner, policy, chance=lambda: 0.5, sleep=clock.sleep), inner, clock


@pytest.mark.parametrize(
    "error",
    [
        RateLimitedError("429"),
        ServerFailedError("500"),
        ConnectionFailedError("reset"),
        CallTimedOutError("late"),
    ],
)
def test_a_transport_error_is_asked_again(error: LanguageModelError) -> None:
    model, inner, _ = asked([error, error, "fine"])

    assert asyncio.run(model.complete(request())).text == "fine"
    assert len(inner.asked) == 3
    assert model.retries == 2


@pytest.mark.parametrize(
    "error",
    [
        RefusedReplyError("no"),
        EmptyReplyError("nothing"),
        FatalBackendError("401"),
        RejectedRequestError("400"),
    ],
)
def test_an_answer_is_never_asked_for_again(error: LanguageModelError) -> None:
    model, inner, clock = asked([error])

    with pytest.raises(type(error)):
        asyncio.run(model.complete(request()))

    assert len(inner.asked) == 1
    assert clock.slept_s == []


def test_the_last_error_is_raised_when_the_attempts_are_used_up() -> None:
    model, inner, _ = asked([ServerFailedError("1"), ServerFailedError("2")], attempts=2)

    with pytest.raises(ServerFailedError, match="2"):
        asyncio.run(model.complete(request()))

    assert len(inner.asked) == 2


def test_the_server_s_own_time_is_waited_and_a_little_more() -> None:
    model, _, clock = asked([RateLimitedError("429", retry_after_s=3.0), "fine"])

    asyncio.run(model.complete(request()))

    assert clock.slept_s == [pytest.approx(3.15)]


@given(st.integers(1, 50), st.floats(0, 0.999), st.none() | st.floats(0, 10_000))
def test_no_wait_is_longer_than_the_longest_or_shorter_than_named(
    attempt: int, chance: float, named_s: float | None
) -> None:
    policy = RetryPolicy()
    wait_s = policy.wait_s(attempt, named_s, chance)

    assert 0 <= wait_s <= policy.longest_wait_s * 1.1
    if named_s is not None:
        assert wait_s >= min(named_s, policy.longest_wait_s)


def test_an_endpoint_that_never_answers_stops_the_run_at_once() -> None:
    class Silent(ScriptedModel):
        prepared = 0

        async def prepare(self) -> str:
            self.prepared += 1
            raise ConnectionFailedError("refused")

    inner, clock = Silent([]), Clock()
    model = RetryingModel(inner, RetryPolicy(attempts=3), sleep=clock.sleep)

    for _ in range(2):
        with pytest.raises(FatalBackendError, match=r"doesn't answer.*Is the server up"):
            asyncio.run(model.prepare())

    assert inner.prepared == 3
