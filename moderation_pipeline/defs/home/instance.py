"""The Dagster instance: under the data folder unless DAGSTER_HOME says otherwise, one for terminal and UI.

What the terminal ran is seen in the UI, and the other way round. Which runs are still alive is in `live_runs.py`.
"""

import re
from pathlib import Path

import dagster as dg
from dagster._core.instance.ref import InstanceRef
from filelock import FileLock

from moderation_pipeline.defs.home.kept_connections import with_kept_connections
from moderation_pipeline.errors import ModerationError
from moderation_pipeline.warehouse.files import replaced_atomically
from moderation_pipeline.warehouse.folder import DataFolder

SETTINGS = "dagster.yaml"
LOCK = ".moderation.lock"
MADE = ".moderation.made"
"""Says that the databases were made whole, so that nobody need wait for the lock's holder to look."""
TERMINAL_SETTINGS = "terminal.yaml"

SHARED = """\
# Written once by the moderation pipeline; yours to change.
telemetry:
  enabled: false
nux:
  enabled: false
python_logs:
  # Debug lines of the IO manager are most of what a short run would write into its database otherwise.
  python_log_level: INFO
run_retries:
  # For runs that ask for it, as those of the nightly schedule do (data/nights.yaml, retries).
  enabled: true
  max_retries: 0
concurrency:
  runs:
    # Runs of the UI, of backfills and of schedules at a time; the others wait.
    max_concurrent_runs: 4
"""

IN_TERMINAL = """\
# Runs that 'moderation run' starts: the same instance as dagster.yaml's, but what a step prints goes to the
# terminal. Captured, the terminal would be a file to it (measured), and no progress bar could be drawn.
compute_logs:
  module: dagster._core.storage.noop_compute_log_manager
  class: NoOpComputeLogManager
"""


CUT_SHORT = re.compile(r"\?|%[0-9A-Fa-f]{2}")
"""What SQLite's addresses, through which Dagster opens its databases, take for something else than a path."""


class UnusableHomeError(ModerationError):
    """A folder whose path Dagster would read as another one, and make its databases there."""

    def __init__(self, home: Path) -> None:
        super().__init__(
            f"Dagster can't keep its databases in {home}: to it, '?' and '%' with two digits mean something else. "
            "Set DAGSTER_HOME to a folder without them in its path, or move the data folder."
        )


def prepare_home(folder: DataFolder) -> Path:
    """Return the instance's folder, with settings and databases in it; settings of the user's own are left alone.

    One process at a time: Dagster makes its databases without a lock, and two that make them at once leave a
    folder that neither can ever use.

    Raises:
        UnusableHomeError: Dagster can't work in it.
    """
    home = folder.dagster_home
    if CUT_SHORT.search(str(home.absolute())):
        raise UnusableHomeError(home)
    home.mkdir(parents=True, exist_ok=True)
    with FileLock(home / LOCK):
        if home == folder.root / "dagster":
            for name, content in ((SETTINGS, SHARED), (TERMINAL_SETTINGS, SHARED + IN_TERMINAL)):
                if not (home / name).exists():
                    with replaced_atomically(home / name) as temporary:
                        temporary.write_text(content, "utf-8")
        if not (home / MADE).exists():
            with _opened(home) as dagster:
                # What is made when it is first used: the index of all runs' events, and the table of chats.
                dagster.get_runs_count()
                dagster.get_dynamic_partitions("chats")
            (home / MADE).touch()
    return home


TEMPORARY_HOME = ".tmp_dagster_home"
"""How the folder's name begins that `dagster dev` makes where DAGSTER_HOME is not set, and takes away at its end."""


def is_temporary(dagster: dg.DagsterInstance) -> bool:
    """Whether the instance forgets all when its process ends, so that every chat is new to it."""
    return TEMPORARY_HOME in dagster.root_directory


def instance(folder: DataFolder) -> dg.DagsterInstance:
    """Return the instance for runs in this process. Close it, or use it in a `with` statement."""
    return _opened(prepare_home(folder))


def _opened(home: Path) -> dg.DagsterInstance:
    has_own = (home / TERMINAL_SETTINGS).exists()
    ref = InstanceRef.from_dir(str(home), config_filename=TERMINAL_SETTINGS if has_own else SETTINGS)
    return dg.DagsterInstance.from_ref(with_kept_connections(ref))
