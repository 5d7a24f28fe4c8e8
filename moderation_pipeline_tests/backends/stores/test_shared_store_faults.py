"""Faults of several machines at one Postgres: whoever is killed, whatever restarts, nothing is paid twice or lost."""

from __future__ import annotations

import asyncio
import multiprocessing
import os
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from moderation_pipeline.backends.language_model import DailyBudgetSpentError, ModelIdentity
from moderation_pipeline.backends.stores import postgres_replies
from moderation_pipeline.backends.stores.open_store import upkeep_of_store
from moderation_pipeline.backends.stores.postgres_ledger import LostBatchError
from moderation_pipeline.backends.stores.postgres_replies import (
    LostRepliesError,
    PostgresReplies,
)
from moderation_pipeline.backends.stores.stored_replies import StoredReply, Wish
from moderation_pipeline.warehouse.folder import STORE_VARIABLE, DataFolder
from moderation_pipeline.warehouse.shared_database import StoreUnreachableError, named_database
from moderation_pipeline_tests.backends.chat_server import Behaviour, ChatServer, running
from moderation_pipeline_tests.backends.runs import (
    config_with,
    run,
    run_and_keep,
    same_but_for_timing,
    texts_of,
)
from moderation_pipeline_tests.backends.scripted_model import reply
from moderation_pipeline_tests.postgres_server import PostgresServer, new_database

pytestmark = pytest.mark.fleet

IDENTITY = ModelIdentity("openai", "http://scripted/v1", "scripted")
TABLES = ("student_decisions", "expert_audits", "memory_snapshot", "action_log")
COMMENTS = 120
SHORTLY = {"LEASE_S": 2.5, "RENEWED_EVERY_S": 0.1}


@pytest.fixture
def own_store(own_postgres: PostgresServer, monkeypatch: pytest.MonkeyPatch) -> Iterator[PostgresReplies]:
    """A store in a Postgres that the test may stop."""
    monkeypatch.setenv(STORE_VARIABLE, own_postgres.url)
    store = PostgresReplies(named_database())
    yield store
    store.close()


@pytest.fixture
def short_lease(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, seconds in SHORTLY.items():
        monkeypatch.setattr(postgres_replies, name, seconds)


def hear_sooner() -> None:
    """Hear of others, and of their end, within seconds: in a process of its own, which a test waits for."""
    for name, seconds in SHORTLY.items():
        setattr(postgres_replies, name, seconds)


def stored(text: str = "fine") -> StoredReply:
    return StoredReply(reply(text, usd=0.25), None, None, "run", time.time())


def wants(key: bytes) -> Wish:
    return Wish(key, "run")


def claim_and_wait(told: multiprocessing.SimpleQueue[bool]) -> None:
    """Claim a reply, as a worker does that is about to be killed."""
    hear_sooner()
    store = PostgresReplies(named_database())
    told.put(asyncio.run(store.claim(wants(b"key"))).is_ours)
    threading.Event().wait()


@pytest.mark.usefixtures("shared_store", "short_lease")
def test_what_a_killed_worker_was_asking_is_another_s_when_it_is_not_heard_of_any_more() -> None:
    store = PostgresReplies(named_database())
    context = multiprocessing.get_context("spawn")
    told: multiprocessing.SimpleQueue[bool] = context.SimpleQueue()
    worker = context.Process(target=claim_and_wait, args=(told,))
    worker.start()
    assert told.get()
    time.sleep(3.0)  # longer than the lease: it lives, so it holds
    assert not asyncio.run(store.claim(wants(b"key"))).is_ours
    worker.kill()
    worker.join()

    assert not asyncio.run(store.claim(wants(b"key"))).is_ours
    while not asyncio.run(store.claim(wants(b"key"))).is_ours:
        time.sleep(0.05)
    store.close()


def restarts(postgres: PostgresServer, away_s: float) -> None:
    postgres.stop("immediate")
    time.sleep(away_s)
    postgres.start()


def hangs(postgres: PostgresServer, away_s: float) -> None:
    postgres.fall_silent()
    time.sleep(away_s)
    postgres.speak_again()


OUTAGES = pytest.mark.parametrize("outage", [restarts, hangs])


@OUTAGES
@pytest.mark.usefixtures("short_lease")
def test_who_comes_back_first_after_an_outage_takes_nobody_for_dead(
    own_postgres: PostgresServer,
    own_store: PostgresReplies,
    outage: Callable[[PostgresServer, float], None],
) -> None:
    other = PostgresReplies(named_database())
    time.sleep(3.0)  # so that both were heard of for longer than the lease
    assert asyncio.run(own_store.claim(wants(b"key"))).is_ours
    outage(own_postgres, 3.0)

    assert not any(asyncio.run(other.claim(wants(b"key"))).is_ours for _ in range(50))
    other.close()


def test_a_reply_that_arrives_while_the_store_restarts_is_kept(
    own_postgres: PostgresServer, own_store: PostgresReplies
) -> None:
    asyncio.run(own_store.claim(wants(b"key")))
    own_postgres.stop("immediate")
    again = threading.Timer(1.0, own_postgres.start)
    again.start()

    asyncio.run(own_store.put(b"key", IDENTITY, stored()))
    again.join()

    assert asyncio.run(own_store.claim(wants(b"key"))).stored is not None
    assert own_store.spent_today() == (0.25, 0.0)


def test_a_reply_whose_asker_is_gone_is_kept_before_the_store_is_closed(
    own_postgres: PostgresServer, own_store: PostgresReplies
) -> None:
    async def cancelled() -> None:
        keeping = asyncio.ensure_future(own_store.put(b"key", IDENTITY, stored()))
        await asyncio.sleep(0.1)
        keeping.cancel()

    own_postgres.stop("immediate")
    asyncio.run(cancelled())
    again = threading.Timer(1.0, own_postgres.start)
    again.start()
    own_store.close()
    again.join()

    other = PostgresReplies(named_database())
    assert asyncio.run(other.claim(wants(b"key"))).stored is not None
    other.close()


def test_a_reply_that_can_t_be_kept_is_said_with_what_it_cost(
    own_postgres: PostgresServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(postgres_replies, "PATIENCE_S", 0.3)
    monkeypatch.setenv(STORE_VARIABLE, own_postgres.url)
    own_store = PostgresReplies(named_database())
    own_postgres.stop()

    with pytest.raises(LostRepliesError, match=r"1 replies arrived \(\$0\.2500.*didn't answer"):
        asyncio.run(own_store.put(b"key", IDENTITY, stored()))
    with pytest.raises(
        LostBatchError, match=r"Batch batch-1 \(2 calls\) was sent to openai.*cancel it there"
    ):
        own_store.keep_batch("batch-1", IDENTITY, "run", ["a", "b"])
    with pytest.raises(StoreUnreachableError, match="goes on where it stopped"):
        asyncio.run(own_store.claim(wants(b"other")))
    own_store.close()


@pytest.mark.usefixtures("shared_store")
def test_a_reply_that_is_put_twice_is_paid_once() -> None:
    """As where nobody knows whether it arrived before the connection broke."""
    store, arrived = PostgresReplies(named_database()), stored()
    for _ in range(2):
        asyncio.run(store.put(b"key", IDENTITY, arrived))

    assert store.spent_today().usd == 0.25
    store.close()


def work(folder: str, store: str, base_url: str) -> None:
    """Run as a worker of its own would, hearing of others' deaths sooner."""
    os.environ[STORE_VARIABLE] = store
    hear_sooner()
    run_and_keep(folder, base_url, COMMENTS)


def calls_of(server: ChatServer) -> Counter[str]:
    return Counter(str((body["model"], body["messages"])) for body in server.bodies)


def assert_ends_as(undisturbed: Path, folder: Path) -> None:
    for table in TABLES:
        expected, got = (pl.read_parquet(each / f"{table}.parquet") for each in (undisturbed, folder))
        assert_frame_equal(same_but_for_timing(expected), same_but_for_timing(got))


@pytest.mark.long
def test_a_worker_killed_in_mid_run_is_gone_on_with_by_another_as_if_undisturbed(
    tmp_path: Path, postgres: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv(STORE_VARIABLE, raising=False)
    context = multiprocessing.get_context("spawn")
    with running(Behaviour(latency_s=0.05)) as server:
        run_and_keep(str(tmp_path / "alone"), server.base_url, COMMENTS)
        undisturbed = calls_of(server)
        server.bodies.clear()
        place = new_database(postgres)
        for number, asked_for in enumerate((30, 75, None)):
            folder = tmp_path / f"machine-{number}"
            worker = context.Process(target=work, args=(str(folder), place, server.base_url))
            worker.start()
            while asked_for is not None and len(server.bodies) < asked_for:
                time.sleep(0.005)
            if asked_for is not None:
                worker.kill()
            worker.join()

        asked = calls_of(server)
    assert worker.exitcode == 0
    assert_ends_as(tmp_path / "alone", folder)
    assert set(asked) == set(undisturbed)
    # At each of two kills a batch of Students' and one of Experts' calls were in flight at most.
    assert sum(asked.values()) - len(asked) <= 2 * 2 * 8


@pytest.mark.long
@OUTAGES
@pytest.mark.usefixtures("short_lease")
def test_a_run_through_an_outage_of_the_store_ends_as_if_undisturbed(
    tmp_path: Path,
    own_postgres: PostgresServer,
    monkeypatch: pytest.MonkeyPatch,
    outage: Callable[[PostgresServer, float], None],
) -> None:
    monkeypatch.delenv(STORE_VARIABLE, raising=False)
    with running(Behaviour(latency_s=0.05)) as server:
        run_and_keep(str(tmp_path / "alone"), server.base_url, COMMENTS)
        server.bodies.clear()
        monkeypatch.setenv(STORE_VARIABLE, own_postgres.url)

        def once_it_asks() -> None:
            while len(server.bodies) < 40:
                time.sleep(0.005)
            outage(own_postgres, 4.0)  # longer than a lease

        away = threading.Thread(target=once_it_asks)
        away.start()
        run_and_keep(str(tmp_path / "disturbed"), server.base_url, COMMENTS)
        away.join()
        asked = calls_of(server)

    assert_ends_as(tmp_path / "alone", tmp_path / "disturbed")
    assert set(asked.values()) == {1}


def spend_until_stopped(folder: str, store: str, base_url: str, number: int, usd_per_day: float) -> None:
    os.environ[STORE_VARIABLE] = store
    texts = [f"worker {number} says {text}" for text in texts_of(200)]
    try:
        run(Path(folder), config_with(base_url), texts, usd_per_day=usd_per_day, name=f"worker_{number}")
    except DailyBudgetSpentError:
        return
    raise AssertionError("the budget was for less than this")


@pytest.mark.long
def test_four_workers_at_the_daily_budget_stop_before_they_pass_it(tmp_path: Path, shared_store: str) -> None:
    usd_per_day = 0.15
    context = multiprocessing.get_context("spawn")
    with running(Behaviour(latency_s=0.02)) as server:
        workers = [
            context.Process(
                target=spend_until_stopped,
                args=(str(tmp_path / str(number)), shared_store, server.base_url, number, usd_per_day),
            )
            for number in range(4)
        ]
        for each in workers:
            each.start()
        for each in workers:
            each.join()
        answered = server.calls  # those that found the endpoint out are not among them

    assert [each.exitcode for each in workers] == [0] * 4
    held = upkeep_of_store(DataFolder(tmp_path), time.time()).show()
    store = PostgresReplies(named_database())
    spent = store.spent_today()
    store.close()
    assert 0 < spent.usd <= usd_per_day
    assert spent.in_flight_usd == 0
    assert sum(each.replies for each in held) == answered
