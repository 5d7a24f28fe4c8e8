"""The settings of Dagster's instance, as they are written into its folder: of one machine, or of several.

Nothing here is read or written; that is `instance.py`'s.
"""

from __future__ import annotations

import os
from collections.abc import Mapping

from moderation_pipeline.warehouse.folder import RAY_VARIABLE, STORE_VARIABLE, has_shared_store

SETTINGS = "dagster.yaml"
TERMINAL_SETTINGS = "terminal.yaml"
WORKER_SETTINGS = "worker.yaml"

BOTH = """\
# Written once by the moderation pipeline; yours to change.
telemetry:
  enabled: false
nux:
  enabled: false
python_logs:
  # Debug lines of the IO manager are most of what a short run would write into its database otherwise.
  python_log_level: INFO
"""

SHARED = f"""\
{BOTH}\
run_retries:
  # For runs that ask for it, as those of the nightly schedule do (data/nights.yaml, retries).
  enabled: true
  max_retries: 0
concurrency:
  runs:
    # Runs of the UI, of backfills and of schedules at a time; the others wait.
    max_concurrent_runs: 4
"""

SEVERAL_MACHINES = f"""\
{BOTH}\
storage:
  custom:
    # At the address that {STORE_VARIABLE} names: its password is in the environment of every machine, and in no file.
    module: moderation_pipeline.defs.home.shared_storage
    class: SharedStorage
    config: {{}}
run_monitoring:
  # A run whose worker is gone is said to have failed within this many seconds, and is tried again: it goes on from
  # the replies that were stored. One that waits for a free worker is not gone, and may wait for a day.
  enabled: true
  poll_interval_seconds: 10
  start_timeout_seconds: 86400
run_retries:
  # Of workers that were lost. What failed by itself is tried again only where a run asks for it (nights.yaml).
  enabled: true
  max_retries: 2
  retry_on_asset_or_op_failure: false
concurrency:
  runs:
    # Of the UI, of backfills and of schedules, at a time: as many as all workers have processors.
    max_concurrent_runs: 16
"""

ON_RAY = f"""\
run_launcher:
  module: moderation_pipeline.defs.home.ray_runs
  class: RayRuns
  config:
    ray:
      address:
        env: {RAY_VARIABLE}
      # Of each run: it is one process, and its models are elsewhere. A config that runs a model itself gets a GPU too.
      num_cpus: 1
compute_logs:
  # What a run prints is on its worker: `ray job logs dagster-run-RUN`.
  module: dagster._core.storage.noop_compute_log_manager
  class: NoOpComputeLogManager
"""

IN_TERMINAL = """\
# Runs that 'moderation run' starts: the same instance as dagster.yaml's, but what a step prints goes to the
# terminal. Captured, the terminal would be a file to it (measured), and no progress bar could be drawn.
compute_logs:
  module: dagster._core.storage.noop_compute_log_manager
  class: NoOpComputeLogManager
"""


def settings_here() -> Mapping[str, str]:
    """Return the files of settings, as the environment has them: several machines, and workers, where it names them."""
    if not has_shared_store():
        return {SETTINGS: SHARED, TERMINAL_SETTINGS: SHARED + IN_TERMINAL}
    if not os.environ.get(RAY_VARIABLE):
        return {**_OF_SEVERAL, SETTINGS: SEVERAL_MACHINES, TERMINAL_SETTINGS: SEVERAL_MACHINES + IN_TERMINAL}
    on_ray = SEVERAL_MACHINES + ON_RAY
    return {**_OF_SEVERAL, SETTINGS: on_ray, TERMINAL_SETTINGS: on_ray}


_OF_SEVERAL = {WORKER_SETTINGS: SEVERAL_MACHINES + IN_TERMINAL}

_OF_AN_HOUR = SEVERAL_MACHINES.replace(" is not gone, and may wait for a day.", " is not gone.").replace(
    "86400", "3600"
)
"""As it was written before a run could wait for its worker longer."""

EVER_WRITTEN = frozenset(
    text + more
    for text in (SHARED, *(each + ray for each in (SEVERAL_MACHINES, _OF_AN_HOUR) for ray in ("", ON_RAY)))
    for more in ("", IN_TERMINAL)
)
"""What nobody changed, and may be written anew."""
