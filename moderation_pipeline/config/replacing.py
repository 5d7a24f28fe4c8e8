"""What a data folder's own files replace of what is ready-made, and how that is said.

A folder may come from somebody else, and a file in it decides under a name that everybody knows: so each run says it.
Who looks for such files are `config_library.py` and `sanctions.py`; who says it is `moderation/run_beginning.py`.
"""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple


class Replacement(NamedTuple):
    """A file of the data folder that stands for a ready-made one of its name; `kind` is config or sanctions."""

    kind: str
    own: Path
    ready_made: Path

    @property
    def note(self) -> str:
        """One sentence that names both files."""
        return f"{self.own} replaces the ready-made {self.kind} of that name, {self.ready_made}."
