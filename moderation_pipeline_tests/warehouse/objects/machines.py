"""Machines over one warehouse, for tests: data folders of their own, a store of objects and a catalogue in common."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from moderation_pipeline.warehouse.files import read_table
from moderation_pipeline.warehouse.folder import DataFolder
from moderation_pipeline.warehouse.objects.catalogue import Catalogue
from moderation_pipeline.warehouse.objects.object_store import ObjectStore
from moderation_pipeline.warehouse.objects.parts import PublishedPart
from moderation_pipeline.warehouse.objects.shared_warehouse import SharedWarehouse
from moderation_pipeline.warehouse.shared_database import shared_database
from moderation_pipeline.warehouse.tables import AFTER_LOOP, LOOP_TABLES, METRIC_HISTORY, Table
from moderation_pipeline_tests.warehouse.rows import rows_of, write_table

OF_A_RUN = (*LOOP_TABLES, *AFTER_LOOP, METRIC_HISTORY)
RUN = PublishedPart("run", "arena", "hybrid")


def catalogue() -> Catalogue:
    """Return the catalogue in the database of the test."""
    database = shared_database()
    assert database is not None
    return Catalogue(database)


def machine(root: Path, store: ObjectStore) -> SharedWarehouse:
    """Return a machine whose data folder is at the root."""
    return SharedWarehouse(DataFolder(root), store, catalogue())


def write_run(
    folder: DataFolder, rows: int, part: PublishedPart = RUN, tables: Iterable[Table] = OF_A_RUN
) -> None:
    """Write the tables of a run, each of so many rows."""
    run: dict[str, object] = {"chat": part.chat, "config": part.config}
    for table in tables:
        write_table(rows_of(table, *(run for _ in range(rows))), folder, table, part.chat, part.config)


def make_run(at: SharedWarehouse, rows: int, part: PublishedPart = RUN) -> None:
    """Make a run whose tables have so many rows each, and publish it."""
    with at.made_here([part]):
        write_run(at.folder, rows, part)


def heights(folder: DataFolder, part: PublishedPart = RUN) -> set[int]:
    """Return how many rows the tables of a run have: one number where they are of one making."""
    return {read_table(folder, table, part.chat, part.config).height for table in OF_A_RUN}
