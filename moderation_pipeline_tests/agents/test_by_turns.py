from __future__ import annotations

import asyncio

import pytest

from moderation_pipeline.agents.by_turns import AT_A_TURN, begun_by_turns

MANY = 5 * AT_A_TURN + 3


def test_calls_begin_in_their_order_and_come_back_in_it_failures_too() -> None:
    began: list[int] = []

    async def call(number: int) -> int:
        began.append(number)
        await asyncio.sleep(0.001 * (MANY - number) / MANY)  # the last is through first
        if number == 7:
            raise ValueError("seven")
        return number

    came = asyncio.run(begun_by_turns(call(number) for number in range(MANY)))

    assert began == list(range(MANY))
    assert [each for each in came if isinstance(each, int)] == [n for n in range(MANY) if n != 7]
    assert isinstance(came[7], ValueError)


def test_what_is_under_way_goes_on_while_more_are_begun() -> None:
    events: list[str] = []

    async def under_way() -> None:
        for _ in range(3):
            events.append("under way")
            await asyncio.sleep(0)

    async def call() -> None:
        events.append("begun")

    async def both() -> None:
        beside = asyncio.ensure_future(under_way())
        await begun_by_turns(call() for _ in range(MANY))
        await beside

    asyncio.run(both())

    last_begun = len(events) - 1 - events[::-1].index("begun")
    assert events[:last_begun].count("under way") == 3


def test_a_cancelled_batch_leaves_no_call_behind() -> None:
    cancelled: list[int] = []

    async def call(number: int) -> None:
        try:
            await asyncio.sleep(3_600)
        except asyncio.CancelledError:
            cancelled.append(number)
            raise

    async def given_up() -> None:
        batch = asyncio.ensure_future(begun_by_turns(call(number) for number in range(MANY)))
        await asyncio.sleep(0)
        await asyncio.sleep(0)  # some are begun, and not all
        batch.cancel()
        with pytest.raises(asyncio.CancelledError):
            await batch
        await asyncio.sleep(0)
        assert len(asyncio.all_tasks()) == 1

    asyncio.run(given_up())

    assert 0 < len(cancelled) < MANY
