"""Dagster's own storage of runs and events in SQLite, with connections that are kept for the next query.

Dagster opens a connection for every query and closes it again: some 5,000 times in a `moderation run` of four
configs, which took it longer than moderating 2,000 comments did. Files, tables and rows are the same, so that a
process with Dagster's storage (the UI) and one with this share an instance.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Self

import sqlalchemy as db
import yaml
from dagster._core.instance.ref import InstanceRef
from dagster._core.storage.event_log.sqlite.sqlite_event_log import INDEX_SHARD_NAME, SqliteEventLogStorage
from dagster._core.storage.runs.sqlite.sqlite_run_storage import SqliteRunStorage
from dagster._core.storage.schedules.sqlite.sqlite_schedule_storage import SqliteScheduleStorage
from dagster._core.storage.sqlite import SQLITE_BUSY_TIMEOUT_SECONDS, create_db_conn_string
from dagster._core.storage.sqlite_storage import (
    DagsterSqliteStorage,
    _event_logs_directory,
    _runs_directory,
    _schedule_directory,
)
from dagster._serdes import ConfigurableClassData

from moderation_pipeline.defs.home.empty_databases import (
    empty_events,
    empty_index,
    empty_runs,
    empty_schedules,
    is_whole,
    is_written,
)

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
    """Dagster's log of events, a file per run and one index of all."""

    def __init__(self, base_dir: str) -> None:
        self._kept = KeptEngines()
        self._seen_tables: set[str] = set()
        self._seen_partitions: set[tuple[str, str]] = set()
        _is_there(Path(base_dir) / f"{INDEX_SHARD_NAME}.db", "event_logs", empty_index)
        super().__init__(base_dir)

    @contextmanager
    def _connect(self, shard: str) -> Iterator[db.Connection]:
        with self._db_lock:
            engine = self._kept.of(self.conn_string_for_shard(shard))
            if shard not in self._initialized_dbs:
                if not _is_there(Path(self.path_for_shard(shard)), "event_logs", empty_events):
                    self._initdb(engine)
                self._initialized_dbs.add(shard)
                self._seen_partitions.clear()
            with engine.begin() as connection:
                yield connection

    def has_table(self, table_name: str) -> bool:
        """Whether the index of all runs has a table; Dagster drops none, so one that was seen is not looked for."""
        if table_name not in self._seen_tables and super().has_table(table_name):
            self._seen_tables.add(table_name)
        return table_name in self._seen_tables

    def has_dynamic_partition(self, partitions_def_name: str, partition_key: str) -> bool:
        """Whether a chat is registered: one that was seen is looked for again from the next run on.

        Dagster asks some hundred times in a run, before every step and input, which took a twentieth of the run.
        """
        asked = (partitions_def_name, partition_key)
        if asked not in self._seen_partitions and super().has_dynamic_partition(*asked):
            self._seen_partitions.add(asked)
        return asked in self._seen_partitions

    def delete_dynamic_partition(self, partitions_def_name: str, partition_key: str) -> None:
        """Forget a chat."""
        super().delete_dynamic_partition(partitions_def_name, partition_key)
        self._seen_partitions.discard((partitions_def_name, partition_key))

    def dispose(self) -> None:
        """Close what is kept open."""
        super().dispose()
        self._kept.close()


def _is_there(path: Path, table: str, empty: Callable[[], bytes]) -> bool:
    """Whether a database is whole, once one that lacked was made; another process may be at it as well.

    Of one that is there without its revision, or in a folder that knows no links, Dagster has to make what it can.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    return (not path.exists() and is_written(path, empty())) or is_whole(path, table)


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


def _runs(folder: str) -> KeptRuns:
    # Dagster's own way reads all its revisions to look whether there is a newer one, which it then leaves unused.
    if _is_there(Path(folder) / "runs.db", "instance_info", empty_runs):
        return KeptRuns(create_db_conn_string(folder, "runs"))
    return KeptRuns.from_local(folder)


def _schedules(folder: str) -> SqliteScheduleStorage:
    if _is_there(Path(folder) / "schedules.db", "job_ticks", empty_schedules):
        return SqliteScheduleStorage(create_db_conn_string(folder, "schedules"))
    return SqliteScheduleStorage.from_local(folder)


class KeptStorage(DagsterSqliteStorage):
    """All that Dagster keeps in a folder."""

    def __init__(self, base_dir: str, inst_data: ConfigurableClassData | None = None) -> None:
        # Dagster's own way here opens its own two as well, which takes as long again as these three.
        super(DagsterSqliteStorage, self).__init__()  # type: ignore[no-untyped-call]
        self.base_dir, self._inst_data = base_dir, inst_data
        self._run_storage = _runs(_runs_directory(base_dir))
        self._event_log_storage = KeptEventLog(_event_logs_directory(base_dir))
        self._schedule_storage = _schedules(_schedule_directory(base_dir))

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
