"""Rate limits: calls of all processes at a store are spaced, in the order in which they come."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path

import pytest

from moderation_pipeline.backends.language_model import LanguageModel, ServerFailedError
from moderation_pipeline.backends.stores.stored_replies import ReplyStore
from moderation_pipeline.backends.wrappers.hopeless import prompt_tokens
from moderation_pipeline.backends.wrappers.rate_limit import RateLimit, RateLimitedModel
from moderation_pipeline.backends.wrappers.retry import RetryingModel
from moderation_pipeline.config.run_config import Config, NamedConfig
from moderation_pipeline.warehouse.folder import DataFolder
from moderation_pipeline_tests.backends.chat_server import running
from moderation_pipeline_tests.backends.runs import config_with, run, texts_of
from moderation_pipeline_tests.backends.scripted_model import ScriptedModel, request
from moderation_pipeline_tests.backends.stores.opened import opened


class Waits:
    """Keeps how long calls were told to wait, and lets them go at once."""

    def __init__(self) -> None:
        self.seconds: list[float] = []

    async def __call__(self, seconds: float) -> None:
        self.seconds.append(seconds)


def limited(inner: LanguageModel, store: ReplyStore, limit: RateLimit, waits: Waits) -> RateLimitedModel:
    return RateLimitedModel(inner, store, limit, sleep=waits)


def test_requests_are_spaced_over_all_processes(folder: DataFolder) -> None:
    stores, waits = [opened(folder, now=lambda: 0.0) for _ in range(2)], Waits()
    model = ScriptedModel(["fine"] * 4)
    for number in range(4):
        one = limited(model, stores[number % 2], RateLimit(requests_per_minute=2), waits)
        asyncio.run(one.complete(request(str(number))))

    assert waits.seconds == [pytest.approx(seconds, abs=10) for seconds in (0, 30, 60, 90)]
    for store in stores:
        store.close()


def test_tokens_that_a_reply_didn_t_take_are_given_back(folder: DataFolder) -> None:
    store, waits = opened(folder, now=lambda: 0.0), Waits()
    limit = RateLimit(tokens_per_minute=11)  # each reply takes 110: ten minutes
    model = limited(ScriptedModel(["fine"] * 3), store, limit, waits)
    for _ in range(3):
        asyncio.run(model.complete(request()))

    assert prompt_tokens("scripted", request()) + request().max_tokens > 110
    assert waits.seconds == [pytest.approx(seconds, abs=10) for seconds in (0, 600, 1_200)]
    store.close()


def test_each_try_takes_a_turn(folder: DataFolder) -> None:
    store, waits = opened(folder, now=lambda: 0.0), Waits()
    inner = ScriptedModel([ServerFailedError("500"), "fine"])
    model = RetryingModel(limited(inner, store, RateLimit(requests_per_minute=1), waits), sleep=Waits())

    assert asyncio.run(model.complete(request())).text == "fine"
    assert waits.seconds == [pytest.approx(seconds, abs=10) for seconds in (0, 60)]
    store.close()


def test_a_run_keeps_to_what_its_config_says(folder: DataFolder) -> None:
    with running() as server:
        spec = {"backend": "openai", "model": "tiny-judge", "base_url": server.base_url}
        student = {**spec, "requests_per_minute": 1_200, "tokens_per_minute": 10_000_000}
        config = config_with(server.base_url, student=student, expert="none", audit={"policy": "none"})
        began = time.monotonic()
        run(folder.root, config, texts_of(5))
        took_s = time.monotonic() - began

    paced = sum("tangerine-47" not in str(body) for body in server.bodies)
    assert paced >= 4  # what finds the endpoint out is not spaced
    assert took_s >= (paced - 1) * 60 / 1_200


def test_a_config_without_limits_keeps_the_hash_it_had() -> None:
    def hashed(**limits: int) -> str:
        student = {"backend": "openai", "model": "tiny-judge", **limits}
        config = Config.model_validate({"student": student, "expected_violations_per_1000": None})
        return NamedConfig(name="test", path=Path(), config=config).config_hash

    config = Config.model_validate({"student": {"backend": "openai", "model": "tiny-judge"}})
    assert not {"requests_per_minute", "tokens_per_minute"} & config.model_dump()["student"].keys()
    assert hashed() != hashed(requests_per_minute=60)
