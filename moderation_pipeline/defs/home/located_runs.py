"""Runs that a process makes itself, said to be of the code location as those are that the UI launches.

Dagster's UI leaves runs of no code location out of its timeline and of their job's page, where whoever looks for what
ran in the night looks first.
"""

from __future__ import annotations

from typing import Any

import dagster as dg
from dagster._core.definitions.repository_definition import SINGLETON_REPOSITORY_NAME
from dagster._core.instance.ref import InstanceRef
from dagster._core.remote_origin import RegisteredCodeLocationOrigin, RemoteRepositoryOrigin
from dagster._serdes import ConfigurableClassData

LOCATION = "moderation_pipeline"
"""As workspace.yaml and [tool.dg] name it."""

HERE = RemoteRepositoryOrigin(RegisteredCodeLocationOrigin(LOCATION), SINGLETON_REPOSITORY_NAME)


class LocatedRuns(dg.DagsterInstance):
    """An instance whose runs are of the code location, though this process makes them."""

    def create_run_for_job(self, job_def: dg.JobDefinition, *given: Any, **named: Any) -> dg.DagsterRun:
        """Put a run into the instance."""
        origin = named.pop("remote_job_origin", None) or HERE.get_job_origin(job_def.name)
        # Whoever gives an origin gives it by name: it is the twelfth argument.
        return super().create_run_for_job(job_def, *given, remote_job_origin=origin, **named)  # type: ignore[misc]


def with_located_runs(ref: InstanceRef) -> InstanceRef:
    """Return the same instance, whose runs are of the code location; one with a class of its own stays."""
    if ref.custom_instance_class_data is not None:
        return ref
    return ref._replace(
        custom_instance_class_data=ConfigurableClassData(__name__, LocatedRuns.__name__, "{}")
    )
