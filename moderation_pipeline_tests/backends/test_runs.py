"""Whole runs against a real server: every comment decided, nothing paid twice, no key left anywhere."""

from __future__ import annotations

import logging
import multiprocessing
import random
from collections import Counter
from itertools import chain
from pathlib import Path

import orjson
import polars as pl
import pytest
from polars.testing import assert_frame_equal

from moderation_pipeline.backends.language_model import DailyBudgetSpentError, FatalBackendError
from moderation_pipeline.moderation.run_tables import RunTables
from moderation_pipeline_tests.backends.chat_server import (
    TURNS,
    Behaviour,
    ChatServer,
    Fault,
    running,
    three_in_ten,
)
from moderation_pipeline_tests.backends.runs import (
    config_with,
    run,
    run_and_keep,
    same_but_for_timing,
    texts_of,
)

TABLES = ("student_decisions", "expert_audits", "memory_snapshot", "action_log")


def assert_equal_but_for_timing(one: RunTables, other: RunTables) -> None:
    for table in TABLES:
        assert_frame_equal(
            same_but_for_timing(getattr(one, table)), same_but_for_timing(getattr(other, table))
        )


def calls_of(server: ChatServer) -> Counter[bytes]:
    """Return how often each thing was asked, the finding out of the endpoint aside."""
    bodies = (body for body in server.bodies if "Say hello" not in str(body["messages"][-1]))
    return Counter(orjson.dumps(body, option=orjson.OPT_SORT_KEYS) for body in bodies)


def test_every_comment_is_decided_though_three_calls_in_ten_fail(tmp_path: Path) -> None:
    with running(Behaviour(faults=three_in_ten, hang_s=2.0, retry_after_s=0.02)) as server:
        tables = run(tmp_path, config_with(server.base_url, timeout_s=0.5), texts_of(300)).tables

    decisions = tables.student_decisions
    assert decisions.height == tables.action_log.height == 300
    assert tables.action_log["action"].null_count() == 0
    assert set(server.faults_given) == set(TURNS)
    codes = set(decisions["reply_error"].drop_nulls().str.split(":").list.first())
    assert {"garbled", "empty", "refused"} <= codes
    failed = decisions.filter(pl.col("reply_error").is_not_null())
    assert failed["action"].null_count() == failed.height  # never an allow in disguise
    mended = decisions["reply_mended"].explode().drop_nulls()
    assert "repaired" in set(mended)  # a reply of another shape was asked for once more
    undecided = tables.action_log.filter(pl.col("action") == "undecided")
    audited = set(tables.expert_audits.filter(pl.col("action").is_not_null())["comment_id"])
    assert set(undecided["comment_id"]) <= set(failed["comment_id"])
    assert not set(undecided["comment_id"]) & audited


def test_what_the_model_did_not_decide_the_fallback_does(tmp_path: Path) -> None:
    with running(Behaviour(faults=lambda _: Fault.REFUSAL)) as server:
        tables = run(tmp_path, config_with(server.base_url, fallback="rules"), texts_of(40)).tables

    assert set(tables.action_log["decided_by"]) <= {"fallback", "ladder"}
    assert "undecided" not in set(tables.action_log["action"])
    assert tables.student_decisions["reply_error"].null_count() == 0


def test_the_second_of_two_configs_that_share_an_expert_pays_nothing_for_it(tmp_path: Path) -> None:
    with running() as server:
        config = config_with(server.base_url, student="none", audit={"policy": "all"}, regime="expert_only")
        first = run(tmp_path, config, texts_of(60), name="one").tables.expert_audits
        calls = server.calls
        second = run(tmp_path, config, texts_of(60), name="two").tables.expert_audits

    assert server.calls == calls
    assert first["cost_usd"].sum() > 0
    assert second["cost_usd"].sum() == 0
    assert first["list_cost_usd"].equals(second["list_cost_usd"])
    assert second["is_cached"].all()


def test_a_run_is_the_same_whatever_the_concurrency_and_the_timing(tmp_path: Path) -> None:
    runs = []
    for number, (latency_s, concurrency) in enumerate([(0.0, 1), (0.01, 64)]):
        with running(Behaviour(latency_s=latency_s)) as server:
            spec = {
                "backend": "openai",
                "model": "tiny-judge",
                "base_url": server.base_url,
                "concurrency": concurrency,
            }
            config = config_with(server.base_url, student=spec, expert={**spec, "model": "large-judge"})
            runs.append(run(tmp_path / str(number), config, texts_of(120)).tables)

    assert_equal_but_for_timing(*runs)
    assert runs[0].student_decisions["cost_usd"].equals(runs[1].student_decisions["cost_usd"])


def test_a_blind_expert_s_calls_hold_nothing_that_a_config_did(tmp_path: Path) -> None:
    with running() as server:
        run(tmp_path, config_with(server.base_url, audit={"policy": "all"}), texts_of(60))
        asked = [body for body in server.bodies if body["model"] == "large-judge"]

    told = [str(body["messages"][-1]["content"]) for body in asked]
    assert len(told) > 50
    assert not any(word in text for text in told for word in ("standing", "worked_cases", "proposed_by"))


def test_an_expert_that_is_not_blind_is_shown_the_plan(tmp_path: Path) -> None:
    with running() as server:
        spec = {
            "backend": "openai",
            "model": "large-judge",
            "base_url": server.base_url,
            "sees_student": True,
        }
        run(tmp_path, config_with(server.base_url, expert=spec, audit={"policy": "all"}), texts_of(30))
        asked = [body for body in server.bodies if body["model"] == "large-judge"]

    assert all("proposed_by_student" in str(body["messages"][-1]["content"]) for body in asked[1:])


def test_without_log_probabilities_the_row_says_that_confidence_is_stated(tmp_path: Path) -> None:
    sources = []
    for gives in (True, False):
        with running(Behaviour(gives_logprobs=gives)) as server:
            tables = run(tmp_path / str(gives), config_with(server.base_url), texts_of(10)).tables
            sources.append(set(tables.student_decisions["confidence_source"]))

    assert sources == [{"logprobs"}, {"stated"}]


def test_tokens_that_the_server_doesn_t_count_are_marked_as_estimated(tmp_path: Path) -> None:
    with running(Behaviour(gives_usage=False)) as server:
        decisions = run(tmp_path, config_with(server.base_url), texts_of(10)).tables.student_decisions

    assert decisions["tokens_are_estimated"].all()
    assert (decisions["prompt_tokens"] > 0).all()


def test_a_fatal_answer_stops_the_run_and_what_was_paid_is_stored(tmp_path: Path) -> None:
    with running(Behaviour(latency_s=0.02)) as server:
        server.behaviour.faults = lambda call: Fault.UNAUTHORISED if call >= 20 else None
        config = config_with(server.base_url)
        with pytest.raises(FatalBackendError, match="401"):
            run(tmp_path, config, texts_of(200))
        stopped_after = len(server.bodies)
        answered = stopped_after - len(server.faults_given)
        server.behaviour.faults = lambda _: None
        run(tmp_path, config, texts_of(200))

    assert stopped_after < 60  # those in flight ended, and no more were sent
    repeated = sum(calls_of(server).values()) - len(calls_of(server))
    assert repeated <= len(server.faults_given)
    assert answered >= 20


def test_a_server_that_sends_too_many_away_is_asked_more_slowly_and_answers_all(tmp_path: Path) -> None:
    with running(Behaviour(latency_s=0.01, max_in_flight=6, retry_after_s=0.02)) as server:
        config = config_with(
            server.base_url, loop={"batch_size": 100}, expert="none", audit={"policy": "none"}
        )
        decisions = run(tmp_path, config, texts_of(300)).tables.student_decisions

    assert decisions["reply_error"].null_count() == 300


def test_a_daily_budget_stops_the_run_which_goes_on_with_a_higher_one(tmp_path: Path) -> None:
    with running() as server:
        config = config_with(server.base_url)
        with pytest.raises(DailyBudgetSpentError):
            run(tmp_path, config, texts_of(100), usd_per_day=0.05)
        paid = server.calls
        resumed = run(tmp_path, config, texts_of(100), usd_per_day=100.0)

    assert 0 < paid < server.calls
    assert max(calls_of(server).values()) == 1
    assert any("Goes on where an earlier attempt stopped" in note for note in resumed.notes)


def test_a_missing_key_is_an_error_before_the_first_comment_unless_there_is_a_fallback(
    tmp_path: Path,
) -> None:
    config = config_with("http://127.0.0.1:9/v1", student="together", expert="careful_rules")
    with pytest.raises(ValueError, match="TOGETHER_API_KEY is not set"):
        run(tmp_path, config, texts_of(5))

    fallen_back = run(tmp_path, config.model_copy(update={"fallback": "rules"}), texts_of(5))

    assert "The Student is rules, not together" in fallen_back.notes[0]
    assert set(fallen_back.tables.student_decisions["backend"]) == {"rules"}


def test_no_file_no_log_line_and_no_error_holds_the_key(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    key = "sk-fake-0123456789-do-not-find-me"
    caplog.set_level(logging.DEBUG)
    faults = {3: Fault.RATE_LIMIT, 5: Fault.SERVER_ERROR, 7: Fault.CUT, 40: Fault.UNAUTHORISED}
    with running(Behaviour(faults=faults.get)) as server:
        spec = {
            "backend": "openai",
            "model": "tiny-judge",
            "base_url": server.base_url,
            "api_key_env": "MY_KEY",
        }
        config = config_with(server.base_url, student=spec, expert={**spec, "model": "large-judge"})
        with pytest.raises(FatalBackendError, match="401 Incorrect API key") as raised:
            run(tmp_path, config, texts_of(100), variables={"MY_KEY": key})

    assert any(headers.get("Authorization") == f"Bearer {key}" for headers in server.headers)
    files = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert any(path.name == "replies.sqlite" for path in files)
    assert not [path for path in files if key.encode() in path.read_bytes()]
    assert key not in caplog.text
    assert key not in "".join(map(str, chain([raised.value], raised.value.args)))


def test_a_run_killed_at_twenty_random_moments_ends_as_if_undisturbed(tmp_path: Path) -> None:
    """Law 3: after a kill nothing stored is asked again, and at most the calls in flight are repeated."""
    chance = random.Random(4)
    context = multiprocessing.get_context("forkserver")
    # With what a run imports late: else each process that is killed would import it first.
    context.set_forkserver_preload(
        ["moderation_pipeline_tests.backends.runs", "moderation_pipeline.backends.chat.openai"]
    )
    count, kills = 200, 0
    with running(Behaviour(latency_s=0.03)) as server:
        undisturbed = tmp_path / "undisturbed"
        run_and_keep(str(undisturbed), server.base_url, count)
        asked_undisturbed = calls_of(server)
        rounds = 0
        while kills < 20:
            server.bodies.clear()
            folder = tmp_path / f"killed-{rounds}"
            kills += killed_and_resumed(context, chance, folder, server, count, most=20 - kills)
            assert_ends_as(undisturbed, folder)
            asked = calls_of(server)
            repeated = int((folder / "repeated_calls").read_text())
            assert set(asked) == set(asked_undisturbed)
            assert sum(asked.values()) - len(asked) <= repeated
            rounds += 1


def killed_and_resumed(
    context: multiprocessing.context.ForkServerContext,
    chance: random.Random,
    folder: Path,
    server: ChatServer,
    count: int,
    *,
    most: int,
) -> int:
    """Run, kill at a random moment, resume, and so on; return how often it was killed before its end.

    A moment is some calls and some milliseconds after its start: by the clock alone a slow machine would be killed
    before it had asked anything, and show nothing.
    """
    kills = 0
    while True:
        process = context.Process(target=run_and_keep, args=(str(folder), server.base_url, count))
        asked_for = len(server.bodies) + chance.randint(1, 40)
        process.start()
        while process.exitcode is None and (kills == most or len(server.bodies) < asked_for):
            process.join(timeout=0.002)
        if process.exitcode is None:
            process.join(timeout=chance.uniform(0, 0.05))
        if process.exitcode is not None:
            assert process.exitcode == 0
            return kills
        process.kill()
        process.join()
        kills += 1


def assert_ends_as(undisturbed: Path, folder: Path) -> None:
    for table in TABLES:
        expected, got = (pl.read_parquet(each / f"{table}.parquet") for each in (undisturbed, folder))
        assert_frame_equal(same_but_for_timing(expected), same_but_for_timing(got))
        if "cost_usd" in expected.columns:  # what an earlier attempt paid keeps its cost
            assert_frame_equal(expected.select("cost_usd"), got.select("cost_usd"))
