"""Beginning many calls at once without holding up those that are under way.

Asking is the models' business, and how many calls fly at once `backends/wrappers/concurrency.py`'s.
"""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Iterable
from typing import TypeVar

AT_A_TURN = 16
"""Calls begun before those under way are looked after again. A batch of a thousand prompts takes longer to write than
a call takes, and in that time nothing would be sent or received."""

T = TypeVar("T")


async def begun_by_turns(calls: Iterable[Coroutine[None, None, T]]) -> list[T | BaseException]:
    """Begin the calls in their order, a few at a turn of the event loop, and return what each came to."""
    begun: list[asyncio.Task[T]] = []
    try:
        for call in calls:
            begun.append(asyncio.ensure_future(call))
            if len(begun) % AT_A_TURN == 0:
                await asyncio.sleep(0)
        return await asyncio.gather(*begun, return_exceptions=True)
    except asyncio.CancelledError:
        for each in begun:
            each.cancel()
        raise
