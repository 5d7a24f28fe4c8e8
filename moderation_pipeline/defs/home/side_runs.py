"""Runs that a terminal has other processes of this machine make, each on a core of its own.

Python decides comments on one core at a time. A process makes one run after another (`side_process.py`) in the same
data folder and instance, as the UI's runs do. What it tells goes to whoever watches here.
"""

from __future__ import annotations

import queue
import signal
import subprocess
import sys
import threading
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

import orjson

from moderation_pipeline.errors import ModerationError
from moderation_pipeline.moderation.interruption import RunInterrupted
from moderation_pipeline.moderation.trace import HowFar, RunObserver

PROGRAM = (sys.executable, "-P", "-m", "moderation_pipeline.side_process")
PATIENCE_S = 60.0
"""How long a process that was stopped may take for what is in flight: a model's slowest call."""


class SideRunError(ModerationError):
    """A run that another process made did not succeed: in the words in which it said so."""


class LastingSideRunError(SideRunError):
    """The same of one that would end so again."""

    is_lasting = True


class SideProcessGoneError(ModerationError):
    """A process that ended in the midst of its run, without a word."""

    def __init__(self, partition: str, code: int) -> None:
        killed = f"was ended by {signal.Signals(-code).name}, often for want of memory" if code < 0 else ""
        super().__init__(
            f"The process that made the run {partition} {killed or f'ended with {code}, and may have said why above'}. "
            f"What was paid for is kept. Run it again with --jobs 1."
        )


class BugBeside(Exception):  # noqa: N818  (no error that a user is told in a sentence)
    """What nobody foresaw, in another process: its error, and below, as its cause, its traceback."""


class _TracebackBeside(Exception):  # noqa: N818  (no error: the words of one)
    def __str__(self) -> str:
        return f"\n{self.args[0]}"


class SideProcesses:
    """Up to so many processes, begun when they are first needed. Close it, and they end."""

    def __init__(self, at_most: int) -> None:
        self.at_most = at_most
        self._idle: queue.LifoQueue[_SideProcess | None] = queue.LifoQueue()
        self._begun: list[_SideProcess] = []
        self._stopped = False
        self._lock = threading.Lock()
        for _ in range(at_most):
            self._idle.put(None)

    def made(
        self, chat: str, config: str, run_config: Mapping[str, Any] | None, observer: RunObserver
    ) -> Mapping[str, Any]:
        """Have a run made by whichever process is free, wait for it, and return its outcome, as fields.

        Raises:
            SideRunError: it failed.
            SideProcessGoneError: its process did.
            RunInterrupted: it was stopped.
        """
        process = self._idle.get()
        try:
            with self._lock:
                if self._stopped:
                    raise RunInterrupted(signal.SIGINT)
                if process is None or not process.is_there:
                    process = _SideProcess()
                    self._begun.append(process)
                process.ask({"chat": chat, "config": config, "run_config": run_config})
            return process.answer(f"{chat}|{config}", observer)
        finally:
            self._idle.put(process)

    def stop(self) -> None:
        """Have what is under way stopped in order; nothing more is begun."""
        with self._lock:
            self._stopped = True
            for process in self._begun:
                process.stop_asking()

    def close(self) -> None:
        """End the processes."""
        for process in self._begun:
            process.close()


class _SideProcess:
    def __init__(self) -> None:
        # A group of its own: Ctrl-C reaches it once, through its terminal.
        self._process = subprocess.Popen(
            PROGRAM, stdin=subprocess.PIPE, stdout=subprocess.PIPE, process_group=0
        )

    @property
    def is_there(self) -> bool:
        return self._process.poll() is None

    def ask(self, run: Mapping[str, Any]) -> None:
        """Ask for a run; a process that is gone will not answer."""
        assert self._process.stdin is not None
        with suppress(BrokenPipeError):
            self._process.stdin.write(orjson.dumps(run) + b"\n")
            self._process.stdin.flush()

    def answer(self, run: str, observer: RunObserver) -> Mapping[str, Any]:
        """Pass on what it tells of the run that was asked for, and return the outcome."""
        assert self._process.stdout is not None
        is_under_way = False
        try:
            for line in self._process.stdout:
                ((what, value),) = orjson.loads(line).items()
                if what in ENDS:
                    return _outcome(what, value)
                is_under_way = (is_under_way or what == "begins") and what != "ends"
                _tell(observer, what, value)
        finally:
            if is_under_way:
                observer.ends()
        raise SideProcessGoneError(run, self._process.wait())

    def stop_asking(self) -> None:
        """Have it end, and stop first what it may be making."""
        assert self._process.stdin is not None
        with suppress(BrokenPipeError):
            self._process.stdin.close()

    def close(self) -> None:
        self.stop_asking()
        try:
            self._process.wait(PATIENCE_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        assert self._process.stdout is not None
        self._process.stdout.close()


ENDS = ("made", "mistake", "bug", "stopped")


def _outcome(what: str, value: Any) -> Mapping[str, Any]:
    if what == "mistake":
        told, is_lasting = value
        raise (LastingSideRunError if is_lasting else SideRunError)(told)
    if what == "bug":
        error, told = value
        raise BugBeside(error) from _TracebackBeside(told)
    if what == "stopped":
        raise RunInterrupted(signal.SIGINT)
    outcome: Mapping[str, Any] = value
    return outcome


def _tell(observer: RunObserver, what: str, value: Any) -> None:
    if what == "begins":
        observer.begins(*value)
    elif what == "noted":
        observer.noted(value)
    elif what == "moved":
        observer.moved(HowFar(*value))
    elif what == "ends":
        observer.ends()
    else:
        raise ValueError(f"a side process told {what!r}")
