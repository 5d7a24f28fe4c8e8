"""A run's tables are of one attempt, whenever the process that wrote them was killed."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import polars as pl
import pytest

from moderation_pipeline.warehouse.files import ensure_schema_files, partition_path
from moderation_pipeline.warehouse.folder import DataFolder
from moderation_pipeline.warehouse.one_attempt import PLACE, WHOLE, StagedTables
from moderation_pipeline.warehouse.tables import (
    ACCEPTED_RUN,
    AFTER_LOOP,
    LOOP_TABLES,
    METRIC_HISTORY,
    TABLES,
    Table,
)
from moderation_pipeline.warehouse.views import query
from moderation_pipeline_tests.warehouse.rows import rows_of, write_table

RUN: dict[str, object] = {"chat": "arena", "config": "hybrid"}
COUNTED = " union all ".join(
    f"select '{table.name}' as name, count(*) as n from {table.name}" for table in (*LOOP_TABLES, *AFTER_LOOP)
)


@pytest.fixture
def folder(tmp_path: Path) -> DataFolder:
    """Return a data folder in which every table of a run has one row."""
    folder = DataFolder(tmp_path / "data")
    ensure_schema_files(folder)
    for table in (*LOOP_TABLES, *AFTER_LOOP):
        write_table(rows(table, 1), folder, table, "arena", "hybrid")
    return folder


def rows(table: Table, count: int) -> pl.DataFrame:
    return rows_of(table, *(RUN for _ in range(count)))


def counts(folder: DataFolder) -> dict[str, int]:
    return {name: int(n) for name, n in query(folder, COUNTED).rows()}


def put(folder: DataFolder, attempt: StagedTables, table: Table, count: int) -> bool:
    return attempt.put(rows(table, count), partition_path(folder, table, "arena", "hybrid"))


def test_nothing_of_an_attempt_is_seen_before_its_last_table_and_all_of_it_after(folder: DataFolder) -> None:
    attempt = StagedTables(folder.warehouse)
    for table in LOOP_TABLES[:-1]:
        assert not put(folder, attempt, table, 2)
        assert set(counts(folder).values()) == {1}
    assert put(folder, attempt, LOOP_TABLES[-1], 2)
    assert counts(folder) == {t.name: 2 for t in LOOP_TABLES} | {t.name: 0 for t in AFTER_LOOP}
    assert not list((folder.warehouse / PLACE).glob("*.*"))


def test_what_was_derived_stays_where_the_same_was_done_again(folder: DataFolder) -> None:
    attempt = StagedTables(folder.warehouse)
    for table in LOOP_TABLES:
        put(folder, attempt, table, 1)
    assert set(counts(folder).values()) == {1}


def test_an_attempt_of_a_killed_process_is_not_seen(folder: DataFolder) -> None:
    """The process ends itself just before the last table but one would be written."""
    script = f"""
import os, signal
from pathlib import Path
from moderation_pipeline.warehouse.folder import DataFolder
from moderation_pipeline.warehouse.one_attempt import StagedTables
from moderation_pipeline.warehouse.tables import LOOP_TABLES
from moderation_pipeline_tests.warehouse.test_one_attempt import put
folder = DataFolder(Path({str(folder.root)!r}))
attempt = StagedTables(folder.warehouse)
for table in LOOP_TABLES[:-2]:
    put(folder, attempt, table, 2)
os.kill(os.getpid(), signal.SIGKILL)
"""
    ended = subprocess.run([sys.executable, "-c", script], check=False)
    assert ended.returncode == -signal.SIGKILL
    assert set(counts(folder).values()) == {1}


def killed_between(folder: DataFolder, moved: int) -> None:
    """Leave the folder as a process does that is killed when so many of an attempt's tables took their places."""
    whole = folder.warehouse / PLACE / f"0{WHOLE}"
    for number, table in enumerate(LOOP_TABLES):
        place = partition_path(folder, table, "arena", "hybrid")
        target = place if number < moved else whole / place.relative_to(folder.warehouse)
        target.parent.mkdir(parents=True, exist_ok=True)
        rows(table, 2).write_parquet(target)


@pytest.mark.parametrize("moved", range(len(LOOP_TABLES) + 1))
def test_whoever_looks_finishes_what_a_killed_process_began(folder: DataFolder, moved: int) -> None:
    (folder.warehouse / PLACE / f"0{WHOLE}").mkdir(parents=True)
    killed_between(folder, moved)
    assert {counts(folder)[table.name] for table in LOOP_TABLES} == {2}
    assert not list((folder.warehouse / PLACE).glob("*.*"))


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere, whatever the folder says")
def test_who_may_not_finish_it_sees_nothing_of_that_run(folder: DataFolder) -> None:
    killed_between(folder, 2)
    (folder.warehouse / PLACE).chmod(0o500)
    try:
        assert set(counts(folder).values()) == {0}
    finally:
        (folder.warehouse / PLACE).chmod(0o700)


def test_every_table_of_a_run_is_the_loop_s_or_derived_from_it_or_its_history() -> None:
    of_runs = {name for name, table in TABLES.items() if table.partition == "run" and table.only_chat is None}
    assert {table.name for table in (*LOOP_TABLES, *AFTER_LOOP, METRIC_HISTORY, ACCEPTED_RUN)} == of_runs
