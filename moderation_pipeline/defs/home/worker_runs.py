"""Runs that a terminal asks workers for: put into the shared instance, handed to its launcher, and waited for.

A run whose worker is lost is asked for again by whoever waits for it; Dagster's daemon, which would do that too, is
told not to. What workers do is `worker.py`'s.
"""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Mapping
from typing import Any
from uuid import uuid4

import dagster as dg
from dagster._core.code_pointer import ModuleCodePointer
from dagster._core.launcher.base import LaunchRunContext, WorkerStatus
from dagster._core.origin import DEFAULT_DAGSTER_ENTRY_POINT, JobPythonOrigin, RepositoryPythonOrigin

from moderation_pipeline.defs.home.run_tries import IN_VAIN, NOT_RETRIED
from moderation_pipeline.errors import ModerationError

DEFINITIONS = "moderation_pipeline.definitions"
RAY_RUNS = "RayRuns"

LOOKED_EVERY_S = 1.0
HEALTH_EVERY_S = 10.0
"""A killed worker is noticed after that; a machine that vanished when Ray says so, after some 30 s."""

TIMES_ASKED_FOR = 3
"""How often a run is asked for whose workers were lost, the first time counted."""

DONE = dg.DagsterRunStatus.SUCCESS
ENDED = (DONE, dg.DagsterRunStatus.FAILURE, dg.DagsterRunStatus.CANCELED)
REFUSED = "moderation/refused"
"""Tags a run whose worker refused it: another try ends alike."""

LOST = "Its worker is gone: it was killed, or its machine went down. What was paid for is kept."


class WorkerRunError(ModerationError):
    """A run that a worker could not make."""

    def __init__(self, partition: str, run_id: str, said: str) -> None:
        super().__init__(f"The run {partition} failed on its worker: {said} (Dagster's run {run_id}).")


class LastingWorkerRunError(WorkerRunError):
    """The same of one that would end so again, whichever worker made it."""

    is_lasting = True


def has_workers(dagster: dg.DagsterInstance) -> bool:
    """Whether runs of this instance are made by workers, rather than by the process that asks."""
    return type(dagster.run_launcher).__name__ == RAY_RUNS


class Asking:
    """Asks the workers of an instance for runs; stopped, it stops those that are under way."""

    def __init__(self, dagster: dg.DagsterInstance) -> None:
        self._dagster = dagster
        self._stopped = threading.Event()

    def stop(self) -> None:
        """Have every run that is waited for stopped."""
        self._stopped.set()

    def made(
        self,
        job: dg.JobDefinition,
        partition: str,
        config: Mapping[str, Any] | None,
        tags: Mapping[str, str],
    ) -> str:
        """Ask for a run of a job, wait for it, and return its id.

        Raises:
            WorkerRunError: it failed, or lost its worker each time that it was asked for.
        """
        for attempt in range(TIMES_ASKED_FOR):
            run = _submitted(self._dagster, job, partition, config, tags)
            ended = self._awaited(run.run_id)
            if ended is not None and ended.status == DONE:
                return run.run_id
            is_last = attempt == TIMES_ASKED_FOR - 1 or self._stopped.is_set()
            if ended is None or is_last or not _is_lost(self._dagster, ended):
                break
        is_hopeless = ended is not None and IN_VAIN in ended.tags
        failed = LastingWorkerRunError if is_hopeless else WorkerRunError
        raise failed(partition, run.run_id, _why(self._dagster, run.run_id))

    def _awaited(self, run_id: str) -> dg.DagsterRun | None:
        """Return a run once it has ended; null where somebody deleted it."""
        looked_at = time.monotonic()
        while True:
            run = self._dagster.get_run_by_id(run_id)
            if run is None or run.status in ENDED:
                return run
            if self._stopped.wait(LOOKED_EVERY_S):
                self._dagster.run_launcher.terminate(run_id)
                return self._dagster.get_run_by_id(run_id)
            if time.monotonic() - looked_at > HEALTH_EVERY_S:
                looked_at = time.monotonic()
                health = self._dagster.run_launcher.check_run_worker_health(run)
                if health.status is WorkerStatus.FAILED:
                    self._dagster.report_run_failed(run, f"{LOST} {health.msg or ''}")


def _is_lost(dagster: dg.DagsterInstance, run: dg.DagsterRun) -> bool:
    """Whether a run that failed was no failure of its own: no step failed, and no worker refused it."""
    if run.status != dg.DagsterRunStatus.FAILURE or REFUSED in run.tags:
        return False
    return not dagster.all_logs(run.run_id, of_type=dg.DagsterEventType.STEP_FAILURE)


def _why(dagster: dg.DagsterInstance, run_id: str) -> str:
    """Return the words of the first step that failed, or else of the run."""
    for kind in (dg.DagsterEventType.STEP_FAILURE, dg.DagsterEventType.RUN_FAILURE):
        for entry in dagster.all_logs(run_id, of_type=kind):
            event = entry.dagster_event
            error = None if event is None or not event.is_step_failure else event.step_failure_data.error
            if error is None:
                return entry.message or (event.message if event is not None else "") or ""
            while error.cause is not None:
                error = error.cause
            return error.message.strip().partition(": ")[2] or error.message.strip()
    return "it was stopped."


def _submitted(
    dagster: dg.DagsterInstance,
    job: dg.JobDefinition,
    partition: str,
    config: Mapping[str, Any] | None,
    tags: Mapping[str, str],
) -> dg.DagsterRun:
    if job.partitions_def is None:
        raise ValueError(f"job {job.name} has no partitions")
    of_partition = job.partitions_def.get_tags_for_partition_key(partition)
    run = dagster.create_run_for_job(
        job_def=job,
        run_id=str(uuid4()),
        run_config=config,
        tags={**of_partition, **tags, **NOT_RETRIED},
        job_code_origin=origin_of(job.name),
    )
    dagster.report_dagster_event(
        dg.DagsterEvent(event_type_value=dg.DagsterEventType.PIPELINE_STARTING.value, job_name=job.name),
        run_id=run.run_id,
    )
    dagster.run_launcher.launch_run(LaunchRunContext(dagster_run=run, workspace=None))
    return run


def origin_of(job: str) -> JobPythonOrigin:
    """Return where a worker finds the job: by names alone, for its paths are its own."""
    return JobPythonOrigin(
        job,
        RepositoryPythonOrigin(
            executable_path=sys.executable,
            code_pointer=ModuleCodePointer(DEFINITIONS, "defs"),
            entry_point=DEFAULT_DAGSTER_ENTRY_POINT,
        ),
    )
