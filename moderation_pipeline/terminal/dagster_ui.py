"""`moderation ui`: this process becomes `dagster dev` on the package's workspace and the shared instance."""

from __future__ import annotations

import os
import sys
from importlib import resources
from pathlib import Path

from moderation_pipeline.warehouse.folder import DATA_VARIABLE, DataFolder

WORKSPACE = resources.files("moderation_pipeline.defaults") / "workspace.yaml"
"""By module name, so that it works from any folder; the repository's own workspace.yaml says the same."""


def become_dagster_dev(folder: DataFolder, home: Path, *, host: str, port: int) -> None:
    """Replace this process, so that Ctrl-C and signals reach Dagster itself. Does not return."""
    environment = {**os.environ, "DAGSTER_HOME": str(home), DATA_VARIABLE: str(folder.root)}
    # -w, for without it `dagster dev` prefers a [tool.dg] in the working directory's pyproject.toml.
    command = ["-m", "dagster", "dev", "-w", str(WORKSPACE), "--host", host, "--port", str(port)]
    os.execve(sys.executable, [sys.executable, *command], environment)
