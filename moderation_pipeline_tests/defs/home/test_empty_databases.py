"""Databases that are copied into a new folder are those that Dagster itself makes there."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from dagster._core.storage.runs.sql_run_storage import SqlRunStorage
from dagster._core.storage.sqlite_storage import DagsterSqliteStorage

from moderation_pipeline.defs.home.instance import instance
from moderation_pipeline.defs.home.kept_connections import KeptStorage
from moderation_pipeline.warehouse.folder import DataFolder

TIMES = ("create_timestamp", "migration_completed")


def with_a_run(storage: type[DagsterSqliteStorage], folder: Path) -> list[str]:
    """Open the storage of a new folder and a run's events in it; return the databases by their paths."""
    opened = storage.from_config_value(None, {"base_dir": str(folder)})  # type: ignore[arg-type]
    for run in ("first", "second"):
        with opened.event_log_storage.run_connection(run):  # type: ignore[attr-defined]
            pass
    opened.dispose()
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*.db"))


def told(path: Path) -> dict[str, object]:
    """Return what a database is: its schema, how its journal is kept, and every row but for when it was written."""
    with closing(sqlite3.connect(path)) as database:
        schema = database.execute("select type, name, sql from sqlite_master order by type, name").fetchall()
        names = [name for kind, name, _ in schema if kind == "table"]
        rows = {name: database.execute(f"select * from {name}").fetchall() for name in names}
        written = [column[1] for column in database.execute("pragma table_info(secondary_indexes)")]
        rows["secondary_indexes"] = [
            tuple(value for name, value in zip(written, row, strict=True) if name not in TIMES)
            for row in rows.get("secondary_indexes", [])
        ]
        return {"schema": schema, "rows": rows, "journal": database.execute("pragma journal_mode").fetchall()}


def test_each_database_of_a_new_folder_is_the_one_that_dagster_makes(tmp_path: Path) -> None:
    ours, stock = tmp_path / "ours", tmp_path / "stock"
    names = with_a_run(KeptStorage, ours)
    assert names == with_a_run(DagsterSqliteStorage, stock)
    assert len(names) == 5  # runs, schedules, the index of events and two runs' events
    for name in names:
        assert told(ours / name) == told(stock / name), name


@pytest.mark.parametrize("name", ["history/runs.db", "history/runs/index.db", "schedules/schedules.db"])
def test_what_dagster_left_without_a_revision_is_what_dagster_makes_of_it(tmp_path: Path, name: str) -> None:
    made = []
    for storage in (KeptStorage, DagsterSqliteStorage):
        folder = tmp_path / storage.__name__
        with_a_run(DagsterSqliteStorage, folder)
        with closing(sqlite3.connect(folder / name)) as database:
            database.execute("drop table alembic_version")
        with_a_run(storage, folder)
        made.append(told(folder / name))
    assert made[0] == made[1]


def test_two_folders_of_one_process_are_two_instances(tmp_path: Path) -> None:
    ids = []
    for name in ("one", "other"):
        with instance(DataFolder(tmp_path / name)) as dagster:
            dagster.add_dynamic_partitions("chats", [name])
            assert dagster.get_dynamic_partitions("chats") == [name]
            assert isinstance(dagster.run_storage, SqlRunStorage)
            ids.append(dagster.run_storage.get_run_storage_id())
    assert len(set(ids)) == 2
