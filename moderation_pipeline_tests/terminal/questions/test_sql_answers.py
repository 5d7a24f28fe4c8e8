from __future__ import annotations

from pathlib import Path

import pytest

from moderation_pipeline.terminal.questions.sql_answers import answer
from moderation_pipeline.warehouse.folder import DataFolder
from moderation_pipeline.warehouse.tables import INGESTION, METRICS
from moderation_pipeline_tests.warehouse.rows import rows_of, write_table


@pytest.fixture
def folder(tmp_path: Path) -> DataFolder:
    """A folder with a run of a chat that has changed since, and one of a chat that has not."""
    folder = DataFolder(tmp_path / "data")
    for chat, now in (("arena", "two"), ("evening", "one")):
        made = {"chat": chat, "config": "hybrid", "data_version": "one", "config_hash": "h", "comments": 5}
        write_table(rows_of(METRICS, made), folder, METRICS, chat, "hybrid")
        write_table(rows_of(INGESTION, {"chat": chat, "data_version": now}), folder, INGESTION, chat)
    return folder


@pytest.mark.parametrize(
    "sql", ["select chat, f1 from metrics", "select sum(comments) from metrics", "select count(*) from flips"]
)
def test_an_answer_that_may_count_a_stale_run_is_told_with_that_run(folder: DataFolder, sql: str) -> None:
    said = answer(folder, sql).stale
    assert said is not None
    assert "hybrid on arena (the chat's comments have changed since)" in said
    assert "evening" not in said


@pytest.mark.parametrize(
    "sql",
    [
        "select chat, f1 from metrics where chat = 'evening'",
        "from stale_runs",
        "select count(*) from wrong_sanctions where not is_stale",
        "from comments",
        None,
    ],
)
def test_nothing_is_told_of_stale_runs_that_an_answer_can_t_count(
    folder: DataFolder, sql: str | None
) -> None:
    assert answer(folder, sql).stale is None
