"""Adaptive concurrency: grows while the server keeps up, halves on a refusal, never above the bound."""

from __future__ import annotations

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from moderation_pipeline.backends.language_model import FatalBackendError, RateLimitedError, Reply, Request
from moderation_pipeline.backends.wrappers.concurrency import MODEST, AdaptiveModel, Gate
from moderation_pipeline.cases.stream_place import BATCH
from moderation_pipeline_tests.backends.scripted_model import GatedModel, ScriptedModel, reply, request


class Counting(ScriptedModel):
    """Counts how many calls fly at once; sends those above `bearable` away."""

    def __init__(self, bearable: int) -> None:
        super().__init__([])
        self.bearable = bearable
        self.flying = 0
        self.most = 0

    async def complete(self, request: Request) -> Reply:  # noqa: ARG002
        self.flying += 1
        self.most = max(self.most, self.flying)
        try:
            await asyncio.sleep(0.001)
            if self.flying > self.bearable:
                raise RateLimitedError("429")
            return reply("fine")
        finally:
            self.flying -= 1


async def ask(model: AdaptiveModel, calls: int) -> int:
    outcomes = await asyncio.gather(
        *(model.complete(request()) for _ in range(calls)), return_exceptions=True
    )
    return sum(isinstance(outcome, RateLimitedError) for outcome in outcomes)


def test_it_starts_modest_and_grows_to_its_bound() -> None:
    gate, inner = Gate(64), Counting(bearable=1_000)
    assert gate.limit == MODEST

    asyncio.run(ask(AdaptiveModel(inner, gate), 500))

    assert gate.limit == inner.most == 64


@given(st.integers(1, 40), st.integers(1, 300))
def test_it_never_lets_more_fly_than_its_bound(bound: int, calls: int) -> None:
    inner = Counting(bearable=1_000)

    asyncio.run(ask(AdaptiveModel(inner, Gate(bound)), calls))

    assert inner.most <= bound


def test_it_settles_near_what_the_server_bears() -> None:
    gate, inner = Gate(128), Counting(bearable=20)

    refused = asyncio.run(ask(AdaptiveModel(inner, gate), 3_000))

    assert gate.halvings > 0
    assert gate.limit < 30
    assert refused < 300


def test_calls_that_flew_together_halve_it_once() -> None:
    gate = Gate(64, start=64)
    for _ in range(10):
        gate.refused(0)

    assert gate.limit == 32
    assert gate.halvings == 1


def test_it_doesn_t_grow_while_it_isn_t_full() -> None:
    gate = Gate(64)

    async def one_by_one() -> None:
        model = AdaptiveModel(Counting(bearable=9), gate)
        for _ in range(50):
            await model.complete(request())

    asyncio.run(one_by_one())

    assert gate.limit == MODEST


def test_calls_fly_in_the_order_in_which_they_came() -> None:
    async def order() -> list[str]:
        inner = GatedModel(["fine"] * 20)
        model = AdaptiveModel(inner, Gate(2))
        calls = [asyncio.ensure_future(model.complete(request(str(i)))) for i in range(20)]
        await asyncio.sleep(0)
        inner.gate.set()
        await asyncio.gather(*calls)
        return [each.messages[-1].content for each in inner.asked]

    assert asyncio.run(order()) == [str(i) for i in range(20)]


def test_calls_of_an_earlier_batch_fly_before_those_that_wait_already() -> None:
    async def order() -> list[str]:
        inner = GatedModel(["fine"] * 6)
        model = AdaptiveModel(inner, Gate(1, start=1))
        calls = []
        for batch, name in ((1, "first"), (2, "next"), (2, "next, too"), (1, "audit"), (0, "older")):
            BATCH.set(batch)
            calls.append(asyncio.ensure_future(model.complete(request(name))))
            await asyncio.sleep(0)
        inner.gate.set()
        await asyncio.gather(*calls)
        return [each.messages[-1].content for each in inner.asked]

    assert asyncio.run(order()) == ["first", "older", "audit", "next", "next, too"]


def test_a_call_that_is_cancelled_while_it_waits_leaves_its_place() -> None:
    async def cancelled() -> float:
        inner = GatedModel(["fine"] * 3)
        gate = Gate(1)
        model = AdaptiveModel(inner, gate)
        first, second, third = (asyncio.ensure_future(model.complete(request())) for _ in range(3))
        await asyncio.sleep(0)
        second.cancel()
        inner.gate.set()
        await asyncio.gather(first, third)
        return gate.flying

    assert asyncio.run(cancelled()) == 0


def test_after_a_fatal_error_no_more_calls_are_sent() -> None:
    inner = ScriptedModel([FatalBackendError("401"), *["fine"] * 100])
    model = AdaptiveModel(inner, Gate(1))

    async def all_of_them() -> list[Reply | BaseException]:
        calls = (model.complete(request()) for _ in range(50))
        return await asyncio.gather(*calls, return_exceptions=True)

    outcomes = asyncio.run(all_of_them())

    assert all(isinstance(outcome, FatalBackendError) for outcome in outcomes)
    assert len(inner.asked) == 1
    with pytest.raises(FatalBackendError):
        asyncio.run(model.complete(request()))
