"""The warehouse's Parquet files: where a partition lies, how it is written whole or not at all, and read.

What the columns are is in `tables.py`, SQL over these files in `views.py`. Nothing here knows Dagster, so
that the terminal can read a table without loading it.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO
from uuid import uuid4

import polars as pl

from moderation_pipeline.errors import ModerationError
from moderation_pipeline.slugs import check_slug
from moderation_pipeline.warehouse.damage import DamagedFileError, is_damaged
from moderation_pipeline.warehouse.folder import DataFolder
from moderation_pipeline.warehouse.tables import TABLES, Table

EXTENSION = ".parquet"
SCHEMA_FILE = f"_schema{EXTENSION}"
"""A file of each table without rows. No slug begins with `_`, so no partition can take its place."""


class SchemaMismatchError(ModerationError):
    """A frame that is not what its table declares: one wrong file would change the whole view's type."""

    def __init__(self, table: Table, differences: list[str]) -> None:
        super().__init__(
            f"Table {table.name!r} refuses a frame that differs from its schema: {'; '.join(differences)}. "
            "The schema is declared in moderation_pipeline/warehouse/tables.py."
        )


class ForeignRowsError(ModerationError):
    """Rows of one partition on their way into the file of another."""

    def __init__(self, table: Table, column: str, expected: str, found: list[str | None]) -> None:
        super().__init__(
            f"Table {table.name!r} refuses rows whose {column} is {', '.join(map(repr, found))}: "
            f"the partition that was to be written is {expected!r}."
        )


def partition_path(folder: DataFolder, table: Table, chat: str, config: str | None = None) -> Path:
    """Return where a partition's file is: `<table>/<chat>.parquet` or `<table>/<chat>/<config>.parquet`.

    Raises:
        BadSlugError: a name that could point outside the table's folder.
        ValueError: a config for a table that has none, or none for one that has.
    """
    base = folder.warehouse / table.name / check_slug(chat, "Chat")
    if (table.partition == "run") != (config is not None):
        raise ValueError(f"Table {table.name!r} is partitioned by {table.partition}; got config {config!r}.")
    if config is not None:
        base = base / check_slug(config, "Config")
    return base.with_name(base.name + EXTENSION)


def is_stored(folder: DataFolder, table: Table, chat: str, config: str | None = None) -> bool:
    """Whether the partition was ever written."""
    return partition_path(folder, table, chat, config).exists()


def stored_partitions(folder: DataFolder, table: Table, chat: str | None = None) -> list[Path]:
    """Return the files of a table's partitions (of one chat, or all), sorted; the schema file is none."""
    base = folder.warehouse / table.name
    if chat is not None and table.partition == "chat":
        path = partition_path(folder, table, chat)
        return [path] if path.exists() else []
    if chat is not None:
        return sorted((base / check_slug(chat, "Chat")).glob(f"*{EXTENSION}"))
    pattern = f"*{EXTENSION}" if table.partition == "chat" else f"*/*{EXTENSION}"
    return sorted(path for path in base.glob(pattern) if path.name != SCHEMA_FILE)


def read_table(
    folder: DataFolder,
    table: Table,
    chat: str | None = None,
    config: str | None = None,
    *,
    are_whole: bool = False,
) -> pl.DataFrame:
    """Return the rows of a table, of one chat, or of one run; no rows where nothing was stored.

    A file from before a column was added reads as null there. `config` without `chat` is that config on
    every chat. `are_whole` leaves damaged files out: for what can be told without them.
    """
    if chat is not None and config is not None:
        path = partition_path(folder, table, chat, config)
        paths = [path] if path.exists() else []
    else:
        paths = [p for p in stored_partitions(folder, table, chat) if config in (None, p.stem)]
    return read_files([path for path in paths if not (are_whole and is_damaged(path))], table)


def read_files(paths: list[Path], table: Table) -> pl.DataFrame:
    """Return the rows of the given files of one table, in the order given, under the table's schema.

    Raises:
        DamagedFileError: one of them is no whole Parquet.
    """
    frames = []
    for path in paths:
        try:
            with path.open("rb") as file:
                frames.append(read_partition(file, table))
        except pl.exceptions.PolarsError as error:
            raise DamagedFileError(path, str(error).splitlines()[0]) from None
    return pl.concat(frames or [table.empty()])


def read_partition(file: BinaryIO, table: Table) -> pl.DataFrame:
    """Return the rows of one open file; columns that were added since are null, those given up are left out.

    One whose type has changed is cast, and null where its values can't be.

    Of an open file, never of a path: Polars opens a path twice, and the two may be different files.
    """
    stored = pl.read_parquet(file, hive_partitioning=False)
    # As nearly always: to select a hundred columns takes as long as to read them.
    if stored.schema == table.schema:
        return stored
    later = [pl.lit(None, dtype).alias(name) for name, dtype in table.schema.items() if name not in stored]
    return stored.with_columns(later).select(_as_declared(stored.schema, table))


def _as_declared(stored: pl.Schema, table: Table) -> list[pl.Expr]:
    return [
        pl.col(name) if stored.get(name, dtype) == dtype else _cast(name, stored[name], dtype)
        for name, dtype in table.schema.items()
    ]


def _cast(name: str, stored: pl.DataType, wanted: pl.DataType) -> pl.Expr:
    """Return the column under another type; null where there is no way from the one to the other."""
    if (stored.is_nested() or wanted.is_nested()) and stored.base_type() != wanted.base_type():
        return pl.lit(None, wanted).alias(name)
    return pl.col(name).cast(wanted, strict=False)


def conform(frame: pl.DataFrame, table: Table, *, chat: str, config: str | None) -> pl.DataFrame:
    """Return the frame with its columns in the declared order, or raise, naming what is wrong."""
    differences = _differences(frame.schema, table.schema)
    if differences:
        raise SchemaMismatchError(table, differences)
    for column, expected in (("chat", chat), ("config", config)):
        if column in table.schema and expected is not None:
            foreign = frame.get_column(column).unique().to_list()
            if any(value != expected for value in foreign):
                raise ForeignRowsError(table, column, expected, [v for v in foreign if v != expected][:5])
    return frame.select(table.schema.names())


def _differences(got: pl.Schema, declared: pl.Schema) -> list[str]:
    missing = [f"column {name!r} is missing" for name in declared if name not in got]
    unknown = [f"column {name!r} is not declared" for name in got if name not in declared]
    wrong = [
        f"column {name!r} is {got[name]}, declared as {declared[name]}"
        for name in declared
        if name in got and got[name] != declared[name]
    ]
    return missing + unknown + wrong


@contextmanager
def replaced_atomically(path: str | Path) -> Iterator[Path]:
    """Give a temporary path beside `path`, and move it there once the block is through.

    The name neither ends in `.parquet` nor repeats: no view sees it, and two writers never share it.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{uuid4().hex}.partial")
    try:
        yield temporary
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)


def ensure_schema_files(folder: DataFolder) -> None:
    """See to it that every table has its file without rows, so that every view has columns to stand on."""
    for table in TABLES.values():
        ensure_schema_file(folder, table)


def ensure_schema_file(folder: DataFolder, table: Table) -> None:
    """Write the table's file without rows where it is missing or says something else than the code."""
    path = folder.warehouse / table.name / SCHEMA_FILE
    if path.exists():
        with path.open("rb") as file:
            if pl.read_parquet_schema(file) == table.schema:
                return
    with replaced_atomically(path) as temporary:
        table.empty().write_parquet(temporary)
