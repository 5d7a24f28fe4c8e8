"""The `moderation` program as it is called from a folder, whose data folder is `data` in it.

In this process, which has imported Dagster already, as a process of its own has to for seconds. What a process is or
does beyond its command (its streams, signals, imports, end) needs one of its own: `own_process`.
"""

from __future__ import annotations

import io
import os
import subprocess
import sys
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path

import pytest

from moderation_pipeline.cli import called_with

Ended = subprocess.CompletedProcess[str]

UNSET = ("MODERATION_DATA", "DAGSTER_HOME")


def moderation(folder: Path, *arguments: str, stdin: str = "") -> Ended:
    """Call the program in this process, and leave its folder, variables and umask as they were."""
    umask = os.umask(0o022)
    os.umask(umask)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        for name in UNSET:
            patch.setenv(name, "")  # which counts as unset; what --data sets is undone
        patch.setattr(sys, "stdin", io.StringIO(stdin))
        try:
            with redirect_stdout(io.StringIO()) as stdout, redirect_stderr(io.StringIO()) as stderr:
                code = called_with(arguments)
        finally:
            os.umask(umask)
    return subprocess.CompletedProcess(arguments, code, stdout.getvalue(), stderr.getvalue())


def own_process(folder: Path, *arguments: str) -> Ended:
    """Run the program in a process of its own."""
    environment = {name: value for name, value in os.environ.items() if name not in UNSET}
    return subprocess.run(
        [sys.executable, "-m", "moderation_pipeline.cli", *arguments],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
