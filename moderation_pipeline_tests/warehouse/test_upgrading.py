"""Tables of an older release: read with what they have, written anew once, and said."""

from __future__ import annotations

import os
from pathlib import Path

import polars as pl
import pytest

from moderation_pipeline.warehouse.duckdb_file import refresh_duckdb_file, repair_duckdb_file
from moderation_pipeline.warehouse.files import SCHEMA_FILE, read_table
from moderation_pipeline.warehouse.folder import DataFolder
from moderation_pipeline.warehouse.tables import INGESTION
from moderation_pipeline.warehouse.views import query
from moderation_pipeline_tests.warehouse.rows import rows_of, write_table

ROW: dict[str, object] = {"chat": "arena", "records": 7, "format": "csv", "data_version": "v1"}


@pytest.fixture
def older(tmp_path: Path) -> DataFolder:
    """A folder of a release in which a column was missing, one was another's, and one had another type."""
    folder = DataFolder(tmp_path / "data")
    refresh_duckdb_file(folder)
    path = write_table(rows_of(INGESTION, ROW), folder, INGESTION, "arena")
    for each in (path, path.with_name(SCHEMA_FILE)):
        of_then = pl.read_parquet(each).drop("data_version")
        of_then = of_then.with_columns(pl.col("records").cast(pl.String), pl.lit("x").alias("given_up"))
        of_then.with_columns(pl.concat_list("format").alias("format")).write_parquet(each)
    os.utime(path, (1_000_000, 1_000_000))
    return folder


def test_an_upgrade_reads_older_files_writes_them_anew_once_and_says_what_changed(older: DataFolder) -> None:
    path = older.warehouse / "ingestion" / "arena.parquet"
    said = str(repair_duckdb_file(older) or refresh_duckdb_file(older).says)

    assert "Table ingestion has changed since 1 of its files were written" in said
    assert "data_version is null in them" in said
    assert "given_up is gone" in said
    assert "format, records have another type" in said
    assert pl.read_parquet_schema(path) == INGESTION.schema
    assert path.stat().st_mtime == 1_000_000
    (row,) = query(older, "select chat, records, format, data_version from ingestion").rows()
    assert row[:2] == ("arena", 7)
    assert row[3] is None
    assert repair_duckdb_file(older) is None


def test_older_files_can_be_read_before_they_are_written_anew(older: DataFolder) -> None:
    frame = read_table(older, INGESTION, "arena")
    assert frame.schema == INGESTION.schema
    assert frame["records"].to_list() == [7]
