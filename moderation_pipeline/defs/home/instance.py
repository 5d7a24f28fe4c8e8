"""The Dagster instance: under the data folder unless DAGSTER_HOME says otherwise, one for terminal and UI.

What the terminal ran is seen in the UI, and the other way round. Which runs are still alive is in `live_runs.py`.
"""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import dagster as dg
from dagster._core.instance.ref import InstanceRef
from filelock import FileLock

from moderation_pipeline.defs.home.instance_settings import (
    EVER_WRITTEN,
    SETTINGS,
    TERMINAL_SETTINGS,
    WORKER_SETTINGS,
    settings_here,
)
from moderation_pipeline.defs.home.kept_connections import with_kept_connections
from moderation_pipeline.defs.home.located_runs import LocatedRuns, with_located_runs
from moderation_pipeline.errors import ModerationError
from moderation_pipeline.warehouse.files import replaced_atomically
from moderation_pipeline.warehouse.folder import DataFolder

LOCK = ".moderation.lock"
MADE = ".moderation.made"
"""Says that the databases were made whole, so that nobody need wait for the lock's holder to look."""
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
        if home in (folder.root / "dagster", folder.root / "dagster-shared"):
            _write_settings(home)
        if not (home / MADE).exists():
            with _opened(home) as dagster:
                # What is made when it is first used: the index of all runs' events, and the table of chats.
                dagster.get_runs_count()
                dagster.get_dynamic_partitions("chats")
            (home / MADE).touch()
    return home


def _write_settings(home: Path) -> None:
    """Write the settings where they lack, and anew where the environment says otherwise and nobody changed them."""
    for name, content in settings_here().items():
        path = home / name
        found = path.read_text("utf-8") if path.exists() else None
        if found is None or (found != content and found in EVER_WRITTEN):
            with replaced_atomically(path) as temporary:
                temporary.write_text(content, "utf-8")


TEMPORARY_HOME = ".tmp_dagster_home"
"""How the folder's name begins that `dagster dev` makes where DAGSTER_HOME is not set, and takes away at its end."""


def is_temporary(dagster: dg.DagsterInstance) -> bool:
    """Whether the instance forgets all when its process ends, so that every chat is new to it."""
    return TEMPORARY_HOME in dagster.root_directory


def instance(folder: DataFolder) -> dg.DagsterInstance:
    """Return the instance for runs in this process. Close it, or use it in a `with` statement."""
    return _opened(prepare_home(folder))


def instance_of_worker(folder: DataFolder) -> dg.DagsterInstance:
    """Return the instance that all machines share, for the one run that a worker makes."""
    return _opened(prepare_home(folder), WORKER_SETTINGS)


def _opened(home: Path, name: str = TERMINAL_SETTINGS) -> dg.DagsterInstance:
    ref = InstanceRef.from_dir(str(home), config_filename=name if (home / name).exists() else SETTINGS)
    return dg.DagsterInstance.from_ref(_ours(ref))


@contextmanager
def instance_within(dagster: dg.DagsterInstance) -> Iterator[dg.DagsterInstance]:
    """Give the instance for the runs that a run makes: as `instance` gives it, though Dagster opened the run's own."""
    if not dagster.is_persistent or isinstance(dagster, LocatedRuns):
        yield dagster
        return
    with dg.DagsterInstance.from_ref(_ours(dagster.get_ref())) as ours:
        yield ours


def _ours(ref: InstanceRef) -> InstanceRef:
    return with_located_runs(with_kept_connections(ref))
