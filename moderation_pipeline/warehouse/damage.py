"""Parquet files that a disk or a person damaged: told by their ends, named, and set aside so that others go on.

Our own writing never leaves half a file (`files.py`); a full disk elsewhere, a copy that was cut off or an editor does.
"""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

from moderation_pipeline.errors import ModerationError
from moderation_pipeline.warehouse.folder import DataFolder

MAGIC = b"PAR1"
FOOTER = 8
"""Bytes at a Parquet's end: how long its footer is, and the magic word."""

SET_ASIDE = ".damaged"
"""Ends the name of a file that was set aside; no view and no reader looks at it."""


class DamagedFileError(ModerationError):
    """A file of the warehouse that is no whole Parquet."""

    def __init__(self, path: Path, why: str) -> None:
        super().__init__(f"{path} is damaged ({why}). {fix_of(path)}")


def fix_of(path: Path) -> str:
    """Return what to do about a damaged partition: how it is made anew, by where it lies."""
    is_of_run = path.parent.parent.name == "warehouse"
    chat = path.stem if is_of_run else path.parent.name
    if is_of_run:
        return f"Delete it, then 'moderation run {chat}' makes it anew."
    return f"Delete it, then 'moderation run {chat} --config {path.stem}' makes it anew; what was paid for is kept."


def is_damaged(path: Path) -> bool:
    """Whether a file does not begin and end as Parquet does, footer included; a file that is gone is not damaged."""
    try:
        with path.open("rb") as file:
            begins = file.read(len(MAGIC))
            size = file.seek(0, 2)
            if begins != MAGIC or size < len(MAGIC) + FOOTER:
                return True
            file.seek(-FOOTER, 2)
            length, ends = int.from_bytes(file.read(4), "little"), file.read(4)
    except FileNotFoundError:
        return False
    return ends != MAGIC or length > size - FOOTER - len(MAGIC)


def damaged_files(folder: DataFolder, tables: Iterable[str]) -> list[Path]:
    """Return the damaged files of some tables, sorted."""
    paths = (path for table in tables for path in (folder.warehouse / table).rglob("*.parquet"))
    return sorted(path for path in paths if is_damaged(path))


def left_out_told(folder: DataFolder, tables: Iterable[str]) -> list[str]:
    """Return a sentence for each damaged file of the tables: queries leave it out."""
    return [
        f"{path} is damaged and left out of every answer. {fix_of(path)}"
        for path in damaged_files(folder, tables)
    ]


def aside_of(path: Path) -> Path:
    """Return where a damaged file is set aside, whether one was or not."""
    return path.with_name(path.name + SET_ASIDE)


def was_set_aside(path: Path) -> bool:
    """Whether a file was damaged, and set aside, and none took its place since."""
    return not path.exists() and aside_of(path).exists()


def set_aside(path: Path) -> Path:
    """Rename a damaged file so that nobody takes it for a partition, and return where it is now."""
    aside = aside_of(path)
    with suppress(FileNotFoundError):
        path.replace(aside)
    return aside
