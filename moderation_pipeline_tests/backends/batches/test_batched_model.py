"""Batch mode: audits wait for the provider's batch interface, cheaper; the run stops and goes on."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from polars.testing import assert_frame_equal

from moderation_pipeline.backends.batches.batched_model import BATCH_DISCOUNT, BatchPendingError
from moderation_pipeline.backends.language_model import FatalBackendError
from moderation_pipeline.backends.stores.open_store import open_store
from moderation_pipeline.config.run_config import Config
from moderation_pipeline.slugs import RunKey, VersionedRun
from moderation_pipeline.warehouse.folder import DataFolder
from moderation_pipeline_tests.backends.chat_server import Behaviour, Body, ChatServer, running
from moderation_pipeline_tests.backends.runs import RunResult, config_with, run, same_but_for_timing, texts_of

TEXTS = texts_of(60)
A_PRICE_OF_TOGETHER_S = (
    "- {backend: together, model: '*', input_usd_per_million: 1, output_usd_per_million: 4, source: test}\n"
    "- {backend: openai, model: '*', input_usd_per_million: 1, output_usd_per_million: 4, source: test}\n"
)


def by_batch(server: ChatServer, backend: str, *, lag: int, batch: bool = True) -> Config:
    expert = {"backend": backend, "model": "large-judge", "base_url": server.base_url, "batch": batch}
    loop = {"batch_size": 10, "feedback_lag": lag}
    return config_with(server.base_url, expert=expert, audit={"policy": "all"}, loop=loop)


def run_until_through(folder: Path, config: Config) -> tuple[RunResult, int]:
    """Run again and again, as the sensor would, until no batch is waited for; count the stops."""
    folder.mkdir(exist_ok=True)
    DataFolder(folder).prices.write_text(A_PRICE_OF_TOGETHER_S)
    for stops in range(20):
        try:
            return run(folder, config, TEXTS), stops
        except BatchPendingError:
            continue
    raise AssertionError("the run never ended")


@pytest.mark.parametrize("backend", ["openai", "together"])
def test_a_run_by_batch_stops_goes_on_and_ends_as_one_without(backend: str, tmp_path: Path) -> None:
    with running() as server:
        result, stops = run_until_through(tmp_path / "batch", by_batch(server, backend, lag=2))
        single_calls = [body for body in server.bodies if body["model"] == "large-judge"]
        waited = len(server.batches)
        direct, _ = run_until_through(tmp_path / "direct", by_batch(server, backend, lag=2, batch=False))

    assert stops == waited == 2  # six batches of comments, three of them sent at each border
    assert len(single_calls) == 1 + len(TEXTS)  # one to find the endpoint out
    batch_audits, direct_audits = result.tables.expert_audits, direct.tables.expert_audits
    assert_frame_equal(
        same_but_for_timing(batch_audits).drop("list_cost_usd"),
        same_but_for_timing(direct_audits).drop("list_cost_usd"),
    )
    assert batch_audits["cost_usd"].sum() == pytest.approx(
        float(direct_audits["cost_usd"].sum()) * BATCH_DISCOUNT
    )


def test_a_price_that_becomes_known_after_a_batch_is_that_of_a_batch(tmp_path: Path) -> None:
    prices = DataFolder(tmp_path).prices
    prices.write_text("[]")
    with running() as server:
        config = by_batch(server, "openai", lag=9)
        for _ in range(2):
            with pytest.raises(BatchPendingError):
                run(tmp_path, config, [*TEXTS, "one more"] if server.batches else TEXTS)
        prices.write_text(A_PRICE_OF_TOGETHER_S)
        audits = run(tmp_path, config, [*TEXTS, "one more"]).tables.expert_audits

    read, written = (float(audits[name].sum()) for name in ("prompt_tokens", "completion_tokens"))
    assert audits["cost_usd"].sum() == pytest.approx((read + 4 * written) / 1e6 * BATCH_DISCOUNT)


def test_a_batch_that_takes_its_time_is_waited_for_and_sent_once(folder: DataFolder) -> None:
    with running(Behaviour(batch_polls=4)) as server:
        _, stops = run_until_through(folder.root, by_batch(server, "openai", lag=9))

    assert len(server.batches) == 1
    assert stops >= 4


def test_what_a_batch_left_unanswered_is_sent_again(folder: DataFolder) -> None:
    with running(Behaviour(batch_leaves_out=7)) as server:
        result, _ = run_until_through(folder.root, by_batch(server, "openai", lag=9))

    assert len(server.batches) == 2
    assert result.tables.expert_audits["reply_error"].null_count() == len(TEXTS)


def test_the_batches_that_are_waited_for_can_be_listed(folder: DataFolder) -> None:
    with running() as server:
        with pytest.raises(BatchPendingError, match=r"60 calls wait.*goes on by itself"):
            run(folder.root, by_batch(server, "openai", lag=9), TEXTS)
        store = open_store(folder)
        (sent,) = store.sent_batches()
        run(folder.root, by_batch(server, "openai", lag=9), TEXTS)
        left = store.sent_batches()
        store.close()

    assert (sent.requests, sent.identity.model) == (len(TEXTS), "large-judge")
    assert VersionedRun.parse(sent.run_key).key == RunKey("chat", "test")
    assert left == []


def failed_line(line: Body, status: int, error: Body) -> Body:
    return {**line, "response": {"status_code": status, "body": {"error": error}}}


def expired(line: Body) -> Body:
    return {
        **line,
        "response": None,
        "error": {"code": "batch_expired", "message": "It could not be executed."},
    }


@pytest.mark.parametrize(
    "fail",
    [
        expired,
        lambda line: failed_line(line, 500, {"message": "out of cheese"}),
        lambda line: failed_line(line, 429, {"message": "slow down"}),
        lambda line: {**line, "custom_id": None},
    ],
    ids=["expired", "500", "429", "no id"],
)
def test_a_call_that_a_batch_did_not_answer_is_sent_again_and_no_other(
    folder: DataFolder, fail: Callable[[Body], Body]
) -> None:
    behaviour = Behaviour(batch_lines=lambda lines: [*map(fail, lines[:7]), *lines[7:], lines[-1]])
    with running(behaviour) as server:
        config = by_batch(server, "openai", lag=9)
        with pytest.raises(BatchPendingError):
            run(folder.root, config, TEXTS)
        behaviour.batch_lines = None
        result, _ = run_until_through(folder.root, config)
        audited = [body for body in server.bodies if body["model"] == "large-judge"]

    assert result.tables.expert_audits["reply_error"].null_count() == len(TEXTS)
    assert len(server.batches) == 2
    assert len(audited) == 1 + len(TEXTS) + 7  # one to find the endpoint out


def test_half_a_character_in_a_batch_is_no_reason_to_pay_for_it_twice(folder: DataFolder) -> None:
    with running() as server:
        config = by_batch(server, "openai", lag=9)
        with pytest.raises(BatchPendingError):
            run(folder.root, config, TEXTS)
        (name,) = [name for name in server.files if name.endswith("-out")]
        server.files[name] = server.files[name].replace(b"chatcmpl-1", rb"chatcmpl-\ud83d")
        result, _ = run_until_through(folder.root, config)

    assert result.tables.expert_audits["reply_error"].null_count() == len(TEXTS)
    assert len(server.batches) == 1


def test_what_was_too_long_in_a_batch_says_so_and_is_asked_again_by_the_next_run(folder: DataFolder) -> None:
    said = {"message": "so it is", "code": "context_length_exceeded"}
    behaviour = Behaviour(batch_lines=lambda lines: [failed_line(lines[0], 400, said), *lines[1:]])
    with running(behaviour) as server:
        config = by_batch(server, "openai", lag=9)
        first, _ = run_until_through(folder.root, config)
        behaviour.batch_lines = None
        again, _ = run_until_through(folder.root, config)

    assert first.tables.expert_audits["reply_error"].drop_nulls().to_list() == ["too_long: 400 so it is"]
    assert again.tables.expert_audits["reply_error"].null_count() == len(TEXTS)


@pytest.mark.parametrize("backend", ["openai", "together"])
def test_a_batch_that_failed_as_a_whole_stops_the_run_with_its_reason(backend: str, tmp_path: Path) -> None:
    behaviour = Behaviour(batch_error="The file has no lines.")
    with running(behaviour) as server:
        config = by_batch(server, backend, lag=9)
        with pytest.raises(BatchPendingError):
            run(tmp_path, config, TEXTS)
        behaviour.batch_lines = lambda _: []
        server.files["batch-0-out"] = b""
        with pytest.raises(FatalBackendError, match=r"batch-0 failed: The file has no lines\."):
            run(tmp_path, config, TEXTS)
        behaviour.batch_error = behaviour.batch_lines = None
        result, _ = run_until_through(tmp_path, config)

    assert result.tables.expert_audits["reply_error"].null_count() == len(TEXTS)
