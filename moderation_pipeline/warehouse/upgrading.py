"""Tables whose columns an upgrade has changed: their files are written anew under the new schema, once, and it is said.

A column that was added is null in what was stored before, one that was given up goes, one whose type has changed is
cast, and null where its values can't be. That a table has changed is seen from its file without rows (`files.py`).
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import polars as pl

from moderation_pipeline.warehouse.files import (
    SCHEMA_FILE,
    read_partition,
    replaced_atomically,
    stored_partitions,
)
from moderation_pipeline.warehouse.folder import DataFolder
from moderation_pipeline.warehouse.tables import TABLES, Table


def upgraded(folder: DataFolder) -> list[str]:
    """Write the files of changed tables anew, and return a sentence for each table in which there were any."""
    return [sentence for table in TABLES.values() if (sentence := _upgraded(folder, table)) is not None]


def _upgraded(folder: DataFolder, table: Table) -> str | None:
    before = _schema_before(folder, table)
    if before is None or before == table.schema:
        return None
    rewritten = sum(_rewritten(path, table) for path in stored_partitions(folder, table))
    if not rewritten:
        return None
    return f"Table {table.name} has changed since {rewritten:,} of its files were written: {_told(before, table)}."


def _schema_before(folder: DataFolder, table: Table) -> pl.Schema | None:
    path = folder.warehouse / table.name / SCHEMA_FILE
    try:
        return pl.Schema(pl.read_parquet_schema(path))
    except (OSError, pl.exceptions.PolarsError):  # there is none yet, or it is damaged and made anew
        return None


def _rewritten(path: Path, table: Table) -> bool:
    """Write a file under the table's schema where it has another; it stays as old as it was."""
    try:
        if pl.read_parquet_schema(path) == table.schema:
            return False
        was = path.stat()
        with path.open("rb") as file:
            frame = read_partition(file, table)
    except (
        FileNotFoundError,
        pl.exceptions.PolarsError,
    ):  # taken away meanwhile, or damaged: `damage.py` names it
        return False
    with replaced_atomically(path) as temporary:
        frame.write_parquet(temporary)
        os.utime(temporary, ns=(was.st_atime_ns, was.st_mtime_ns))
    return True


def _told(before: pl.Schema, table: Table) -> str:
    return "; ".join(_changes(before, table.schema))


def _changes(before: pl.Schema, now: pl.Schema) -> Iterator[str]:
    added = [name for name in now if name not in before]
    gone = [name for name in before if name not in now]
    cast = [name for name in now if name in before and now[name] != before[name]]
    if added:
        yield f"{', '.join(added)} {'is' if len(added) == 1 else 'are'} null in them until they are made anew"
    if gone:
        yield f"{', '.join(gone)} {'is' if len(gone) == 1 else 'are'} gone"
    if cast:
        yield f"{', '.join(cast)} {'has' if len(cast) == 1 else 'have'} another type, and null where that can't be"
    if not (added or gone or cast):
        yield "its columns stand in another order"
