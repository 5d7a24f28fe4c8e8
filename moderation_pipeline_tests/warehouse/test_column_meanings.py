from __future__ import annotations

from pathlib import Path

import duckdb
import pytest

from moderation_pipeline.warehouse.column_meanings import MEANINGS, OF_TABLE, meaning_of
from moderation_pipeline.warehouse.duckdb_file import refresh_duckdb_file
from moderation_pipeline.warehouse.folder import DataFolder
from moderation_pipeline.warehouse.tables import TABLES
from moderation_pipeline.warehouse.views import QUESTIONS, query


@pytest.mark.parametrize("table", list(TABLES))
def test_every_column_of_a_table_has_a_meaning(table: str) -> None:
    assert [name for name in TABLES[table].schema if meaning_of(table, name) is None] == []


@pytest.mark.parametrize("view", list(QUESTIONS))
def test_every_column_of_a_view_has_a_meaning(tmp_path: Path, view: str) -> None:
    columns = query(DataFolder(tmp_path), f"select * from {view} limit 0").columns
    assert [name for name in columns if meaning_of(view, name) is None] == []


def test_no_meaning_is_of_a_column_that_is_not_there() -> None:
    there = {(table.name, column) for table in TABLES.values() for column in table.schema}
    assert set(MEANINGS) <= {column for _, column in there}
    assert set(OF_TABLE) <= there


def test_a_shell_finds_the_meanings_beside_the_columns(tmp_path: Path) -> None:
    folder = DataFolder(tmp_path)
    refresh_duckdb_file(folder)
    with duckdb.connect(str(folder.duckdb), read_only=True) as shell:
        found = shell.execute(
            "select comment from duckdb_columns()"
            " where table_name = 'expert_audits' and column_name = 'audit_probability'"
        ).fetchone()
    assert found == (MEANINGS["audit_probability"],)
