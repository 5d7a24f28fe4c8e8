"""What a worker does for a run: `python -P -m moderation_pipeline.worker RUN SETTINGS INSTALLED`.

A machine of a cluster has its own folder (MODERATION_DATA), keys in its own environment, and shares one store with the
others. It refuses before anything is decided or paid where it has something else installed, and takes configs, rules,
sanctions and prices as they were when the run was asked for. Dagster then executes the run in this process. It
goes on from the replies that were stored, whoever stored them.
"""

from __future__ import annotations

import os
import platform
import sys
import threading
import time
from collections.abc import Sequence
from pathlib import Path

from moderation_pipeline.errors import ModerationError
from moderation_pipeline.warehouse.folder import SETTINGS_VARIABLE, DataFolder, has_shared_store
from moderation_pipeline.warehouse.shared_database import shared_database

SETTINGS = "settings"
"""The folder of what was received, one folder a version, within the cache."""


def main(arguments: Sequence[str]) -> int:
    """Execute a run, and return the exit code of its process: what failed is in the run's events too."""
    run_id, version, wanted = arguments
    end_with_supervisor()
    folder = DataFolder.find()
    try:
        _prepared(folder, version, wanted)
    except ModerationError as error:
        print(error, file=sys.stderr)
        _told(folder, run_id, error)
        return 1
    return _executed(folder, run_id)


LOOKED_EVERY_S = 1.0


def end_with_supervisor() -> None:
    """Have this process end at once when the one ends that had it started through a shell, as Ray's supervisor does.

    Ray holds a run for lost when its node is gone, and another worker makes it. This process, which the end of the node
    leaves alone, would make it beside that one, and each would be a row in `metric_history`.
    """
    supervised = _supervisor()
    if supervised is None:  # nothing tells on this system
        return

    def watch() -> None:
        while _supervisor() == supervised:
            time.sleep(LOOKED_EVERY_S)
        print(
            "The Ray node that this run was made on is gone: it is made by another.",
            file=sys.stderr,
            flush=True,
        )
        os._exit(1)

    threading.Thread(target=watch, daemon=True, name="supervised").start()


def _supervisor() -> tuple[int, int] | None:
    """Return this process's parent, a shell, and the parent of that; null where the system doesn't tell."""
    shell = os.getppid()
    try:
        after_name = Path(f"/proc/{shell}/stat").read_text("utf-8", "replace").rpartition(")")[2]
        return shell, int(after_name.split()[1])
    except FileNotFoundError:
        return None if not Path("/proc/self/stat").exists() else (shell, 0)


def _prepared(folder: DataFolder, version: str, wanted: str) -> None:
    """Have this process read what the run was asked for by.

    Raises:
        ModerationError: something else is installed here, or the store has no such settings.
    """
    from moderation_pipeline.config.travelling import unpacked
    from moderation_pipeline.defs.home.installed import OtherVersionError, installed
    from moderation_pipeline.defs.home.sent_settings import UnsentSettingsError, received
    from moderation_pipeline.warehouse.access import keep_private

    if installed() != wanted:
        raise OtherVersionError(platform.node(), wanted, installed())
    engine = shared_database()
    if engine is None:
        raise UnsentSettingsError(version)
    keep_private(folder)
    place = folder.cache / SETTINGS
    place.mkdir(parents=True, exist_ok=True)
    os.environ[SETTINGS_VARIABLE] = str(unpacked(received(engine, version), place))
    os.environ.pop("RAY_ADDRESS", None)  # Ray's own, of the cluster that this process is in


def _told(folder: DataFolder, run_id: str, error: ModerationError) -> None:
    """Write into the run's events why this worker refused it."""
    if not has_shared_store():
        return
    from moderation_pipeline.defs.home.instance import instance_of_worker
    from moderation_pipeline.defs.home.run_tries import NOT_RETRIED
    from moderation_pipeline.defs.home.worker_runs import REFUSED

    with instance_of_worker(folder) as dagster:
        run = dagster.get_run_by_id(run_id)
        if run is not None and not run.is_finished:
            # Not tried again: it would end alike on this worker, and may begin on another meanwhile.
            dagster.add_run_tags(run_id, {REFUSED: "true", **NOT_RETRIED})
            dagster.report_run_failed(run, str(error))


def _executed(folder: DataFolder, run_id: str) -> int:
    from dagster._cli.api import _execute_run_command_body
    from dagster._utils.interrupts import capture_interrupts

    from moderation_pipeline.defs.home.instance import instance_of_worker

    with capture_interrupts(), instance_of_worker(folder) as dagster:
        return _execute_run_command_body(run_id, dagster, lambda _: None, set_exit_code_on_failure=True)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
