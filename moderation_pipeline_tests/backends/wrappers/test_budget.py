"""Budgets: a run's is counted at list cost, a day's only stops."""

from __future__ import annotations

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from moderation_pipeline.backends.language_model import DailyBudgetSpentError, Message, Reply, Request
from moderation_pipeline.backends.stores.stored_replies import ReplyStore
from moderation_pipeline.backends.wrappers.budget import DailyBudget
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


def stack(inner: ScriptedModel, store: ReplyStore, usd_per_day: float) -> CachedModel:
    metered = MeteredModel(inner, A_CENT_A_TOKEN)
    purchases = Purchases(store.begin_run("run"))
    return CachedModel(metered, store, purchases, A_CENT_A_TOKEN, budget=DailyBudget(usd_per_day))


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


def test_calls_in_flight_are_reserved_at_their_worst(store: ReplyStore) -> None:
    async def at_once() -> list[Reply | BaseException]:
        inner = GatedModel(["fine"] * 10)
        worst_usd = MeteredModel(inner, A_CENT_A_TOKEN).worst_case_usd(request("0"))
        assert worst_usd is not None
        asker = stack(inner, store, usd_per_day=worst_usd * 3.5)
        calls = [asyncio.ensure_future(asker.complete(request(str(i)))) for i in range(10)]
        await inner.reached(3)
        await asyncio.wait(calls[3:])  # in the order in which they came: for these there is no room
        inner.gate.set()
        return await asyncio.gather(*calls, return_exceptions=True)

    outcomes = asyncio.run(at_once())

    assert sum(isinstance(outcome, DailyBudgetSpentError) for outcome in outcomes) == 7


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
