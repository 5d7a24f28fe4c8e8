"""`moderation ui`: Dagster's webserver, guarded, and its daemon, as two processes that end together.

Not `dagster dev`, which can only start the webserver as it is.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from importlib import resources
from pathlib import Path
from typing import NamedTuple

from moderation_pipeline.backends.keys import DOTENV_VARIABLE
from moderation_pipeline.errors import ModerationError
from moderation_pipeline.warehouse.folder import DATA_VARIABLE, DataFolder

WORKSPACE = resources.files("moderation_pipeline.defaults") / "workspace.yaml"
"""By module name, so that it works from any folder; the repository's own workspace.yaml says the same."""

LOOKED_EVERY_S = 0.5
GRACE_S = 10.0


class UiEndedError(ModerationError):
    """The webserver or the daemon ended by itself."""

    def __init__(self, name: str, code: int) -> None:
        super().__init__(
            f"Dagster's {name} ended by itself with exit code {code}; its last lines above say why."
        )


PARTS = ("webserver", "daemon")


class Page(NamedTuple):
    """Where the web server listens, and under which other names it may be asked for."""

    host: str
    port: int
    allowed_hosts: Sequence[str]


def serve(folder: DataFolder, home: Path, page: Page, parts: Sequence[str] = PARTS) -> None:
    """Serve until the process is interrupted.

    Raises:
        UiEndedError: one of the two processes ended by itself.
        KeyboardInterrupt: the user, or SIGTERM, ended it.
    """
    variables = given_variables(folder, home, [page.host, *page.allowed_hosts])
    workspace = ["-w", str(WORKSPACE)]
    listening = ["-h", page.host, "-p", str(page.port)]
    commands = {
        "webserver": ["-m", "moderation_pipeline.webserver", *listening, *workspace],
        "daemon": ["-m", "dagster._daemon", "run", *workspace],
    }
    _until_one_ends({name: _started(commands[name], variables) for name in parts})


def given_variables(folder: DataFolder, home: Path, hosts: Sequence[str]) -> Mapping[str, str]:
    """Return the environment of the two processes: this one's, and where everything is."""
    return {
        **os.environ,
        DOTENV_VARIABLE: os.environ.get(DOTENV_VARIABLE) or str(Path.cwd()),
        "DAGSTER_HOME": str(home),
        DATA_VARIABLE: str(folder.root),
        "MODERATION_UI_HOSTS": ",".join(hosts),
        # Else a module of the working directory, or of a folder that somebody sent, would be imported for ours.
        "PYTHONSAFEPATH": "1",
    }


def _started(command: Sequence[str], variables: Mapping[str, str]) -> subprocess.Popen[bytes]:
    # The folder of the package: Dagster puts the working directory in front of all that is imported.
    return subprocess.Popen(
        [sys.executable, *command],
        env=dict(variables),
        cwd=Path(__file__).parent.parent.parent,
        start_new_session=True,
    )


def _until_one_ends(processes: Mapping[str, subprocess.Popen[bytes]]) -> None:
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        while True:
            for name, process in processes.items():
                code = process.poll()
                if code is not None:
                    raise UiEndedError(name, code)
            time.sleep(LOOKED_EVERY_S)
    finally:
        for process in processes.values():
            _end(process)


def _end(process: subprocess.Popen[bytes]) -> None:
    """End a process in order, and what it started with it, if need be by force."""
    for number in (signal.SIGINT, signal.SIGKILL):
        try:
            os.killpg(process.pid, number)
            process.wait(GRACE_S)
        except ProcessLookupError:
            return
        except subprocess.TimeoutExpired:
            continue
