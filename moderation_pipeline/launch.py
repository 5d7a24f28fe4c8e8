"""Runs started by the terminal: the same jobs on the same instance as the UI's, in this process.

What a job holds is in `jobs.py`; what the terminal says about it is the terminal's. Importing this module
loads Dagster and all definitions, which takes seconds: a command does so after its first words.
"""

import signal
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from threading import Lock, Thread
from typing import Any
from uuid import uuid4

import dagster as dg
from dagster._core.errors import DagsterAssetCheckFailedError
from dagster._utils import interrupts

from moderation_pipeline.comments.files.arrival import Arrival
from moderation_pipeline.definitions import defs
from moderation_pipeline.defs.home.instance import instance
from moderation_pipeline.defs.home.live_runs import (
    COMPARED_BY_STARTER,
    UnderWay,
    alive,
    alone_with,
    end_dead_runs,
    is_made_anew,
    made_by_dagster,
    tags_of_terminal,
)
from moderation_pipeline.defs.home.shared_runs import shared_run
from moderation_pipeline.defs.home.side_runs import SideProcesses, SideProcessGoneError
from moderation_pipeline.defs.home.worker_runs import Asking, has_workers
from moderation_pipeline.defs.partitions import chats, run_key
from moderation_pipeline.defs.resources import Unwatched
from moderation_pipeline.errors import ModerationError
from moderation_pipeline.moderation.interruption import RunInterrupted, no_signal_lost, note_signals
from moderation_pipeline.moderation.trace import RunObserver
from moderation_pipeline.report.rendering import warm_up
from moderation_pipeline.warehouse.folder import DataFolder
from moderation_pipeline.warehouse.tables import COMMENTS

interrupts.setup_interrupt_handlers = note_signals  # Dagster's own forgets which of the two came

CODE_VERSION_TAG = "dagster/code_version"
"""Under which tag Dagster keeps an asset's `code_version` with each materialisation."""

MOST_ASKED_FOR = 64
"""How many runs a terminal asks workers for at a time; Ray has those wait for which there is no place."""

QUIET = {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}
"""Dagster's own lines are kept in the instance, not written over the terminal's."""


@dataclass(frozen=True, slots=True)
class FailedCheck:
    """A check that did not hold: of which asset, its name, what it found, and whether it only warns."""

    asset: str
    name: str
    description: str
    metadata: Mapping[str, object]
    is_warning: bool


@dataclass(frozen=True, slots=True)
class RunOutcome:
    """A run that ended: its id in the instance, and the checks that failed. A run that broke down raises."""

    run_id: str
    partition: str | None
    failed_checks: tuple[FailedCheck, ...]


class BlockingCheckError(ModerationError):
    """A check that did not hold, and what follows it would be meaningless: which, what it found, what to do."""

    def __init__(self, partition: str | None, checks: Sequence[FailedCheck]) -> None:
        super().__init__(
            " ".join(
                f"Check {check.name} of {check.asset} ({partition}) failed. {check.description}"
                for check in checks
            )
            + " What follows was not made."
        )


class Launcher:
    """Starts runs on the data folder's instance. Use it in a `with` statement."""

    def __init__(self, folder: DataFolder, dagster: dg.DagsterInstance) -> None:
        self._folder = folder
        self._dagster = dagster
        self._warming: Thread | None = None
        self._in_process = Lock()
        self._has_workers = has_workers(dagster)
        self._asking = Asking(dagster)
        self._beside: SideProcesses | None = None
        self._is_stopped = False

    @property
    def at_once(self) -> int:
        """How many runs may be asked for at a time: many where workers make them, else one unless more were allowed."""
        if self._has_workers:
            return MOST_ASKED_FOR
        return 1 if self._beside is None else self._beside.at_most

    def allow(self, processes: int) -> None:
        """Have so many processes of this machine make runs at once from now on; workers need none."""
        if processes > 1 and not self._has_workers:
            self._beside = SideProcesses(processes)

    @property
    def is_at_it(self) -> bool:
        """Whether a thread reads or compares in this process now, which no signal reaches."""
        return self._in_process.locked()

    def stop(self) -> None:
        """Stop what others make for this terminal; what waits for its turn in this process is not begun."""
        self._is_stopped = True
        self._asking.stop()
        if self._beside is not None:
            self._beside.stop()

    def close(self) -> None:
        """End the processes that were begun."""
        if self._beside is not None:
            self._beside.close()

    def alone_with(self, chat: str, waits: Callable[[], object]) -> AbstractContextManager[None]:
        """Hold a chat while this night is at it; `waits` is called where another one is, and has to be waited for."""
        return alone_with(self._folder.dagster_home, chat, waits=waits, stops=self._go_on)

    def made_by_dagster(self, chat: str) -> dict[str, UnderWay]:
        """Return by config which run of the chat Dagster makes by itself, as its schedule had it begin."""
        return made_by_dagster(self._dagster, self._folder.dagster_home, chat)

    def is_made_anew(self, chat: str, config: str, since: float) -> bool:
        """Whether a run that asked models anew was through since then, by whoever made it."""
        return is_made_anew(self._dagster, chat, config, since)

    def _go_on(self) -> None:
        if self._is_stopped:
            raise RunInterrupted(signal.SIGINT)

    def synthesize(self, settings: Mapping[str, object] | None = None) -> RunOutcome:
        """Write the synthetic chat; `settings` are those of the asset `synthetic_comments`."""
        config = {"ops": {"synthetic_comments": {"config": dict(settings)}}} if settings else {}
        return self._run("synthesize", None, config=config)

    def ingest_chat(
        self, chat: str, observer: RunObserver | None = None, arrival: Arrival | None = None
    ) -> RunOutcome:
        """Read the chat into the warehouse; the observer is told what was guessed, the arrival that it was read."""
        self._register(chat)
        arriving = {} if arrival is None else {"arrival": arrival}
        return self._run("ingest", chat, resources={**_watching(observer), **arriving})

    def last_read_by(self, chat: str) -> str | None:
        """Return the version of the source that read the chat's comments last; null where this instance never did."""
        of_chat = dg.AssetRecordsFilter(asset_key=dg.AssetKey(COMMENTS.name), asset_partitions=[chat])
        for record in self._dagster.fetch_materializations(of_chat, limit=1).records:
            materialization = record.asset_materialization
            return None if materialization is None else (materialization.tags or {}).get(CODE_VERSION_TAG)
        return None

    def moderate_chat(
        self,
        chat: str,
        config: str,
        observer: RunObserver | None = None,
        run_config: Mapping[str, Any] | None = None,
    ) -> RunOutcome:
        """Moderate the chat under one config; the observer sees every comment as it is settled."""
        self._register(chat)
        if self._has_workers:
            return self._on_a_worker(run_key(chat, config), run_config)
        if self._warming is None:
            # Half a second, beside the runs, that the plots would have to wait for afterwards.
            self._warming = Thread(target=warm_up)
            self._warming.start()
        if self._beside is not None:
            return self._made_beside(self._beside, chat, config, observer, run_config)
        return self._run("moderate", run_key(chat, config), config=run_config, resources=_watching(observer))

    def accept_run(self, chat: str, config: str, why: str) -> RunOutcome:
        """Make a stored run what later ones of the same config are held against; no model is asked."""
        self._register(chat)
        judging = {"ops": {"run_judged": {"config": {"accept": why}}}}
        return self._run("accept", run_key(chat, config), config=judging)

    def compare_chat(self, chat: str) -> RunOutcome:
        """Compare the chat's runs, draw the plots and write the report."""
        self._register(chat)
        return self._run("compare", chat)

    def _register(self, chat: str) -> None:
        """Make the chat a partition where it is none: always, for the instance may be newer than the chat."""
        if not self._dagster.has_dynamic_partition(str(chats.name), chat):
            self._dagster.add_dynamic_partitions(str(chats.name), [chat])

    def _on_a_worker(self, partition: dg.MultiPartitionKey, config: Mapping[str, Any] | None) -> RunOutcome:
        tags = {COMPARED_BY_STARTER: "true"}
        run_id = self._asking.made(defs.resolve_job_def("moderate"), partition, config, tags)
        events = self._dagster.all_logs(run_id, of_type=dg.DagsterEventType.ASSET_CHECK_EVALUATION)
        found = [each.dagster_event.asset_check_evaluation_data for each in events if each.dagster_event]
        blocking = list(_failed([each for each in found if each.blocking]))
        if blocking:
            raise BlockingCheckError(partition, blocking)
        return RunOutcome(run_id, partition, tuple(_failed(found)))

    def _made_beside(
        self,
        beside: SideProcesses,
        chat: str,
        config: str,
        observer: RunObserver | None,
        run_config: Mapping[str, Any] | None,
    ) -> RunOutcome:
        try:
            made = beside.made(chat, config, run_config, observer or Unwatched())
        except SideProcessGoneError:
            end_dead_runs(self._dagster, self._folder.dagster_home)
            raise
        checks = tuple(FailedCheck(**each) for each in made["failed_checks"])
        return RunOutcome(made["run_id"], made["partition"], checks)

    def _run(
        self,
        job: str,
        partition: str | None,
        *,
        config: Mapping[str, Any] | None = None,
        resources: Mapping[str, object] | None = None,
    ) -> RunOutcome:
        run_id = str(uuid4())
        # One at a time: several threads may wait for workers, and each compares in this process.
        with (
            self._in_process,
            alive(self._folder.dagster_home, run_id),
            self._checks_worded(run_id, partition),
        ):
            self._go_on()
            definition = defs.resolve_job_def(job)
            with no_signal_lost(), shared_run(self._folder, definition, partition):
                result = definition.execute_in_process(
                    run_config={**QUIET, **(config or {})},
                    instance=self._dagster,
                    partition_key=partition,
                    tags=tags_of_terminal(),
                    run_id=run_id,
                    resources=resources or None,
                )
        return RunOutcome(result.run_id, partition, tuple(_failed(result.get_asset_check_evaluations())))

    @contextmanager
    def _checks_worded(self, run_id: str, partition: str | None) -> Iterator[None]:
        """Say which check stopped a run; Dagster's own error tells no more than that one did."""
        try:
            yield
        except DagsterAssetCheckFailedError as error:
            entries = self._dagster.all_logs(run_id, of_type=dg.DagsterEventType.ASSET_CHECK_EVALUATION)
            events = [entry.dagster_event for entry in entries]
            evaluations = [event.asset_check_evaluation_data for event in events if event is not None]
            blocking = [each for each in evaluations if each.blocking]
            raise BlockingCheckError(partition, list(_failed(blocking))) from error


def _watching(observer: RunObserver | None) -> Mapping[str, object]:
    return {} if observer is None else {"observer": observer}


@contextmanager
def launcher(folder: DataFolder) -> Iterator[Launcher]:
    """Open the instance for a number of runs, and close it. Runs whose process is gone are said to be over."""
    with instance(folder) as dagster:
        end_dead_runs(dagster, folder.dagster_home)
        launch = Launcher(folder, dagster)
        try:
            yield launch
        finally:
            launch.close()


def _failed(evaluations: Sequence[dg.AssetCheckEvaluation]) -> Iterator[FailedCheck]:
    for evaluation in evaluations:
        if not evaluation.passed:
            values = {name: value.value for name, value in evaluation.metadata.items()}
            yield FailedCheck(
                evaluation.asset_key.to_user_string(),
                evaluation.check_name,
                evaluation.description or "",
                values,
                is_warning=evaluation.severity is dg.AssetCheckSeverity.WARN,
            )
