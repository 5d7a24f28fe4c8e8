"""Rows for tests of the warehouse: a table's columns, null but for what a test cares about; and such rows stored.

The product's own tables are written by the IO manager alone.
"""

from __future__ import annotations

from pathlib import Path

import polars as pl

from moderation_pipeline.warehouse.files import (
    conform,
    ensure_schema_file,
    partition_path,
    replaced_atomically,
)
from moderation_pipeline.warehouse.folder import DataFolder
from moderation_pipeline.warehouse.tables import Table


def rows_of(table: Table, *rows: dict[str, object]) -> pl.DataFrame:
    """Return the rows as a frame of the table's schema."""
    unknown = {name for row in rows for name in row} - set(table.schema)
    assert not unknown, f"{table.name} has no columns {unknown}"
    complete = [{name: row.get(name) for name in table.schema} for row in rows]
    return pl.DataFrame(complete, schema=table.schema)


def write_table(
    frame: pl.DataFrame, folder: DataFolder, table: Table, chat: str, config: str | None = None
) -> Path:
    """Write a partition whole and return its path.

    Raises:
        SchemaMismatchError: a column is missing, unknown or of another type.
        ForeignRowsError: a row belongs to another chat or config.
    """
    path = partition_path(folder, table, chat, config)
    checked = conform(frame, table, chat=chat, config=config)
    ensure_schema_file(folder, table)
    with replaced_atomically(path) as temporary:
        checked.write_parquet(temporary)
    return path
