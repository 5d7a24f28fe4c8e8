"""Budgets: a run's is counted at list cost, a day's only stops."""

from __future__ import annotations

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from moderation_pipeline.backends.language_model import (
    DailyBudgetHeldError,
    DailyBudgetSpentError,
    Message,
    Reply,
    Request,
)
from moderation_pipeline.backends.stores.stored_replies import ReplyStore, Spent
from moderation_pipeline.backends.wrappers.budget import ROOM_PATIENCE_S, DailyBudget, Waited
from moderation_pipeline.backends.wrappers.metering import MeteredModel, most_prompt_tokens
from moderation_pipeline.backends.wrappers.prices import PriceList, TokenPrice
from moderation_pipeline.backends.wrappers.reply_cache import CachedModel, Purchases
from moderation_pipeline.moderation.spending import RunBudget
from moderation_pipeline_tests.backends.scripted_model import GatedModel, ScriptedModel, reply, request

A_CENT_A_TOKEN = PriceList(
    [
        TokenPrice(
            backend="openai",
            model="scripted",
            input_usd_per_million=10_000,
            output_usd_per_million=10_000,
            source="test",
        )
    ]
)


def stack(
    inner: ScriptedModel, store: ReplyStore, usd_per_day: float, patience_s: float = ROOM_PATIENCE_S
) -> CachedModel:
    metered = MeteredModel(inner, A_CENT_A_TOKEN)
    purchases = Purchases(store.begin_run("run"))
    return CachedModel(metered, store, purchases, A_CENT_A_TOKEN, budget=DailyBudget(usd_per_day, patience_s))


def test_a_day_s_budget_stops_before_the_call_that_might_overrun_it(store: ReplyStore) -> None:
    inner = ScriptedModel([reply(text) for text in "abcdefgh"])
    worst_usd = MeteredModel(inner, A_CENT_A_TOKEN).worst_case_usd(request())
    assert worst_usd is not None
    asker = stack(inner, store, usd_per_day=worst_usd + 2.0)

    async def until_spent() -> int:
        for number in range(8):
            await asker.complete(request(str(number)))
        return 8

    with pytest.raises(DailyBudgetSpentError, match="goes on tomorrow"):
        asyncio.run(until_spent())

    answered = len(inner.asked)
    assert 0 < answered < 8
    assert store.spent_today().usd <= worst_usd + 2.0


def test_a_call_for_which_those_in_flight_leave_no_room_waits_until_they_have_cost_what_they_cost(
    store: ReplyStore,
) -> None:
    async def at_once() -> tuple[int, list[Reply]]:
        inner = GatedModel(["fine"] * 6)
        worst_usd = MeteredModel(inner, A_CENT_A_TOKEN).worst_case_usd(request("0"))
        assert worst_usd is not None
        asker = stack(inner, store, usd_per_day=worst_usd * 3.5)
        calls = [asyncio.ensure_future(asker.complete(request(str(i)))) for i in range(6)]
        await inner.reached(3)
        await asyncio.sleep(0.3)
        at_the_gate = len(inner.asked)
        inner.gate.set()
        return at_the_gate, await asyncio.gather(*calls)

    at_the_gate, replies = asyncio.run(at_once())

    assert at_the_gate == 3
    assert [each.text for each in replies] == ["fine"] * 6


def test_a_call_does_not_wait_for_room_that_those_in_flight_could_not_give(store: ReplyStore) -> None:
    async def beside_one_in_flight() -> None:
        inner = GatedModel(["fine"])
        worst_usd = MeteredModel(inner, A_CENT_A_TOKEN).worst_case_usd(request("0"))
        assert worst_usd is not None
        store.spend(0.5)
        asker = stack(inner, store, usd_per_day=worst_usd + 0.5)
        first = asyncio.ensure_future(asker.complete(request("0")))
        await inner.reached(1)
        with pytest.raises(DailyBudgetSpentError, match=r"\$0\.5000 are spent"):
            await asker.complete(request("a longer one, which costs more"))
        inner.gate.set()
        await first

    asyncio.run(beside_one_in_flight())


def test_a_run_that_ends_begins_no_call_that_waited_for_room(store: ReplyStore) -> None:
    async def ends() -> int:
        inner = GatedModel(["fine"] * 2)
        worst_usd = MeteredModel(inner, A_CENT_A_TOKEN).worst_case_usd(request("0"))
        assert worst_usd is not None
        asker = stack(inner, store, usd_per_day=worst_usd * 1.5)
        calls = [asyncio.ensure_future(asker.complete(request(str(i)))) for i in range(2)]
        await inner.reached(1)
        closing = asyncio.ensure_future(asker.aclose())
        with pytest.raises(DailyBudgetSpentError):
            await calls[1]
        inner.gate.set()
        await asyncio.gather(closing, calls[0])
        return len(inner.asked)

    assert asyncio.run(ends()) == 1


def test_room_that_nothing_gives_back_is_not_waited_for_without_end() -> None:
    times = iter([0.0, 0.0, 0.0, ROOM_PATIENCE_S - 1, ROOM_PATIENCE_S, ROOM_PATIENCE_S, 2 * ROOM_PATIENCE_S])
    waited = Waited(ROOM_PATIENCE_S, lambda: next(times))
    held, less = Spent(1.0, 5.0), Spent(1.5, 4.0)

    assert [waited.is_worth_it(each) for each in (held, held, less, less)] == [True, True, True, False]


def test_a_call_that_hangs_is_no_spent_budget_and_the_run_may_be_tried_again(store: ReplyStore) -> None:
    async def beside_one_that_hangs() -> str:
        inner = GatedModel(["fine"] * 2)
        worst_usd = MeteredModel(inner, A_CENT_A_TOKEN).worst_case_usd(request("0"))
        assert worst_usd is not None
        asker = stack(inner, store, usd_per_day=worst_usd * 1.5, patience_s=0.2)
        first = asyncio.ensure_future(asker.complete(request("0")))
        await inner.reached(1)
        with pytest.raises(DailyBudgetHeldError, match="none of them ended or began") as held:
            await asker.complete(request("1"))
        assert not held.value.is_lasting
        inner.gate.set()
        await first
        return (await asker.complete(request("1"))).text

    assert asyncio.run(beside_one_that_hangs()) == "fine"


def test_a_stored_reply_needs_no_budget(store: ReplyStore) -> None:
    asyncio.run(stack(ScriptedModel(["fine"]), store, usd_per_day=100).complete(request()))

    assert asyncio.run(stack(ScriptedModel([]), store, usd_per_day=0.0).complete(request())).text == "fine"


@given(st.lists(st.floats(0, 1), max_size=30), st.floats(0.01, 5))
def test_a_run_s_budget_is_never_overrun_by_batches_that_fit_when_they_began(
    costs: list[float], usd: float
) -> None:
    budget = RunBudget(usd)
    for cost in costs:
        if budget.can_afford(cost):
            budget.charge(cost)

    assert budget.spent_usd <= usd
    assert budget.spent_usd <= budget.usd_per_run


@given(st.text(max_size=300))
def test_a_prompt_never_has_more_tokens_than_the_bound_says(text: str) -> None:
    # The worst tokenizer there is gives every byte a token.
    assert most_prompt_tokens(Request((Message("user", text),))) >= len(text.encode())


def test_tokens_that_the_server_didn_t_count_are_estimated_and_marked() -> None:
    uncounted = Reply("twelve bytes", "scripted")
    metered = MeteredModel(ScriptedModel([uncounted]), A_CENT_A_TOKEN)
    counted = asyncio.run(metered.complete(request()))

    assert counted.tokens_are_estimated
    assert counted.completion_tokens == 3
    assert counted.list_cost_usd == pytest.approx(((counted.prompt_tokens or 0) + 3) * 0.01)
