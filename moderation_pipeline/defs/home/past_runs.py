"""What Dagster's instance knows of a chat, or of long ago, and how it is forgotten: keys, runs and their events.

Files and tables are the terminal's to take away (`moderation remove`, `moderation prune`).
"""

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

import dagster as dg

from moderation_pipeline.defs.home.live_runs import UNDER_WAY
from moderation_pipeline.defs.partitions import chats
from moderation_pipeline.errors import ModerationError

HISTORY = Path("history") / "runs"
"""Where Dagster keeps each run's events in a file of its own, below its home."""

OF_A_CHAT = ("dagster/partition", "dagster/partition/chat")
"""Tags that name a run's chat: of one with a chat alone, and of one with a config too."""


class BusyChatError(ModerationError):
    """A chat of which a run is under way."""

    def __init__(self, chat: str, runs: Sequence[str]) -> None:
        super().__init__(
            f"Chat {chat!r} can't be removed now: {len(runs)} of its runs are under way ({', '.join(runs)}). Wait for "
            "them, or stop them in 'moderation ui'."
        )


def runs_of(dagster: dg.DagsterInstance, chat: str) -> list[str]:
    """Return the ids of the chat's runs that are over.

    Raises:
        BusyChatError: one is queued or under way.
    """
    found = [run for tag in OF_A_CHAT for run in dagster.get_runs(dg.RunsFilter(tags={tag: chat}))]
    busy = [run.run_id for run in found if run.status in (*UNDER_WAY, dg.DagsterRunStatus.QUEUED)]
    if busy:
        raise BusyChatError(chat, busy)
    return [run.run_id for run in found]


def runs_before(dagster: dg.DagsterInstance, when: datetime) -> list[str]:
    """Return the ids of runs that were made before, and are over."""
    found = dagster.get_runs(dg.RunsFilter(created_before=when))
    return [run.run_id for run in found if run.is_finished]


def forget_runs(dagster: dg.DagsterInstance, home: Path, runs: Sequence[str]) -> None:
    """Delete runs with all their events; Dagster empties a run's file of events in SQLite, and would leave it."""
    for run_id in runs:
        dagster.delete_run(run_id)
        for path in (home / HISTORY).glob(f"{run_id}.db*"):
            path.unlink(missing_ok=True)


def forget_key(dagster: dg.DagsterInstance, chat: str) -> None:
    """Have the chat be a partition no longer."""
    if dagster.has_dynamic_partition(str(chats.name), chat):
        dagster.delete_dynamic_partition(str(chats.name), chat)
