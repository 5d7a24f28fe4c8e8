"""Runs that another run makes, one after the other and in its own process: a process each would import Dagster anew.

Which runs those are is said by what makes them: `presets.py`, and `judged_early.py`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import dagster as dg

from moderation_pipeline.defs.home.instance import instance_within
from moderation_pipeline.defs.home.live_runs import COMPARED_BY_STARTER
from moderation_pipeline.defs.home.run_tries import NOT_RETRIED
from moderation_pipeline.defs.home.shared_runs import shared_run
from moderation_pipeline.errors import ModerationError
from moderation_pipeline.warehouse.folder import DataFolder

JobOf = Callable[[str], dg.JobDefinition]
"""Gives a job of the code location by its name, once that is loaded."""

WITHIN = "moderation/made_within"
"""Tags them with the run that makes them: no worker has been given them, and they end with that one's."""


class RunsFailedError(ModerationError):
    """Runs that a run made and that failed; each has its own run, which says why."""

    def __init__(self, failed: list[str], job: str) -> None:
        super().__init__(f"Failed: {', '.join(failed)}. Their runs of the job {job} say why.")


@dataclass(frozen=True, slots=True)
class RunsWithin:
    """Makes runs within one of a chat; they are tagged as runs whose starter compares by itself."""

    context: dg.OpExecutionContext
    job_of: JobOf

    def makes(self, name: str, partition: str, tags: Mapping[str, str] | None = None) -> bool:
        """Make a run of a job, and return whether it succeeded."""
        job = self.job_of(name)
        own = {COMPARED_BY_STARTER: "true", WITHIN: self.context.run_id, **NOT_RETRIED}
        with (
            shared_run(DataFolder.find(), job, partition),
            instance_within(self.context.instance) as instance,
        ):
            ended = job.execute_in_process(
                instance=instance,
                partition_key=partition,
                tags={**own, **(tags or {})},
                raise_on_error=False,
            )
        return ended.success
