"""Damaged Parquet files: one is named, the others answer."""

from __future__ import annotations

from pathlib import Path

import pytest

from moderation_pipeline.comments.keeping.chat_leavings import take_away
from moderation_pipeline.warehouse.damage import DamagedFileError, is_damaged, left_out_told, set_aside
from moderation_pipeline.warehouse.files import read_table
from moderation_pipeline.warehouse.folder import DataFolder
from moderation_pipeline.warehouse.tables import COMMENTS, METRICS
from moderation_pipeline.warehouse.views import query
from moderation_pipeline_tests.warehouse.rows import rows_of, write_table


@pytest.fixture
def folder(tmp_path: Path) -> DataFolder:
    folder = DataFolder(tmp_path / "data")
    for chat in ("arena", "other"):
        write_table(rows_of(COMMENTS, {"chat": chat}), folder, COMMENTS, chat)
    return folder


CUT = [0, 3, 100, -1, -40]


@pytest.mark.parametrize("cut", CUT)
def test_a_file_that_was_cut_off_is_named_with_what_to_do_and_the_others_answer(
    folder: DataFolder, cut: int
) -> None:
    path = folder.warehouse / "comments" / "arena.parquet"
    path.write_bytes(path.read_bytes()[:cut])

    assert is_damaged(path)
    assert query(folder, "select chat from comments").rows() == [("other",)]
    (told,) = left_out_told(folder, ["comments", "metrics"])
    assert str(path) in told
    assert "'moderation run arena'" in told
    with pytest.raises(DamagedFileError, match=r"arena\.parquet is damaged"):
        read_table(folder, COMMENTS, "arena")


def test_a_damaged_table_of_a_run_is_made_anew_by_its_run(folder: DataFolder) -> None:
    path = write_table(
        rows_of(METRICS, {"chat": "arena", "config": "hybrid"}), folder, METRICS, "arena", "hybrid"
    )
    path.write_text("no parquet at all, edited by hand")
    assert "'moderation run arena --config hybrid'" in left_out_told(folder, ["metrics"])[0]


def test_a_chat_that_is_taken_away_leaves_no_damaged_table_that_was_set_aside(folder: DataFolder) -> None:
    made = write_table(
        rows_of(METRICS, {"chat": "arena", "config": "hybrid"}), folder, METRICS, "arena", "hybrid"
    )
    for path in (folder.warehouse / "comments" / "arena.parquet", made):
        set_aside(path)
    take_away(folder, "arena")
    assert [path for path in folder.root.rglob("*arena*") if path.exists()] == []


def test_whole_files_are_not_damaged(folder: DataFolder) -> None:
    assert left_out_told(folder, ["comments"]) == []
    assert not is_damaged(folder.warehouse / "comments" / "gone.parquet")
