"""How far a run is, on stderr: a bar in a terminal, a line at the beginning and the end in a log file."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Sequence
from threading import Lock
from typing import TYPE_CHECKING

from moderation_pipeline.cases.settled import Settled
from moderation_pipeline.moderation.trace import HowFar, RunObserver
from moderation_pipeline.rounding import rounded
from moderation_pipeline.terminal.escaping import harmless
from moderation_pipeline.terminal.screen import console

if TYPE_CHECKING:
    from rich.console import Console
    from rich.progress import Progress, TaskID


class Bars:
    """The bars of the runs under way, one below the other; there is one such display on a terminal at a time."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._progress: Progress | None = None
        self._under_way = 0
        self._lock = Lock()

    def begun(self, title: str, comments: int) -> TaskID:
        """Begin a bar."""
        with self._lock:
            if self._progress is None:
                self._progress = _bar(self._console)
                self._progress.start()
            self._under_way += 1
            return self._progress.add_task(title, total=comments, tally="")

    def moved(self, bar: TaskID, comments: int, tally: str) -> None:
        """Move a bar on."""
        if self._progress is not None:
            self._progress.update(bar, completed=comments, tally=tally)

    def ended(self) -> None:
        """End a bar with its last state left standing."""
        with self._lock:
            self._under_way -= 1
            if self._under_way == 0 and self._progress is not None:
                self._progress.stop()
                self._progress = None


class NotesSaid:
    """Which notes a command has said: of 200 files alike the same one is said twice, not 200 times."""

    def __init__(self) -> None:
        self._said: Counter[str] = Counter()
        self._lock = Lock()

    def line(self, note: str) -> str | None:
        """Return what is printed of a note; null where it was said twice."""
        with self._lock:
            self._said[note] += 1
            times = self._said[note]
        if times == 1:
            return f"Note: {note}"
        return f"Note: {note} (Not said again of others.)" if times == 2 else None


class ProgressView(RunObserver):
    """Shows each run's progress: how many audits it took, and on how many comments it acted, or couldn't decide.

    Where several are made at once and no terminal shows their bars, a run's lines wait until they are asked for: so
    they stand in the order of the configs, whichever was through first.
    """

    def __init__(
        self,
        console: Console,
        bars: Bars | None = None,
        notes: NotesSaid | None = None,
        *,
        waits: bool = False,
    ) -> None:
        self._console = console
        self._bars = bars or Bars(console)
        self._notes = notes or NotesSaid()
        self._bar: TaskID | None = None
        self._waiting: list[Callable[[], None]] | None = [] if waits else None

    def beside(self) -> ProgressView:
        """Return who shows one of several runs."""
        return ProgressView(self._console, self._bars, self._notes, waits=not self._console.is_terminal)

    def begins(self, chat: str, config: str, comments: int) -> None:
        """Begin a bar, or say that the run begins."""
        self._title = f"{chat} under {config}"
        self._began = time.monotonic()
        self._tally = HowFar()
        if self._console.is_terminal:
            self._bar = self._bars.begun(self._title, comments)

    def noted(self, note: str) -> None:
        """Print what is to be said loudly."""
        self._once_told(lambda: self._print_note(note))

    def settled(self, batch: Sequence[Settled]) -> None:
        """Move on by a batch."""
        self.moved(self._tally.after(batch))

    def moved(self, tally: HowFar) -> None:
        """Move on to where it is."""
        self._tally = tally
        if self._bar is not None:
            self._bars.moved(self._bar, tally.comments, _words(tally))

    def ends(self) -> None:
        """End the bar; without one, say how the run went."""
        if self._bar is not None:
            self._bar = None
            self._bars.ended()
            return
        seconds = time.monotonic() - self._began
        self._print(
            f"{self._title}: {self._tally.comments:,} comments in {rounded(seconds, 1)} s, {_words(self._tally)}"
        )

    def told(self) -> None:
        """Print what waited."""
        waiting, self._waiting = self._waiting or [], None
        for each in waiting:
            each()

    def _print_note(self, note: str) -> None:
        # Counted as it is printed: the first that is read is the first that is said.
        if (line := self._notes.line(note)) is not None:
            self._console.print(harmless(line), style="bold yellow", markup=False)

    def _print(self, text: str) -> None:
        self._once_told(lambda: self._console.print(text, markup=False))

    def _once_told(self, say: Callable[[], None]) -> None:
        if self._waiting is not None:
            self._waiting.append(say)
        else:
            say()


def _words(tally: HowFar) -> str:
    return f"{tally.audits:,} audited, {tally.sanctions:,} acted against{tally.undecided_told}"


def _bar(console: Console) -> Progress:
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    return Progress(
        TextColumn("{task.description}", markup=False),
        BarColumn(bar_width=30),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TextColumn("{task.fields[tally]}", markup=False),
        console=console,
    )


def run_observer(*, trace: bool, as_json: bool) -> RunObserver:
    """Return who shows a run: each comment as it is decided, or progress alone. With JSON, on standard error."""
    from moderation_pipeline.terminal.running.trace_view import TraceView

    return TraceView(console(err=as_json)) if trace else ProgressView(console(err=True))
