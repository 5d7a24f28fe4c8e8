"""What is installed here, in one word: two machines where it differs would not decide alike (law 1)."""

from __future__ import annotations

import sys
from functools import cache
from importlib import metadata

from moderation_pipeline.errors import ModerationError
from moderation_pipeline.warehouse.versions import source_version

DECIDING = ("polars", "numpy", "scipy", "scikit-learn")
"""Packages whose releases give other digits, beside our own."""


class OtherVersionError(ModerationError):
    """A worker that has something else installed than the machine that asked for the run."""

    def __init__(self, machine: str, wanted: str, here: str) -> None:
        wanted_parts, here_parts = wanted.split("+"), here.split("+")
        unlike = [
            f"{ours} here, {theirs} where the run was asked for"
            for ours, theirs in zip(here_parts, wanted_parts, strict=False)
            if ours != theirs
        ]
        super().__init__(
            f"The worker {machine} has something else installed than the machine that asked for this run "
            f"({'; '.join(unlike) or here}), and would not decide as it does. Nothing was decided or paid. Install the "
            "same version with the same constraints.txt on both, and ask for the run again."
        )


@cache
def installed() -> str:
    """Return the versions of all that decides: Python's, our own with its source, and the packages'."""
    ours = f"moderation-pipeline-{metadata.version('moderation-pipeline')}-{source_version('definitions')}"
    python = f"python-{sys.version_info.major}.{sys.version_info.minor}"
    return "+".join([ours, python, *(f"{name}-{metadata.version(name)}" for name in DECIDING)])
