"""The reply cache: nothing is paid twice, nothing that was paid is lost."""

from __future__ import annotations

import asyncio
import multiprocessing
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from moderation_pipeline.backends.language_model import (
    LanguageModel,
    Message,
    ModelIdentity,
    RefusedReplyError,
    Reply,
    ReplySchema,
    Request,
    ServerFailedError,
    TokenLogprob,
)
from moderation_pipeline.backends.stores.postgres_replies import PostgresReplies
from moderation_pipeline.backends.stores.stored_replies import ReplyStore
from moderation_pipeline.backends.wrappers.prices import PriceList, TokenPrice
from moderation_pipeline.backends.wrappers.reply_cache import CachedModel, Purchases, reply_key
from moderation_pipeline.warehouse.folder import DataFolder
from moderation_pipeline_tests.backends.scripted_model import GatedModel, ScriptedModel, reply, request
from moderation_pipeline_tests.backends.stores.opened import opened


def cached(model: LanguageModel, store: ReplyStore, *, run: str = "run", fresh: bool = False) -> CachedModel:
    return CachedModel(model, store, Purchases(store.begin_run(run), fresh=fresh), PriceList([]))


def test_a_stored_reply_is_not_asked_for_again(store: ReplyStore) -> None:
    model = ScriptedModel(["fine"])
    first = asyncio.run(cached(model, store, run="one").complete(request()))
    second = asyncio.run(cached(model, store, run="two").complete(request()))

    assert len(model.asked) == 1
    assert (first.text, first.cost_usd, first.is_cached) == ("fine", 0.01, False)
    assert (second.text, second.cost_usd, second.is_cached) == ("fine", 0.0, True)
    assert second.list_cost_usd == 0.01


def test_a_resumed_run_keeps_the_cost_of_what_its_earlier_attempt_paid(store: ReplyStore) -> None:
    model = ScriptedModel(["fine"])
    asyncio.run(cached(model, store, run="same").complete(request()))  # killed here: never finished
    resumed = cached(model, store, run="same")
    again = asyncio.run(resumed.complete(request()))
    second_time = asyncio.run(resumed.complete(request()))

    assert (again.cost_usd, again.is_cached) == (0.01, False)
    assert (second_time.cost_usd, second_time.is_cached) == (0.0, True)


def test_a_finished_run_that_is_run_again_pays_nothing(store: ReplyStore) -> None:
    model = ScriptedModel(["fine"])
    attempt = store.begin_run("same")
    asyncio.run(CachedModel(model, store, Purchases(attempt), PriceList([])).complete(request()))
    store.finish_run(attempt.run_id)

    again = asyncio.run(cached(model, store, run="same").complete(request()))

    assert (again.cost_usd, again.is_cached) == (0.0, True)


def test_a_fresh_run_asks_anew_but_not_twice(store: ReplyStore) -> None:
    model = ScriptedModel(["old", "new"])
    asyncio.run(cached(model, store, run="one").complete(request()))
    fresh = cached(model, store, run="two", fresh=True)

    assert asyncio.run(fresh.complete(request())).text == "new"
    assert asyncio.run(fresh.complete(request())).text == "new"
    assert len(model.asked) == 2


def test_an_old_reply_is_asked_for_again(folder: DataFolder) -> None:
    now = [0.0]
    store = opened(folder, now=lambda: now[0])
    model = ScriptedModel(["old", "new"])
    asyncio.run(cached(model, store, run="one").complete(request()))
    now[0] = 100.0
    purchases = Purchases(store.begin_run("two"), max_age_s=99.0)

    assert asyncio.run(CachedModel(model, store, purchases, PriceList([])).complete(request())).text == "new"
    store.close()


def test_a_bad_reply_is_stored_with_what_it_cost(store: ReplyStore) -> None:
    model = ScriptedModel([RefusedReplyError("I can't", reply=reply(""))])
    costs = []
    for run in ("one", "two"):
        with pytest.raises(RefusedReplyError, match="I can't") as raised:
            asyncio.run(cached(model, store, run=run).complete(request()))
        assert raised.value.reply is not None
        costs.append(raised.value.reply.cost_usd)

    assert costs == [0.01, 0.0]
    assert len(model.asked) == 1


def test_a_transport_failure_is_never_stored(store: ReplyStore) -> None:
    model = ScriptedModel([ServerFailedError("500"), "fine"])
    asker = cached(model, store)
    with pytest.raises(ServerFailedError):
        asyncio.run(asker.complete(request()))

    assert asyncio.run(asker.complete(request())).text == "fine"


def test_identical_calls_in_flight_become_one_and_the_first_pays(store: ReplyStore) -> None:
    async def three_at_once() -> list[Reply]:
        model = GatedModel(["fine"])
        asker = cached(model, store)
        calls = [asyncio.ensure_future(asker.complete(request())) for _ in range(3)]
        await model.reached(1)
        model.gate.set()
        return await asyncio.gather(*calls)

    replies = asyncio.run(three_at_once())

    assert [each.cost_usd for each in replies] == [0.01, 0.0, 0.0]
    assert [each.is_cached for each in replies] == [False, True, True]


def test_a_call_that_is_cancelled_is_stored_all_the_same(store: ReplyStore) -> None:
    async def cancelled() -> None:
        model = GatedModel(["fine"])
        asker = cached(model, store)
        call = asyncio.ensure_future(asker.complete(request()))
        await model.reached(1)
        call.cancel()
        model.gate.set()
        await asker.aclose()

    asyncio.run(cancelled())

    assert asyncio.run(cached(ScriptedModel([]), store).complete(request())).text == "fine"


def ask_slowly(
    folder: DataFolder, answers: multiprocessing.SimpleQueue[tuple[str, bool, int]], name: str
) -> None:
    """Ask, in a process of its own, what the other process asks at the same time."""

    class Slow(ScriptedModel):
        async def complete(self, request: Request) -> Reply:
            await asyncio.sleep(0.3)
            return await super().complete(request)

    store = opened(folder)
    model = Slow([f"from {name}"])
    answer = asyncio.run(cached(model, store, run=name).complete(request()))
    answers.put((answer.text, answer.is_cached, len(model.asked)))
    store.close()


def test_two_processes_that_ask_the_same_pay_once(folder: DataFolder) -> None:
    context = multiprocessing.get_context("spawn")
    answers: multiprocessing.SimpleQueue[tuple[str, bool, int]] = context.SimpleQueue()
    processes = [context.Process(target=ask_slowly, args=(folder, answers, name)) for name in ("a", "b")]
    for process in processes:
        process.start()
    got = [answers.get() for _ in processes]
    for process in processes:
        process.join()

    assert got[0][0] == got[1][0]
    assert sorted(is_cached for _, is_cached, _ in got) == [False, True]
    assert sum(calls for _, _, calls in got) == 1


def test_a_reply_comes_back_from_the_store_as_it_was(store: ReplyStore) -> None:
    full = replace(
        reply("fi\u200bne"),
        finish_reason="stop",
        logprobs=(TokenLogprob("fine", -0.1), TokenLogprob("!", -2.0)),
        cached_prompt_tokens=7,
        tokens_are_estimated=True,
        latency_ms=12.5,
    )
    first = asyncio.run(cached(ScriptedModel([full]), store, run="same").complete(request()))
    again = asyncio.run(cached(ScriptedModel([]), store, run="same").complete(request()))

    assert first == again == full


def test_a_price_that_becomes_known_is_applied_to_stored_replies(store: ReplyStore) -> None:
    asyncio.run(cached(ScriptedModel([reply("fine", usd=None)]), store, run="same").complete(request()))
    price = TokenPrice(
        backend="openai", model="scripted", input_usd_per_million=1, output_usd_per_million=2, source="test"
    )
    asker = CachedModel(ScriptedModel([]), store, Purchases(store.begin_run("same")), PriceList([price]))

    assert asyncio.run(asker.complete(request())).cost_usd == pytest.approx(100 * 1e-6 + 10 * 2e-6)


IDENTITY = ModelIdentity("openai", "http://x/v1", "m")
BASE = Request((Message("user", "a"),), ReplySchema.of("s", {"type": "object"}), 100, 0.0, True)


@pytest.mark.parametrize(
    "other",
    [
        (IDENTITY._replace(model="n"), "v", BASE),
        (IDENTITY._replace(endpoint="http://y/v1"), "v", BASE),
        (IDENTITY._replace(backend="together"), "v", BASE),
        (IDENTITY, "w", BASE),
        (IDENTITY, "v", replace(BASE, max_tokens=101)),
        (IDENTITY, "v", replace(BASE, temperature=0.1)),
        (IDENTITY, "v", replace(BASE, wants_logprobs=False)),
        (IDENTITY, "v", replace(BASE, schema=None)),
        (IDENTITY, "v", replace(BASE, schema=ReplySchema.of("s", {"type": "string"}))),
        (IDENTITY, "v", replace(BASE, messages=(Message("system", "a"),))),
    ],
)
def test_everything_that_shapes_a_reply_is_in_its_key(other: tuple[ModelIdentity, str, Request]) -> None:
    assert reply_key(IDENTITY, "v", BASE) != reply_key(*other)


@given(st.lists(st.text(max_size=20), max_size=3), st.lists(st.text(max_size=20), max_size=3))
def test_different_messages_have_different_keys(one: list[str], other: list[str]) -> None:
    def key(texts: list[str]) -> bytes:
        return reply_key(IDENTITY, "v", Request(tuple(Message("user", text) for text in texts)))

    assert (key(one) == key(other)) == (one == other)


def test_the_days_spending_adds_up(folder: DataFolder) -> None:
    now = [0.0]
    store = opened(folder, now=lambda: now[0])
    model = ScriptedModel(["a", "b"])
    asker = cached(model, store)
    asyncio.run(asker.complete(request("a")))
    asyncio.run(asker.complete(request("b")))
    asyncio.run(asker.complete(request("a")))  # from the store: costs nothing

    assert store.spent_today().usd == pytest.approx(0.02)
    now[0] = 86_400.0
    # The shared store goes by its server's day: no two machines need agree on theirs.
    assert store.spent_today().usd == (pytest.approx(0.02) if isinstance(store, PostgresReplies) else 0.0)
    store.close()


def test_a_call_that_outlasts_the_grace_time_is_counted_as_one_that_is_repeated(folder: DataFolder) -> None:
    async def stopped() -> None:
        inner = GatedModel(["late"])
        model = CachedModel(inner, store, purchases, PriceList([]), grace_s=0.01)
        call = asyncio.ensure_future(model.complete(request()))
        await inner.reached(1)
        call.cancel()
        await model.aclose()

    store = opened(folder)
    purchases = Purchases(store.begin_run("same"))
    asyncio.run(stopped())
    store.close()

    again = opened(folder)
    assert again.begin_run("same").repeated_calls == 1
    assert asyncio.run(cached(ScriptedModel(["now"]), again, run="same").complete(request())).text == "now"
    again.close()
