"""Dagster's databases in SQLite while nothing is in them, each made once in a process and copied wherever one lacks.

Dagster makes the same ones, but reads the scripts of its 88 revisions anew for each question about one: nine times
for a folder's three databases, which is most of half a second. Here they are read once. Tables, rows, revision and
journal are those that Dagster itself leaves in a new folder, where `kept_connections.py` puts these.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable
from contextlib import closing
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from uuid import uuid4

import sqlalchemy as db
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from dagster._core.storage.event_log.schema import SqlEventLogStorageMetadata
from dagster._core.storage.event_log.sqlite import sqlite_event_log
from dagster._core.storage.event_log.sqlite.sqlite_event_log import INDEX_SHARD_NAME, SqliteEventLogStorage
from dagster._core.storage.runs.schema import RunStorageSqlMetadata
from dagster._core.storage.runs.sqlite.sqlite_run_storage import SqliteRunStorage
from dagster._core.storage.schedules.schema import ScheduleStorageSqlMetadata
from dagster._core.storage.schedules.sqlite.sqlite_schedule_storage import SqliteScheduleStorage
from dagster._core.storage.sql import get_alembic_config
from dagster._core.storage.sqlite import create_db_conn_string


@cache
def empty_events() -> bytes:
    """Return the file of a run that has no events yet."""
    return _made("events", SqlEventLogStorageMetadata, lambda _: None)


@cache
def empty_index() -> bytes:
    """Return the file of all runs' events before the first run."""
    return _made(INDEX_SHARD_NAME, SqlEventLogStorageMetadata, _indexed)


@cache
def empty_runs() -> bytes:
    """Return the file of runs before the first one."""
    return _made("runs", RunStorageSqlMetadata, _with_indexes_of_runs)


@cache
def empty_schedules() -> bytes:
    """Return the file of schedules and sensors before the first tick."""
    return _made("schedules", ScheduleStorageSqlMetadata, _with_indexes_of_schedules)


def _made(name: str, tables: db.MetaData, finish: Callable[[Path], None]) -> bytes:
    with TemporaryDirectory() as folder:
        engine = db.create_engine(create_db_conn_string(folder, name), poolclass=db.NullPool)
        with engine.connect() as connection:
            # Nobody needs it once the process is gone: to wait for the disk at each table was half a second.
            connection.execute(db.text("PRAGMA synchronous=OFF"))
            tables.create_all(connection)
            connection.commit()  # the journal can't be changed within a transaction
            connection.execute(db.text("PRAGMA journal_mode=WAL"))
            MigrationContext.configure(connection).stamp(_revisions(), "head")
            connection.commit()
        finish(Path(folder))
        with closing(sqlite3.connect(Path(folder) / f"{name}.db")) as made:
            return made.serialize()


@cache
def _revisions() -> ScriptDirectory:
    return ScriptDirectory.from_config(get_alembic_config(sqlite_event_log.__file__))


def _indexed(folder: Path) -> None:
    log = SqliteEventLogStorage(str(folder))
    log._initialized_dbs.add(INDEX_SHARD_NAME)  # made already, and not to be asked for its revision
    log.reindex_events()
    log.reindex_assets()


def _with_indexes_of_runs(folder: Path) -> None:
    runs = SqliteRunStorage(create_db_conn_string(str(folder), "runs"))
    runs.migrate()
    runs.optimize()


def _with_indexes_of_schedules(folder: Path) -> None:
    schedules = SqliteScheduleStorage(create_db_conn_string(str(folder), "schedules"))
    schedules.migrate()
    schedules.optimize()


def is_written(path: Path, content: bytes) -> bool:
    """Write a file, whole or not at all; false where another was first, or the folder knows no links."""
    beside = path.with_name(f".{path.stem}.{uuid4().hex}")
    try:
        # Not as a temporary file: those are their owner's alone, whatever the folder is.
        beside.write_bytes(content)
        os.link(beside, path)
    except OSError:
        return False
    finally:
        beside.unlink(missing_ok=True)
    return True


def is_whole(path: Path, table: str) -> bool:
    """Whether a database was made to the end: it has the table, and its revision, which Dagster writes last."""
    if not path.exists():
        return False
    try:
        with closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=rw", uri=True)) as connection:
            named = connection.execute("select 1 from sqlite_master where name = ?", [table]).fetchone()
            return bool(named and connection.execute("select version_num from alembic_version").fetchone())
    except sqlite3.Error:
        return False  # what it is then, Dagster has to say
