"""Questions to another machine, gathered: what is asked while an answer is awaited goes there together, next.

Two hundred calls that begin at once then cost the database one journey and one commit, not two hundred; a call that is
alone waits for nobody. What is asked is the stores' own (`postgres_replies.py`).
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Executor
from contextlib import suppress
from typing import Generic, TypeVar

MOST_AT_ONCE = 500

Question = TypeVar("Question")
Answer = TypeVar("Answer")


class Gathering(Generic[Question, Answer]):
    """Asks in a thread, so that calls in flight go on meanwhile; one journey at a time, questions in their order."""

    def __init__(self, threads: Executor, ask_all: Callable[[Sequence[Question]], Sequence[Answer]]) -> None:
        """Take what answers several questions at once; what it raises is raised to all who asked with it."""
        self._threads = threads
        self._ask_all = ask_all
        self._waiting: list[tuple[Question, asyncio.Future[Answer]]] = []
        self._is_under_way = False
        self._lock = threading.Lock()

    async def ask(self, question: Question) -> Answer:
        """Return the answer. Whoever is cancelled meanwhile has asked all the same."""
        answer: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
        with self._lock:
            self._waiting.append((question, answer))
            begins = not self._is_under_way
            self._is_under_way = True
        if begins:
            self._threads.submit(self._journeys)
        return await answer

    def _journeys(self) -> None:
        while taken := self._taken():
            questions = [question for question, _ in taken]
            outcomes: Sequence[Answer | BaseException]
            try:
                outcomes = self._ask_all(questions)
            except BaseException as error:
                outcomes = [error] * len(taken)
            _tell([(future, outcome) for (_, future), outcome in zip(taken, outcomes, strict=True)])

    def _taken(self) -> list[tuple[Question, asyncio.Future[Answer]]]:
        with self._lock:
            taken, self._waiting = self._waiting[:MOST_AT_ONCE], self._waiting[MOST_AT_ONCE:]
            self._is_under_way = bool(taken)
        return taken


def _tell(outcomes: Sequence[tuple[asyncio.Future[Answer], Answer | BaseException]]) -> None:
    """Tell those who wait, each in the event loop in which they asked."""
    by_loop: dict[asyncio.AbstractEventLoop, list[tuple[asyncio.Future[Answer], Answer | BaseException]]] = {}
    for future, outcome in outcomes:
        by_loop.setdefault(future.get_loop(), []).append((future, outcome))
    for loop, told in by_loop.items():
        with suppress(RuntimeError):  # a loop that was closed has nobody left who waits
            loop.call_soon_threadsafe(_settle, told)


def _settle(outcomes: Sequence[tuple[asyncio.Future[Answer], Answer | BaseException]]) -> None:
    for future, outcome in outcomes:
        if future.done():  # cancelled
            continue
        if isinstance(outcome, BaseException):
            future.set_exception(outcome)
        else:
            future.set_result(outcome)
