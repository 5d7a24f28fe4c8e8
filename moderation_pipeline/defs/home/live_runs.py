"""Which runs are still alive, the end of those whose process is gone, and what two nights at once leave to each other.

A killed process can't say that its run is over, and Dagster would count it as under way for ever: with a few of
them its queue launches nothing more. A run of a terminal holds a lock, which the system gives back however it ends;
process ids are given out anew by other containers and by a restarted machine. A run of the UI is a process that
Dagster starts, so there its id, which Dagster writes down, has to do.
"""

import os
import platform
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import NamedTuple

import dagster as dg
from filelock import FileLock, Timeout

from moderation_pipeline.defs.home.run_tries import NOT_RETRIED
from moderation_pipeline.defs.home.shared_runs import CHAT_TAG, CONFIG_TAG
from moderation_pipeline.moderation.run_states import asks_anew
from moderation_pipeline.slugs import RunKey
from moderation_pipeline.warehouse.tables import ACTION_LOG, METRICS

BY_TERMINAL = "moderation/started_by_terminal"
"""Tags runs of `moderation run`, which compares by itself when its runs are through."""

MACHINE = "moderation/machine"
"""Tags runs of a terminal with the machine whose process they are: several may share an instance."""

COMPARED_BY_STARTER = "moderation/compared_by_starter"
"""Tags runs of a preset (`presets.py`), which compares by itself too."""

FOLDER = "live"
UNDER_WAY = [
    dg.DagsterRunStatus.NOT_STARTED,
    dg.DagsterRunStatus.STARTING,
    dg.DagsterRunStatus.STARTED,
    dg.DagsterRunStatus.CANCELING,
]
TO_COME = [dg.DagsterRunStatus.QUEUED, *UNDER_WAY[:-1]]
"""As what a run may yet be made: one that is being stopped will not."""
GONE = "The process of this run is gone: it was killed, or its machine went down. What was paid for is kept."


@contextmanager
def alive(home: Path, run_id: str) -> Iterator[None]:
    """Hold the run's lock while it goes on."""
    lock = _lock(home, run_id)
    with lock:
        yield
    Path(lock.lock_file).unlink(missing_ok=True)


def end_dead_runs(dagster: dg.DagsterInstance, home: Path) -> list[str]:
    """Mark the runs as failed whose process is gone, and return their ids."""
    under_way = dagster.get_runs(dg.RunsFilter(statuses=UNDER_WAY))
    return [run.run_id for run in under_way if _is_ended(dagster, home, run)]


LOOKED_EVERY_S = 0.5


@contextmanager
def alone_with(
    home: Path, chat: str, *, waits: Callable[[], object], stops: Callable[[], object]
) -> Iterator[None]:
    """Hold a chat while a night of this machine is at it, once no other one is.

    Args:
        home: the instance's folder.
        chat: the chat's name.
        waits: called once, where there is another that has to be waited for.
        stops: called now and then meanwhile; raises where nothing is waited for any more.
    """
    lock = _lock(home, f"night-{chat}")
    try:
        lock.acquire(timeout=0)
    except Timeout:
        waits()
        while not lock.is_locked:
            stops()
            with suppress(Timeout):
                lock.acquire(timeout=LOOKED_EVERY_S)
    try:
        yield
    finally:
        # While it is held: whoever waits for a lock whose file is gone makes it anew (filelock).
        with suppress(PermissionError):  # Windows keeps what is open
            Path(lock.lock_file).unlink(missing_ok=True)
        lock.release()


MODERATES = "moderate"
"""The job whose runs are of a chat and a config."""

WHOLE = {dg.AssetKey(table.name) for table in (ACTION_LOG, METRICS)}
"""What a run makes that the UI's *Materialize* asked for, which is of no job, where it moderates and judges."""

FORGOTTEN_AFTER = timedelta(days=1)
"""A run that was asked for longer ago holds up no night: whatever was to begin or end it may be gone for good."""

DAEMON_BEATS_S = 120.0
"""A daemon that was not heard of for so long is gone; it beats every 30 s."""


class UnderWay(NamedTuple):
    """A run to come: since when it is at it, null where it waits for its turn, and what it was asked to do."""

    run_id: str
    began: float | None
    is_fresh: bool
    is_terminals: bool

    def will_do(self, changed_at: float, *, fresh: bool) -> bool:
        """Whether it is of chat and config as they are since then, and asks models anew where that is wanted."""
        return (self.began is None or self.began >= changed_at) and (self.is_fresh or not fresh)


def under_way(dagster: dg.DagsterInstance, tags: Mapping[str, str] | None = None) -> dict[str, UnderWay]:
    """Return by `chat|config` the runs that Dagster or a terminal of this machine makes, or Dagster has queued."""
    wanted = dg.RunsFilter(
        statuses=TO_COME,
        tags=tags,
        created_after=datetime.now(UTC) - FORGOTTEN_AFTER,
    )
    found: dict[str, UnderWay] = {}
    for record in dagster.get_run_records(wanted):
        run = record.dagster_run
        if not _moderates(run):
            continue
        is_terminals = is_tagged(run, BY_TERMINAL)
        is_of_one = CHAT_TAG in run.tags and CONFIG_TAG in run.tags  # else it will fail: launched without
        if is_of_one and (not is_terminals or run.tags.get(MACHINE) == platform.node()):
            key = f"{run.tags[CHAT_TAG]}|{run.tags[CONFIG_TAG]}"
            it = UnderWay(run.run_id, record.start_time, asks_anew(run.run_config), is_terminals)
            found.setdefault(key, it)  # of several the one that was asked for last: it comes first
    return found


def made_by_dagster(dagster: dg.DagsterInstance, home: Path, chat: str) -> dict[str, UnderWay]:
    """Return by config the run of a chat that Dagster makes or will make; none where no daemon looks after them."""
    beats = [each.timestamp for each in dagster.get_daemon_heartbeats().values()]
    if not any(abs(time.time() - beat) <= DAEMON_BEATS_S for beat in beats):
        return {}
    of_chat = {CHAT_TAG: chat}
    found = under_way(dagster, of_chat)
    if found and end_dead_runs(dagster, home):  # a night takes hours: a process may have gone since it began
        found = under_way(dagster, of_chat)
    return {RunKey.parse(key).config: each for key, each in found.items() if not each.is_terminals}


def is_made_anew(dagster: dg.DagsterInstance, chat: str, config: str, since: float) -> bool:
    """Whether a run that asked models anew was through since then, by whoever made it."""
    wanted = dg.RunsFilter(
        statuses=[dg.DagsterRunStatus.SUCCESS],
        tags={CHAT_TAG: chat, CONFIG_TAG: config},
        updated_after=datetime.fromtimestamp(since, UTC),
    )
    return any(_moderates(run) and asks_anew(run.run_config) for run in dagster.get_runs(wanted))


def _moderates(run: dg.DagsterRun) -> bool:
    """Whether a run is of a chat and a config: of the job, or of assets that somebody materialises."""
    return run.job_name == MODERATES or (run.asset_selection or set()) >= WHOLE


def tags_of_terminal() -> dict[str, str]:
    """Return what a run is tagged with that this process makes."""
    return {BY_TERMINAL: "true", MACHINE: platform.node(), **NOT_RETRIED}


def is_tagged(run: dg.DagsterRun, *tags: str) -> bool:
    """Whether one of these tags is true of a run: one that the UI executes again has those of its parent."""
    return run.parent_run_id is None and any(run.tags.get(tag) for tag in tags)


def _is_ended(dagster: dg.DagsterInstance, home: Path, run: dg.DagsterRun) -> bool:
    if is_tagged(run, BY_TERMINAL):
        is_of_here = run.tags.get(MACHINE, platform.node()) == platform.node()
        return is_of_here and _is_ended_of_terminal(dagster, home, run)
    if dagster.run_monitoring_enabled:
        return False  # It may be another machine's, and Dagster's daemon asks whoever started it.
    pid = _process_of(dagster, run.run_id)
    if pid is None or _exists(pid):
        return False
    dagster.report_run_failed(run, GONE)
    return True


def _process_of(dagster: dg.DagsterInstance, run_id: str) -> int | None:
    """Return the process that executes the run's steps; null until it has begun."""
    for entry in dagster.all_logs(run_id, of_type=dg.DagsterEventType.ENGINE_EVENT):
        event = entry.dagster_event
        pid = event.engine_event_data.metadata.get("pid") if event is not None else None
        if pid is not None and str(pid.value).isdecimal():
            return int(str(pid.value))
    return None


def _exists(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def _is_ended_of_terminal(dagster: dg.DagsterInstance, home: Path, run: dg.DagsterRun) -> bool:
    lock = _lock(home, run.run_id)
    try:
        with lock.acquire(timeout=0):
            # Looked at again under the lock: it may have ended, and given its lock back, a moment ago.
            now = dagster.get_run_by_id(run.run_id)
            if now is None or now.status not in UNDER_WAY:
                return False
            dagster.report_run_failed(now, GONE)
    except Timeout:
        return False
    Path(lock.lock_file).unlink(missing_ok=True)
    return True


def _lock(home: Path, run_id: str) -> FileLock:
    folder = home / FOLDER
    folder.mkdir(exist_ok=True)
    return FileLock(folder / f"{run_id}.lock")
