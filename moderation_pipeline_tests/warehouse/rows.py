"""Rows for tests of the warehouse: a table's columns, null but for what a test cares about."""

from __future__ import annotations

import polars as pl

from moderation_pipeline.warehouse.tables import Table


def rows_of(table: Table, *rows: dict[str, object]) -> pl.DataFrame:
    """Return the rows as a frame of the table's schema."""
    unknown = {name for row in rows for name in row} - set(table.schema)
    assert not unknown, f"{table.name} has no columns {unknown}"
    complete = [{name: row.get(name) for name in table.schema} for row in rows]
    return pl.DataFrame(complete, schema=table.schema)
