"""How far a run is, on stderr: a bar in a terminal, a line at the beginning and the end in a log file."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import TYPE_CHECKING

from moderation_pipeline.cases.settled import Settled
from moderation_pipeline.moderation.trace import RunObserver
from moderation_pipeline.terminal.escaping import harmless
from moderation_pipeline.terminal.screen import console

if TYPE_CHECKING:
    from rich.console import Console
    from rich.progress import Progress, TaskID


class ProgressView(RunObserver):
    """Shows each run's progress, how many audits it took and how many comments it acted against."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._bar: Progress | None = None
        self._task: TaskID | None = None

    def begins(self, chat: str, config: str, comments: int) -> None:
        """Begin a bar, or say that the run begins."""
        self._title = f"{chat} under {config}"
        self._began = time.monotonic()
        self._done = self._audits = self._sanctions = 0
        if self._console.is_terminal:
            self._bar = _bar(self._console)
            self._task = self._bar.add_task(self._title, total=comments, tally="")
            self._bar.start()

    def noted(self, note: str) -> None:
        """Print what is to be said loudly."""
        self._console.print(harmless(f"Note: {note}"), style="bold yellow", markup=False)

    def settled(self, batch: Sequence[Settled]) -> None:
        """Move on by a batch."""
        self._done += len(batch)
        self._audits += sum(each.audited is not None for each in batch)
        self._sanctions += sum(_acts(each) for each in batch)
        if self._bar is not None and self._task is not None:
            self._bar.update(self._task, completed=self._done, tally=self._tally())

    def ends(self) -> None:
        """End the bar with its last state left standing; without one, say how the run went."""
        if self._bar is not None:
            self._bar.stop()
            self._bar = None
            return
        seconds = time.monotonic() - self._began
        self._console.print(f"{self._title}: {self._done:,} comments in {seconds:.1f} s, {self._tally()}")

    def _tally(self) -> str:
        return f"{self._audits:,} audited, {self._sanctions:,} acted against"


def _acts(settled: Settled) -> bool:
    return settled.sanction.action in ("warn", "delete", "timeout", "ban")


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
