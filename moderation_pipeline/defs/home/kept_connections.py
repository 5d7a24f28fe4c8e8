"""Dagster's own storage of runs and events in SQLite, with connections that are kept for the next query.

Dagster opens a connection for every query and closes it again: some 5,000 times in a `moderation run` of four
configs, which took it longer than moderating 2,000 comments did. Files, tables and rows are the same, so that a
process with Dagster's storage (the UI) and one with this share an instance.
"""

from __future__ import annotations

import os
import sqlite3
from collections import OrderedDict
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any, Self
from uuid import uuid4

import sqlalchemy as db
import yaml
from dagster._core.instance.ref import InstanceRef
from dagster._core.storage.event_log.sqlite.sqlite_event_log import SqliteEventLogStorage
from dagster._core.storage.runs.sqlite.sqlite_run_storage import SqliteRunStorage
from dagster._core.storage.schedules.sqlite.sqlite_schedule_storage import SqliteScheduleStorage
from dagster._core.storage.sqlite import SQLITE_BUSY_TIMEOUT_SECONDS
from dagster._core.storage.sqlite_storage import (
    DagsterSqliteStorage,
    _event_logs_directory,
    _runs_directory,
    _schedule_directory,
)
from dagster._serdes import ConfigurableClassData

FILES_KEPT_OPEN = 8
"""A run's events are a file of their own: the latest runs' and the index of all are kept open, no more."""


class KeptEngines:
    """The engines of the SQLite files used last, each with its connections."""

    def __init__(self) -> None:
        self._engines: OrderedDict[str, db.Engine] = OrderedDict()

    def of(self, url: str) -> db.Engine:
        """Return the engine of a file; the one that was not used for longest makes room for it."""
        if url not in self._engines:
            self._engines[url] = _engine(url)
            if len(self._engines) > FILES_KEPT_OPEN:
                self._engines.popitem(last=False)[1].dispose()
        self._engines.move_to_end(url)
        return self._engines[url]

    def close(self) -> None:
        """Close all connections."""
        for engine in self._engines.values():
            engine.dispose()
        self._engines.clear()


def _engine(url: str) -> db.Engine:
    engine = db.create_engine(
        url,
        poolclass=db.QueuePool,
        connect_args={"timeout": SQLITE_BUSY_TIMEOUT_SECONDS, "check_same_thread": False},
    )
    # With a write-ahead log this loses the last events on a power cut, and never makes a file unreadable.
    db.event.listen(engine, "connect", lambda connection, _: connection.execute("PRAGMA synchronous=NORMAL"))
    return engine


class KeptEventLog(SqliteEventLogStorage):
    """Dagster's log of events, a file per run and one index of all.

    A new run's file is a copy of the first that was made here: making the tables takes Dagster 60 ms a run.
    """

    def __init__(self, base_dir: str) -> None:
        self._kept = KeptEngines()
        self._empty: bytes | None = None
        self._seen_tables: set[str] = set()
        super().__init__(base_dir)

    @contextmanager
    def _connect(self, shard: str) -> Iterator[db.Connection]:
        with self._db_lock:
            engine = self._kept.of(self.conn_string_for_shard(shard))
            if shard not in self._initialized_dbs:
                self._make(shard, engine)
                self._initialized_dbs.add(shard)
            with engine.begin() as connection:
                yield connection

    def _make(self, shard: str, engine: db.Engine) -> None:
        """Make a file's tables, where they lack; another process may be at it as well."""
        path = Path(self.path_for_shard(shard))
        is_new = not path.exists()
        if is_new and self._empty is not None and _is_written(path, self._empty):
            return
        self._initdb(engine)
        if is_new and self._empty is None:
            with closing(sqlite3.connect(path)) as connection:
                self._empty = connection.serialize()

    def has_table(self, table_name: str) -> bool:
        """Whether the index of all runs has a table; Dagster drops none, so one that was seen is not looked for."""
        if table_name not in self._seen_tables and super().has_table(table_name):
            self._seen_tables.add(table_name)
        return table_name in self._seen_tables

    def dispose(self) -> None:
        """Close what is kept open."""
        super().dispose()
        self._kept.close()


def _is_written(path: Path, content: bytes) -> bool:
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


class KeptRuns(SqliteRunStorage):
    """Dagster's table of runs."""

    def __init__(self, conn_string: str, inst_data: ConfigurableClassData | None = None) -> None:
        self._engine = _engine(conn_string)
        super().__init__(conn_string, inst_data)

    @contextmanager
    def connect(self) -> Iterator[db.Connection]:
        """Give a connection in a transaction."""
        with self._engine.begin() as connection:
            yield connection

    def dispose(self) -> None:
        """Close what is kept open."""
        super().dispose()
        self._engine.dispose()


class KeptStorage(DagsterSqliteStorage):
    """All that Dagster keeps in a folder."""

    def __init__(self, base_dir: str, inst_data: ConfigurableClassData | None = None) -> None:
        # Dagster's own way here opens its own two as well, which takes as long again as these three.
        super(DagsterSqliteStorage, self).__init__()  # type: ignore[no-untyped-call]
        self.base_dir, self._inst_data = base_dir, inst_data
        self._run_storage = KeptRuns.from_local(_runs_directory(base_dir))
        self._event_log_storage = KeptEventLog(_event_logs_directory(base_dir))
        self._schedule_storage = SqliteScheduleStorage.from_local(_schedule_directory(base_dir))

    @classmethod
    def from_config_value(cls, inst_data: ConfigurableClassData, config_value: Mapping[str, Any]) -> Self:
        """Return the storage of a folder; what lacks is made."""
        return cls(inst_data=inst_data, **config_value)


def with_kept_connections(ref: InstanceRef) -> InstanceRef:
    """Return the same instance with kept connections; one whose settings name a storage of their own stays."""
    storage = ref.storage_data
    if storage is None or storage.class_name != DagsterSqliteStorage.__name__:
        return ref
    where = yaml.safe_load(storage.config_yaml)
    kept = ConfigurableClassData(__name__, KeptStorage.__name__, yaml.safe_dump(where))
    return ref._replace(storage_data=kept)
