"""What a reply store promises, whether it is SQLite or Postgres: who asks, what is in flight, what a day may cost."""

from __future__ import annotations

import asyncio
import time
from dataclasses import replace

import pytest

from moderation_pipeline.backends.chat.abilities import FoundAbilities
from moderation_pipeline.backends.chat.chat_wire import Abilities
from moderation_pipeline.backends.language_model import ModelIdentity
from moderation_pipeline.backends.stores.stored_replies import (
    Allowance,
    Claim,
    ReplyStore,
    Spent,
    StoredReply,
    Wish,
)
from moderation_pipeline.warehouse.folder import DataFolder
from moderation_pipeline_tests.backends.scripted_model import reply
from moderation_pipeline_tests.backends.stores.opened import opened

IDENTITY = ModelIdentity("openai", "http://scripted/v1", "scripted")


BOUGHT_AT = time.time()


def stored(text: str = "fine", *, usd: float | None = 0.01, bought_by: str = "run") -> StoredReply:
    return StoredReply(reply(text, usd=usd), None, None, bought_by, BOUGHT_AT)


def claim(store: ReplyStore, key: bytes, *, run: str = "run", allowance: Allowance | None = None) -> Claim:
    return asyncio.run(store.claim(Wish(key, run, allowance=allowance)))


def put(store: ReplyStore, key: bytes, arrived: StoredReply) -> None:
    asyncio.run(store.put(key, IDENTITY, arrived))


def test_a_reply_that_is_there_is_given_and_not_claimed(store: ReplyStore) -> None:
    assert claim(store, b"key").is_ours
    put(store, b"key", stored())

    assert claim(store, b"key") == Claim(stored())


def test_a_reply_that_won_t_do_is_claimed(store: ReplyStore) -> None:
    put(store, b"key", stored("old"))

    assert asyncio.run(store.claim(Wish(b"key", "run", will_do=lambda _: False))).is_ours


@pytest.mark.parametrize("detail", ["\x00 and ☂", "", None], ids=["no text for Postgres", "empty", "none"])
def test_a_reply_comes_back_whatever_is_in_it(store: ReplyStore, detail: str | None) -> None:
    put(store, b"key", replace(stored("NUL \x00 and ☂"), error_code="refused", error_detail=detail))

    found = claim(store, b"key").stored
    assert found is not None
    assert found.reply is not None
    assert (found.reply.text, found.error_code, found.error_detail) == ("NUL \x00 and ☂", "refused", detail)


def test_a_claim_of_a_living_store_is_respected(folder: DataFolder) -> None:
    one, two = opened(folder), opened(folder)

    assert claim(one, b"key").is_ours
    assert claim(two, b"key") == Claim()
    one.close()
    assert claim(two, b"key").is_ours
    two.close()


def test_a_claim_that_is_given_back_is_free(folder: DataFolder) -> None:
    one, two = opened(folder), opened(folder)
    claim(one, b"key")
    asyncio.run(two.release(b"key"))  # which isn't its own
    assert not claim(two, b"key").is_ours

    asyncio.run(one.release(b"key"))
    assert claim(two, b"key").is_ours
    one.close()
    two.close()


def test_many_claim_at_once_and_each_reply_is_asked_for_by_one(folder: DataFolder) -> None:
    stores = [opened(folder) for _ in range(3)]
    keys = [str(number).encode() for number in range(200)]

    async def all_at_once() -> list[Claim]:
        return await asyncio.gather(*(each.claim(Wish(key, "run")) for key in keys for each in stores))

    claims = asyncio.run(all_at_once())

    assert sum(each.is_ours for each in claims) == len(keys)
    for each in stores:
        each.close()


def test_the_calls_in_flight_at_a_kill_are_counted(folder: DataFolder) -> None:
    killed = opened(folder)
    attempt = killed.begin_run("run")
    for key in (b"1", b"2"):
        assert claim(killed, key, run=attempt.run_id).is_ours
    killed.close()

    store = opened(folder)
    resumed = store.begin_run("run")

    assert resumed.run_id == attempt.run_id
    assert resumed.is_resumed
    assert resumed.repeated_calls == 2
    assert store.begin_run("run").repeated_calls == 2  # counted once
    store.close()


def test_a_finished_run_is_not_gone_on_with(store: ReplyStore) -> None:
    first = store.begin_run("run")
    assert not first.is_resumed
    store.finish_run(first.run_id)

    assert store.begin_run("run").run_id != first.run_id


def test_a_call_reserves_what_it_may_cost_until_its_reply_says_less(folder: DataFolder) -> None:
    store, other = opened(folder), opened(folder)
    allowance = Allowance(worst_usd=0.4, usd_per_day=1.0)
    assert [claim(store, key, allowance=allowance).is_ours for key in (b"1", b"2")] == [True, True]

    refused = claim(other, b"3", allowance=allowance)
    assert (refused.is_ours, refused.beyond) == (False, Spent(0.0, 0.8))
    put(store, b"1", stored(usd=0.1))
    assert other.spent_today() == Spent(0.1, 0.4)
    assert claim(other, b"3", allowance=allowance).is_ours
    asyncio.run(store.release(b"2"))
    assert other.spent_today() == Spent(0.1, 0.4)
    store.close()
    other.close()


def test_the_calls_of_a_burst_share_what_the_day_has_left(store: ReplyStore) -> None:
    async def all_at_once() -> list[Claim]:
        wishes = [Wish(str(n).encode(), "run", allowance=Allowance(0.3, 1.0)) for n in range(10)]
        return await asyncio.gather(*map(store.claim, wishes))

    claims = asyncio.run(all_at_once())

    assert [each.is_ours for each in claims] == [True] * 3 + [False] * 7
    assert all(each.beyond is not None for each in claims[3:])


def test_what_a_lost_call_may_have_cost_counts_as_spent(folder: DataFolder) -> None:
    killed, store = opened(folder), opened(folder)
    run = killed.begin_run("run")
    for key in (b"1", b"2"):
        claim(killed, key, run=run.run_id, allowance=Allowance(0.4, 1.0))
    killed.close()

    assert store.spent_today().usd + store.spent_today().in_flight_usd == pytest.approx(0.8)
    claim(store, b"1")
    store.begin_run("run")
    assert store.spent_today().usd == pytest.approx(0.8)
    assert store.spent_today().in_flight_usd == 0
    store.close()


def test_turns_are_spaced_by_requests_and_by_tokens_whichever_is_slower(folder: DataFolder) -> None:
    one, two = opened(folder, now=lambda: 0.0), opened(folder, now=lambda: 0.0)

    waits = [asyncio.run(each.turn(IDENTITY, 10.0, 1.0)) for each in (one, two, one)]
    assert waits == [pytest.approx(wait, abs=5) for wait in (0, 10, 20)]
    asyncio.run(two.turn(IDENTITY, 0.0, 100.0))
    assert asyncio.run(one.turn(IDENTITY, 10.0, 1.0)) == pytest.approx(103, abs=5)
    asyncio.run(one.turn(IDENTITY, 0.0, -104.0))  # it took less than it might have
    assert asyncio.run(two.turn(IDENTITY, 10.0, 1.0)) == pytest.approx(40, abs=5)
    assert asyncio.run(two.turn(IDENTITY._replace(model="other"), 10.0, 1.0)) == 0
    one.close()
    two.close()


def test_batches_are_known_until_they_are_collected(store: ReplyStore) -> None:
    store.keep_batch("batch-1", IDENTITY, "run", ["a", "b"])
    assert store.batches_of(["a", "b", "c"]) == {"a": "batch-1", "b": "batch-1"}
    (sent,) = store.sent_batches()
    assert (sent.batch_id, sent.identity, sent.run_key, sent.requests) == ("batch-1", IDENTITY, "run", 2)

    store.batch_collected("batch-1")
    store.forget_calls(["a"])
    assert store.sent_batches() == []
    assert store.batches_of(["a", "b"]) == {"b": "batch-1"}


def test_what_endpoints_can_do_is_kept_and_what_it_cost_counts(store: ReplyStore) -> None:
    assert store.abilities_of(IDENTITY) is None
    found = Abilities(takes_temperature=False)
    store.keep_abilities(IDENTITY, FoundAbilities(found, ()))
    store.spend(0.5)

    assert store.abilities_of(IDENTITY) == found
    assert store.spent_today() == Spent(0.5, 0.0)
