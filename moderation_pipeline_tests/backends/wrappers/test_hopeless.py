"""Runs that are no use to go on with: they stop in a sentence, leave nothing bad behind, and go on when asked again."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path

import orjson
import pytest

from moderation_pipeline.backends.language_model import (
    BadReplyError,
    CallTimedOutError,
    ConnectionFailedError,
    FatalBackendError,
    GarbledReplyError,
    OnlyThoughtsError,
    RateLimitedError,
    ServerFailedError,
    TransportError,
)
from moderation_pipeline.backends.stores.sqlite_upkeep import SqliteUpkeep
from moderation_pipeline.backends.wrappers.hopeless import (
    MOST_EMPTY,
    MOST_EMPTY_OF_ABLE,
    MOST_TOO_LONG,
    MOST_UNANSWERED,
    HopelessModel,
    named_tokens,
)
from moderation_pipeline.config.run_config import Config
from moderation_pipeline.warehouse.folder import DataFolder
from moderation_pipeline_tests.backends.chat_server import Behaviour, Body, Fault, is_probe, running
from moderation_pipeline_tests.backends.runs import config_with, run, texts_of
from moderation_pipeline_tests.backends.scripted_model import ScriptedModel, request


def expert_alone(base_url: str, **more: object) -> Config:
    spec = {"backend": "openai", "model": "tiny-judge", "base_url": base_url, "timeout_s": 2, **more}
    return config_with(base_url, student="none", expert=spec, audit={"policy": "all"}, regime="expert_only")


def bad_replies_kept(folder: Path) -> int:
    return sum(each.bad_replies for each in SqliteUpkeep(DataFolder(folder).reply_cache, 0.0).show())


def test_a_context_that_is_too_small_stops_the_run_with_what_to_set(tmp_path: Path) -> None:
    with running(Behaviour(context_tokens=200)) as server:
        with pytest.raises(FatalBackendError) as raised:
            run(tmp_path, expert_alone(server.base_url, concurrency=2), texts_of(100))
        asked = server.calls

    told = str(raised.value)
    assert "exceeds the available context size (200 tokens)" in told
    assert "with a context of" in told
    assert "`prompt: category`" in told
    assert asked == 0  # each was refused, and none kept
    assert bad_replies_kept(tmp_path) == 0


def test_a_server_that_was_given_more_context_is_asked_again(tmp_path: Path) -> None:
    behaviour = Behaviour(context_tokens=200)
    with running(behaviour) as server:
        few = texts_of(MOST_TOO_LONG - 1)
        before = run(tmp_path, expert_alone(server.base_url), few).tables
        behaviour.context_tokens = 20_000
        after = run(tmp_path, expert_alone(server.base_url), few).tables

    errors = before.expert_audits["reply_error"].str.starts_with("too_long")
    assert errors.all()
    assert after.expert_audits["reply_error"].null_count() == len(few)


def test_some_lines_that_are_too_long_don_t_stop_a_run(tmp_path: Path) -> None:
    with running(Behaviour(context_tokens=2_300)) as server:
        texts = ["x" * 3_900 if i % 3 == 0 else f"hello {i}" for i in range(30)]
        config = expert_alone(server.base_url, concurrency=1, context_lines=0, own_lines=0)
        audits = run(tmp_path, config, texts).tables.expert_audits

    assert audits["reply_error"].count() == 10


def test_a_server_that_dies_in_mid_run_ends_it_and_the_same_command_goes_on(tmp_path: Path) -> None:
    behaviour = Behaviour(faults=lambda call: Fault.SERVER_ERROR if call >= 20 else None)
    with running(behaviour) as server:
        config = expert_alone(server.base_url, attempts=1, concurrency=4)
        with pytest.raises(FatalBackendError, match="answers with errors: 8 calls in a row") as raised:
            run(tmp_path, config, texts_of(80), finishes=False)
        asked = server.calls
        behaviour.faults = lambda _: None
        tables = run(tmp_path, config, texts_of(80)).tables

    assert "the same command goes on" in str(raised.value)
    assert asked < 20 + MOST_UNANSWERED + 4  # those in flight beside the last one
    assert tables.expert_audits["reply_error"].null_count() == 80
    assert server.calls - asked <= 80 - 20  # nothing that was answered is asked again


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (CallTimedOutError("no reply within 1 s"), "set a higher timeout_s"),
        (RateLimitedError("429"), "Set a lower concurrency"),
        (ConnectionFailedError("refused"), "Is the server up"),
        (ServerFailedError("503 Loading model", status=503), "answers with errors.*still loads its model"),
    ],
)
def test_what_to_do_hangs_on_what_happened(error: TransportError, said: str) -> None:
    async def asked() -> None:
        model = HopelessModel(ScriptedModel([error] * MOST_UNANSWERED))
        for _ in range(MOST_UNANSWERED - 1):
            with pytest.raises(TransportError):
                await model.complete(request())
        with pytest.raises(FatalBackendError, match=said):
            await model.complete(request())

    asyncio.run(asked())


@pytest.mark.parametrize(
    ("said", "tokens"),
    [
        ("400 request (1475 tokens) exceeds the available context size (1024 tokens)", 1475),
        ("maximum context length is 4096 tokens. However, you requested 5131 tokens", 5131),
        ("too long", 0),
    ],
)
def test_what_a_server_says_of_tokens_is_read(said: str, tokens: int) -> None:
    assert named_tokens(said) == tokens


def only_thinking(_: Body, reply: Body) -> tuple[int, bytes]:
    choice = reply["choices"][0]
    choice["finish_reason"] = "length"
    choice["message"] = {"role": "assistant", "content": None, "reasoning_content": "Hm. Let me see."}
    return 200, orjson.dumps(reply)


@pytest.mark.parametrize(
    ("instead", "said"),
    [
        (lambda *_: (200, b'{"status": "ok"}'), "does the server speak OpenAI's protocol"),
        (lambda *_: (200, b"hello, this is a wiki"), "does the server speak OpenAI's protocol"),
        (only_thinking, "needs more than the 500 tokens that a reply may have: set a higher max_tokens"),
    ],
    ids=["no choices", "no JSON", "thoughts alone"],
)
def test_a_server_whose_replies_hold_nothing_stops_the_run_before_a_thousand_of_them(
    tmp_path: Path, instead: Callable[[Body, Body], tuple[int, bytes]], said: str
) -> None:
    def unless_probed(asked: Body, reply: Body) -> tuple[int, bytes] | None:
        return None if is_probe(asked) else instead(asked, reply)

    with running(Behaviour(instead=unless_probed)) as server:
        with pytest.raises(FatalBackendError, match=said):
            run(tmp_path, expert_alone(server.base_url, concurrency=2), texts_of(100), finishes=False)
        calls = server.calls
        server.behaviour.instead = None
        tables = run(tmp_path, expert_alone(server.base_url, concurrency=2), texts_of(100)).tables

    assert calls <= MOST_EMPTY + 4
    assert tables.expert_audits["reply_error"].drop_nulls().len() <= (
        MOST_EMPTY if instead is only_thinking else 0
    )


def test_what_a_chat_can_provoke_stops_nobody_s_run(tmp_path: Path) -> None:
    with running(Behaviour(faults=lambda _: Fault.REFUSAL)) as server:
        tables = run(tmp_path, expert_alone(server.base_url), texts_of(60)).tables

    assert tables.expert_audits["reply_error"].str.starts_with("refused").all()


def asked_until_given_up(steps: list[str | BadReplyError]) -> int:
    """Return how many calls were made until the run was given up."""

    async def asked() -> int:
        model, calls = HopelessModel(ScriptedModel(steps)), 0
        while True:
            calls += 1
            try:
                await model.complete(request())
            except FatalBackendError:
                return calls
            except BadReplyError:
                pass

    return asyncio.run(asked())


def test_a_few_lines_to_which_a_model_says_nothing_stop_none_that_can_answer() -> None:
    thoughts = OnlyThoughtsError("in its thoughts")
    assert asked_until_given_up([thoughts] * MOST_EMPTY) == MOST_EMPTY
    assert asked_until_given_up(["{}", *[thoughts] * MOST_EMPTY_OF_ABLE]) == 1 + MOST_EMPTY_OF_ABLE
    no_reply = GarbledReplyError("no reply in it")
    assert asked_until_given_up(["{}", *[no_reply] * MOST_EMPTY]) == 1 + MOST_EMPTY
