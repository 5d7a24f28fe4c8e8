"""What a process beside a terminal's does: `python -P -m moderation_pipeline.side_process`, of `side_runs.py`.

It makes one run after another, each as its terminal would in its own process, and tells how far it is. When its
terminal is gone, however that ended, the run under way is stopped as by Ctrl-C: what was paid for is kept.
"""

from __future__ import annotations

import os
import queue
import signal
import sys
import threading
import time
import traceback
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any

import orjson

from moderation_pipeline.cases.settled import Settled
from moderation_pipeline.moderation.gc_pause import seldom_collected
from moderation_pipeline.moderation.trace import HowFar, RunObserver
from moderation_pipeline.terminal.exit_codes import users_mistake
from moderation_pipeline.terminal.streams import make_fit
from moderation_pipeline.warehouse.access import keep_private
from moderation_pipeline.warehouse.folder import DataFolder

if TYPE_CHECKING:
    from moderation_pipeline.launch import Launcher

TOLD_EVERY_S = 0.2


class Teller(RunObserver):
    """Tells the terminal what it would have seen itself: an object a line, its one key what happened."""

    def __init__(self, out: int) -> None:
        self._out = out
        self._tally = HowFar()
        self._told_at = 0.0

    def tell(self, what: str, value: object) -> None:
        """Write a line.

        Raises:
            BrokenPipeError: nobody reads any more.
        """
        line = orjson.dumps({what: value}, default=str) + b"\n"
        while line:
            line = line[os.write(self._out, line) :]

    def begins(self, chat: str, config: str, comments: int) -> None:
        """Tell that a run begins."""
        self._tally = HowFar()
        self.tell("begins", [chat, config, comments])

    def noted(self, note: str) -> None:
        """Tell what is to be said loudly."""
        self.tell("noted", note)

    def settled(self, batch: Sequence[Settled]) -> None:
        """Tell now and then how far it is."""
        self._tally = self._tally.after(batch)
        if time.monotonic() - self._told_at > TOLD_EVERY_S:
            self._told_at = time.monotonic()
            self.tell("moved", list(self._tally))

    def ends(self) -> None:
        """Tell that it is over."""
        self.tell("moved", list(self._tally))
        self.tell("ends", None)


def main() -> int:
    """Make the runs that are asked for on standard input until nobody asks any more."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # but while a run goes on: `RunsAsked.stops`
    make_fit()
    out = os.dup(1)
    os.dup2(2, 1)  # what a library prints is no message
    folder = DataFolder.find()
    keep_private(folder)
    asked, teller = RunsAsked(), Teller(out)
    threading.Thread(target=asked.listen, daemon=True).start()
    with seldom_collected(), suppress(BrokenPipeError):
        # An import of seconds, of which looking for garbage would be a sixth.
        from moderation_pipeline.launch import launcher

        with launcher(folder) as launch:
            while (wanted := asked.next()) is not None:
                _answer(launch, wanted, asked, teller)
    return 0


class RunsAsked:
    """What the terminal asks for, a line each; that it stops asking stops the run that is under way, too."""

    def __init__(self) -> None:
        self._runs: queue.SimpleQueue[Mapping[str, Any] | None] = queue.SimpleQueue()
        self._is_over = threading.Event()
        self._is_interruptible = threading.Event()

    def listen(self) -> None:
        """Take what is asked for until nobody asks any more."""
        for line in sys.stdin.buffer:
            self._runs.put(orjson.loads(line))
        self._runs.put(None)
        self._is_over.set()
        if self._is_interruptible.is_set():
            os.kill(os.getpid(), signal.SIGINT)

    def next(self) -> Mapping[str, Any] | None:
        """Wait for the next run; null where there will be none."""
        return self._runs.get()

    @contextmanager
    def stops(self) -> Iterator[None]:
        """Let the block be interrupted once nobody asks any more, as by Ctrl-C."""
        signal.signal(signal.SIGINT, signal.default_int_handler)
        self._is_interruptible.set()
        try:
            if self._is_over.is_set():
                raise KeyboardInterrupt
            yield
        finally:
            self._is_interruptible.clear()
            signal.signal(signal.SIGINT, signal.SIG_IGN)


def _answer(launch: Launcher, wanted: Mapping[str, Any], asked: RunsAsked, teller: Teller) -> None:
    """Make a run, and tell in what it ended."""
    try:
        with asked.stops():
            outcome = launch.moderate_chat(
                wanted["chat"], wanted["config"], teller, wanted["run_config"] or None
            )
    except Exception as error:
        mistake = users_mistake(error)
        if mistake is not None:
            teller.tell("mistake", [str(mistake), mistake.is_lasting])
        else:
            told = f"{type(error).__name__}: {error}"
            teller.tell("bug", [told, "".join(traceback.format_exception(error))])
    except BaseException:  # as after Ctrl-C, and Dagster's own word for it, which is no Exception either
        teller.tell("stopped", None)
    else:
        teller.tell("made", outcome)


if __name__ == "__main__":
    sys.exit(main())
