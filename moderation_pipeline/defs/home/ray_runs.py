"""Runs on the workers of a Ray cluster: each is a Ray job, in one process, with what it was asked for by.

The launcher is dagster-ray's. What is ours: what people wrote goes along by way of the shared store, the worker is
told what it must have installed, and a config that runs a model of its own gets a GPU. What happens on the worker is
`worker.py`'s.
"""

from __future__ import annotations

import json
import shlex
import time
from collections.abc import Mapping
from typing import Any, cast

import dagster as dg
from dagster._core.launcher import CheckRunHealthResult, LaunchRunContext, WorkerStatus
from dagster_ray.configs import USER_DEFINED_RAY_KEY
from dagster_ray.core.run_launcher import RayRunLauncher, get_job_submission_id_from_run_id

from moderation_pipeline.config.config_errors import ConfigError
from moderation_pipeline.config.config_library import ConfigLibrary
from moderation_pipeline.config.needs import needs
from moderation_pipeline.config.travelling import packed
from moderation_pipeline.defs.home.installed import installed
from moderation_pipeline.defs.home.live_runs import BY_TERMINAL, is_tagged
from moderation_pipeline.defs.home.runs_within import WITHIN
from moderation_pipeline.defs.home.sent_settings import sent
from moderation_pipeline.defs.home.shared_runs import ONLY_TAG, send_log
from moderation_pipeline.defs.home.shared_storage import NoStoreError
from moderation_pipeline.warehouse.folder import DataFolder
from moderation_pipeline.warehouse.shared_database import shared_database

CONFIG_OF_A_RUN = "dagster/partition/config"
SETTINGS_TAG = "moderation/settings"
"""Tags a run with the version of what people wrote, as it was when the run was asked for."""

ON_GPU = "hf"
"""The backend that computes where the run is."""

READS = "ingest"
"""The job that reads a chat's own files, which lie where they arrived."""

WORKER = "python -P -m moderation_pipeline.worker"
"""Found on the worker's PATH: each machine has its environment where it likes, Ray is started from it."""


NO_AGENT = "No available agent"
"""What Ray's head answers while no node is ready to take jobs: one that has just come up takes some seconds to."""
PAUSES_S = (1, 2, 4, 8, 15, 30)


NODE_DIED = "JOB_SUPERVISOR_ACTOR_DIED"
"""What Ray says of a job whose node is gone. Where it had begun, it names the node too."""
WAITED_IN_VAIN = "The worker that this run was waiting on is gone: it waits for another."


class RayRuns(RayRunLauncher):
    """Starts each run as a Ray job whose command is our worker's."""

    def _launch_ray_job(self, submission_id: str, entrypoint: str, run: dg.DagsterRun) -> None:  # noqa: ARG002
        """Send the settings ahead, and ask Ray for a place; Dagster's own command is of this machine's paths."""
        engine = shared_database()
        if engine is None:
            raise NoStoreError
        folder = DataFolder.find()
        if run.job_name == READS:
            send_log(folder, run.tags[ONLY_TAG])
        settings = packed(folder)
        sent(engine, settings)
        self._instance.add_run_tags(run.run_id, {SETTINGS_TAG: settings.version})
        command = f"{WORKER} {shlex.join([run.run_id, settings.version, installed()])}"
        placed = _with_place(run, folder)
        for pause_s in PAUSES_S:
            try:
                super()._launch_ray_job(submission_id, command, placed)
            except RuntimeError as error:
                if NO_AGENT not in str(error):
                    raise
                time.sleep(pause_s)
            else:
                return
        super()._launch_ray_job(submission_id, command, placed)

    def check_run_worker_health(self, run: dg.DagsterRun) -> CheckRunHealthResult:
        """Ask Ray after a run's worker; of one that was made in another's process, or a terminal's, Ray knows nothing.

        Dagster's daemon would have them failed in mid-run, and made a second time. A terminal looks after its own.
        """
        if is_tagged(run, BY_TERMINAL):
            return CheckRunHealthResult(WorkerStatus.RUNNING)
        if not is_tagged(run, WITHIN):
            health = cast(CheckRunHealthResult, super().check_run_worker_health(run))
            is_lost = health.status is WorkerStatus.FAILED and run.status is dg.DagsterRunStatus.STARTING
            return self._handed_over_again(run) or health if is_lost else health
        maker = self._instance.get_run_by_id(run.tags[WITHIN])
        if maker is None or maker.is_finished:
            return CheckRunHealthResult(WorkerStatus.FAILED, "The run that made it has ended.")
        return self.check_run_worker_health(maker)

    def _handed_over_again(self, run: dg.DagsterRun) -> CheckRunHealthResult | None:
        """Ask Ray anew for a place of a run that waited on a node which is gone; null where it had begun, or can't be.

        Ray gives waiting jobs to a node long before it has a processor free. Said to have failed, a dozen runs would
        each have lost one of their tries with one worker, though nobody had begun them.
        """
        submission_id = get_job_submission_id_from_run_id(run.run_id)
        try:
            job = self.client.get_job_info(submission_id)
            if job.error_type != NODE_DIED or job.driver_node_id is not None:
                return None
            self.client.delete_job(submission_id)
        except RuntimeError:  # somebody else looks after it at this very moment
            return CheckRunHealthResult(WorkerStatus.UNKNOWN, WAITED_IN_VAIN)
        self._instance.report_engine_event(WAITED_IN_VAIN, run, cls=self.__class__)
        try:
            self.launch_run(LaunchRunContext(run, workspace=None))
        except RuntimeError:
            return None
        return CheckRunHealthResult(WorkerStatus.RUNNING, WAITED_IN_VAIN)


def _with_place(run: dg.DagsterRun, folder: DataFolder) -> dg.DagsterRun:
    """Return the run with the GPU that its config needs, where nobody said what it gets."""
    wanted = place_of(folder, run.tags)
    if not wanted or USER_DEFINED_RAY_KEY in run.tags:
        return run
    return run.with_tags({**run.tags, USER_DEFINED_RAY_KEY: json.dumps(wanted)})


def place_of(folder: DataFolder, tags: Mapping[str, str]) -> dict[str, Any]:
    """Return what a run needs of Ray beside what every run gets: a GPU, where its config runs a model itself."""
    name = tags.get(CONFIG_OF_A_RUN)
    if name is None:
        return {}
    try:
        config = ConfigLibrary(folder).load(name).config
    except ConfigError:
        return {}  # the worker says so, in the run's own words
    return {"num_gpus": 1} if ON_GPU in needs(config) else {}
