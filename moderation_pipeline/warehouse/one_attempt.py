"""A run's tables put in place together, so that no two attempts of the run are ever mixed.

The tables of a loop are written into a folder of their attempt, whole or not at all. A rename declares the folder
`whole`, and its files then take their places; whoever comes by finishes what a killed process began. Tables that
were derived from another attempt go (`AFTER_LOOP`), until they are derived anew: better none than another's.
Which tables these are is `tables.py`'s to say, how a reader sees them as they are at one moment `hardlinks.py`'s.
"""

from __future__ import annotations

import filecmp
import os
import shutil
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING
from uuid import uuid4

import polars as pl

from moderation_pipeline.warehouse.files import EXTENSION, replaced_atomically
from moderation_pipeline.warehouse.tables import ACTION_LOG, AFTER_LOOP, LOOP_TABLES, PROVENANCE

if TYPE_CHECKING:
    from filelock import FileLock

PLACE = ".attempts"
"""The folder under the warehouse where attempts are: no table's name begins with a dot."""

STAGED, WHOLE = ".staged", ".whole"
LAST = "last"
"""Holds another word after every attempt that was put in place: how a reader knows that one was."""

ABANDONED_AFTER_S = 24 * 3600.0


class StagedTables:
    """An attempt at a run whose tables are being written. `discard` it unless it was `published`."""

    def __init__(self, warehouse: Path) -> None:
        self._warehouse = warehouse
        self._folder = warehouse / PLACE / f"{uuid4().hex}{STAGED}"
        self._waiting = {table.name for table in LOOP_TABLES}

    def put(self, frame: pl.DataFrame, path: Path) -> bool:
        """Write the table that belongs at `path`; with the last of a loop all take their places (True then)."""
        relative = path.relative_to(self._warehouse)
        (self._folder / relative).parent.mkdir(parents=True, exist_ok=True)
        frame.write_parquet(self._folder / relative)
        self._waiting.discard(relative.parts[0])
        if not self._waiting:
            self._publish()
        return not self._waiting

    def discard(self) -> None:
        """Take away what was written."""
        shutil.rmtree(self._folder, ignore_errors=True)

    def _publish(self) -> None:
        with _lock(self._warehouse):
            _settle(self._warehouse)
            self._folder.rename(self._folder.with_suffix(WHOLE))
            _settle(self._warehouse)
            _sweep(self._warehouse)


def settle(warehouse: Path) -> None:
    """Finish what a process began that was killed while an attempt's tables took their places.

    Raises:
        OSError: there is such an attempt, in a warehouse that this process may not write.
    """
    if next(attempts_in_between(warehouse), None) is not None:
        with _lock(warehouse):
            _settle(warehouse)


def attempts_in_between(warehouse: Path) -> Iterator[Path]:
    """Yield the folders of attempts whose tables have not all taken their places."""
    return (warehouse / PLACE).glob(f"*{WHOLE}")


def moment(warehouse: Path) -> str | None:
    """Return a word that is another one as soon as an attempt took its place; null while one is about to."""
    if next(attempts_in_between(warehouse), None) is not None:
        return None
    try:
        return (warehouse / PLACE / LAST).read_text("utf-8")
    except FileNotFoundError:
        return ""


def _lock(warehouse: Path) -> FileLock:
    from filelock import FileLock  # here, for it brings asyncio into commands that only look

    return FileLock(warehouse / PLACE / "lock")


def _settle(warehouse: Path) -> None:
    for folder in sorted(attempts_in_between(warehouse)):
        moved = [path.relative_to(folder) for path in sorted(folder.rglob(f"*{EXTENSION}"))]
        if not _is_the_same(folder, warehouse, moved):
            _drop_what_followed(warehouse, moved)
        for relative in moved:
            (warehouse / relative).parent.mkdir(parents=True, exist_ok=True)
            os.replace(folder / relative, warehouse / relative)
        with replaced_atomically(warehouse / PLACE / LAST) as temporary:
            temporary.write_text(folder.name, "utf-8")
        shutil.rmtree(folder)


def _is_the_same(folder: Path, warehouse: Path, moved: list[Path]) -> bool:
    """Whether the attempt did and was decided by what the one in place did: what followed from that holds, too.

    Two processes may make the same run at once, and neither may take away what the other is about to read.
    """
    told = [path for path in moved if path.parts[0] in (ACTION_LOG.name, PROVENANCE.name)]
    return all(
        (warehouse / path).exists() and filecmp.cmp(folder / path, warehouse / path, shallow=False)
        for path in told
    )


def _drop_what_followed(warehouse: Path, moved: list[Path]) -> None:
    for rest in {Path(*path.parts[1:]) for path in moved}:
        for table in AFTER_LOOP:
            (warehouse / table.name / rest).unlink(missing_ok=True)


def _sweep(warehouse: Path) -> None:
    """Take away what was left by processes that were killed while they wrote."""
    for folder in (warehouse / PLACE).glob(f"*{STAGED}"):
        with suppress(FileNotFoundError):
            if time.time() - folder.stat().st_mtime > ABANDONED_AFTER_S:
                shutil.rmtree(folder, ignore_errors=True)
