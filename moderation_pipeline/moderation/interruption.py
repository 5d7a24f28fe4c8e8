"""Ctrl-C and SIGTERM while a run goes on: no new call is made, calls that were sent are waited for and kept.

Dagster's own handler raises wherever the process happens to be, also between a reply's arrival and its being stored.
While the loop goes on, signals therefore only cancel it, and what must be finished is finished by those who began it
(`aclose` of the agents). A second signal does not wait any longer.
"""

from __future__ import annotations

import asyncio
import signal
import threading
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any, TypeVar

T = TypeVar("T")

SIGNALS = (signal.SIGINT, signal.SIGTERM)


_RECEIVED: list[int] = []
"""Which of them came while Dagster listened, in a run of this process."""


class _Noting:
    """A handler of Dagster's, and before it a note of which signal came: Dagster knows one kind, and may forget it."""

    def __init__(self, handler: Callable[[int, FrameType | None], object]) -> None:
        self._handler = handler

    def __call__(self, number: int, frame: FrameType | None) -> None:
        _RECEIVED.append(number)
        self._handler(number, frame)


def note_signals() -> None:
    """Have SIGTERM do what Ctrl-C does now, and both be noted: what either of them ends has an exit code of its own.

    Where Ctrl-C is ignored, as in what a script or `nohup` put into the background, SIGTERM still ends the process.
    """
    handler = signal.getsignal(signal.SIGINT)
    if handler is signal.SIG_IGN:
        signal.signal(signal.SIGTERM, _Noting(signal.default_int_handler))
        return
    if callable(handler) and not isinstance(handler, _Noting):
        handler = _Noting(handler)
        signal.signal(signal.SIGINT, handler)
    if handler is not None:  # not one that was set outside Python
        signal.signal(signal.SIGTERM, handler)


def was_terminated() -> bool:
    """Whether a SIGTERM came that was treated as Ctrl-C is."""
    return signal.SIGTERM in _RECEIVED


@contextmanager
def no_signal_lost() -> Iterator[None]:
    """Stop after what is done within, where a signal came that Dagster forgot: it looks between some steps only.

    Raises:
        RunInterrupted: one came.
    """
    _RECEIVED.clear()
    yield
    if _RECEIVED:
        raise RunInterrupted(_RECEIVED[0])


class RunInterrupted(KeyboardInterrupt):
    """A run was stopped by a signal, after what was under way had been put in order."""

    def __init__(self, received: int) -> None:
        super().__init__(f"stopped by {signal.Signals(received).name}")
        self.received = received


def run_until_interrupted(work: Coroutine[Any, Any, T]) -> T:
    """Run a coroutine in an event loop of its own, and cancel it when the process is asked to stop.

    Outside the main thread there are no signals to listen to.

    Raises:
        RunInterrupted: it was cancelled by a signal.
    """
    if threading.current_thread() is not threading.main_thread():
        return asyncio.run(work)
    received: list[int] = []
    before = {number: signal.getsignal(number) for number in SIGNALS}
    try:
        return asyncio.run(_cancelled_by_signals(work, received))
    except asyncio.CancelledError:
        if not received:
            raise
        raise RunInterrupted(received[0]) from None
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


async def _cancelled_by_signals(work: Coroutine[Any, Any, T], received: list[int]) -> T:
    loop = asyncio.get_running_loop()
    task = asyncio.ensure_future(work)

    def stop(number: int) -> None:
        received.append(number)
        task.cancel()

    for number in SIGNALS:
        loop.add_signal_handler(number, stop, number)
    try:
        return await task
    finally:
        for number in SIGNALS:
            loop.remove_signal_handler(number)


@contextmanager
def terminated_as_interrupted() -> Iterator[None]:
    """Have SIGTERM raise, as Ctrl-C does, while others are waited for; outside the main thread it is not ours.

    Raises:
        RunInterrupted: SIGTERM came.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def stop(number: int, _: FrameType | None) -> None:
        raise RunInterrupted(number)

    before = signal.signal(signal.SIGTERM, stop)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
