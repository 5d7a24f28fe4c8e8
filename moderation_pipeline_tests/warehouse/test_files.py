from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from moderation_pipeline.slugs import BadSlugError
from moderation_pipeline.warehouse.files import (
    ForeignRowsError,
    SchemaMismatchError,
    ensure_schema_files,
    is_stored,
    partition_path,
    read_table,
    replaced_atomically,
)
from moderation_pipeline.warehouse.folder import DataFolder
from moderation_pipeline.warehouse.tables import ACTION_LOG, COMMENTS, TABLES, Table
from moderation_pipeline_tests.warehouse.rows import rows_of, write_table


@pytest.fixture
def folder(tmp_path: Path) -> DataFolder:
    return DataFolder(tmp_path / "data")


def comment(chat: str, comment_id: str) -> pl.DataFrame:
    return rows_of(COMMENTS, {"chat": chat, "comment_id": comment_id})


def action(chat: str, config: str, comment_id: str = "c1") -> pl.DataFrame:
    return rows_of(ACTION_LOG, {"chat": chat, "config": config, "comment_id": comment_id})


def test_what_was_written_is_read_back(folder: DataFolder) -> None:
    written = comment("arena", "c1")
    path = write_table(written, folder, COMMENTS, "arena")
    assert path == folder.warehouse / "comments" / "arena.parquet"
    assert read_table(folder, COMMENTS, "arena").equals(written)


def test_a_run_is_a_file_of_its_own_and_can_be_read_by_chat_by_config_or_all_at_once(
    folder: DataFolder,
) -> None:
    for chat, config in (("arena", "hybrid"), ("arena", "rules"), ("dash", "hybrid")):
        write_table(action(chat, config), folder, ACTION_LOG, chat, config)

    def runs(chat: str | None = None, config: str | None = None) -> list[tuple[str, str]]:
        return read_table(folder, ACTION_LOG, chat, config).select("chat", "config").rows()

    assert runs() == [("arena", "hybrid"), ("arena", "rules"), ("dash", "hybrid")]
    assert runs(chat="arena") == [("arena", "hybrid"), ("arena", "rules")]
    assert runs(config="hybrid") == [("arena", "hybrid"), ("dash", "hybrid")]
    assert runs("arena", "rules") == [("arena", "rules")]


@pytest.mark.parametrize("table", TABLES.values(), ids=TABLES)
def test_an_empty_warehouse_answers_with_no_rows(folder: DataFolder, table: Table) -> None:
    assert read_table(folder, table).equals(table.empty())


def test_a_partition_is_replaced_not_added_to(folder: DataFolder) -> None:
    write_table(comment("arena", "old"), folder, COMMENTS, "arena")
    write_table(comment("arena", "new"), folder, COMMENTS, "arena")
    assert read_table(folder, COMMENTS, "arena")["comment_id"].to_list() == ["new"]


@pytest.mark.parametrize(
    ("frame", "said"),
    [
        (comment("arena", "c1").drop("text"), "column 'text' is missing"),
        (comment("arena", "c1").with_columns(mood=pl.lit(1)), "column 'mood' is not declared"),
        (
            comment("arena", "c1").with_columns(position=pl.lit(1, pl.Int32)),
            "column 'position' is Int32, declared as Int64",
        ),
        (
            comment("arena", "c1").with_columns(sent_at=pl.lit(None, pl.Datetime("us"))),
            "column 'sent_at' is Datetime(time_unit='us', time_zone=None), declared as",
        ),
    ],
)
def test_a_frame_that_differs_from_its_schema_is_refused_by_the_columns_name(
    folder: DataFolder, frame: pl.DataFrame, said: str
) -> None:
    with pytest.raises(SchemaMismatchError) as refusal:
        write_table(frame, folder, COMMENTS, "arena")
    assert said in str(refusal.value)
    assert "'comments'" in str(refusal.value)
    assert not is_stored(folder, COMMENTS, "arena")


def test_the_order_of_columns_is_no_difference(folder: DataFolder) -> None:
    frame = comment("arena", "c1")
    write_table(frame.select(reversed(frame.columns)), folder, COMMENTS, "arena")
    assert read_table(folder, COMMENTS, "arena").columns == list(COMMENTS.schema)


@pytest.mark.parametrize(
    ("frame", "culprit"),
    [(action("dash", "hybrid"), "'dash'"), (action("arena", "rules"), "'rules'")],
)
def test_rows_of_another_partition_are_refused(folder: DataFolder, frame: pl.DataFrame, culprit: str) -> None:
    with pytest.raises(ForeignRowsError, match=culprit):
        write_table(frame, folder, ACTION_LOG, "arena", "hybrid")


@given(st.text())
def test_no_name_leads_out_of_its_tables_folder(name: str) -> None:
    folder = DataFolder(Path("/data"))
    try:
        path = partition_path(folder, ACTION_LOG, name, name)
    except BadSlugError:
        return
    assert path.parent.parent == folder.warehouse / "action_log"
    assert path.resolve() == path


@pytest.mark.parametrize("name", ["..", "a/b", "a[0]", "a|b", "", "_schema", "Ä", "a.b", "a\n"])
def test_names_that_were_seen_to_go_astray_are_refused(folder: DataFolder, name: str) -> None:
    with pytest.raises(BadSlugError):
        partition_path(folder, COMMENTS, name)


def test_a_file_from_before_a_column_was_added_reads_as_null_there(folder: DataFolder) -> None:
    path = write_table(comment("arena", "c1"), folder, COMMENTS, "arena")
    pl.read_parquet(path).drop("is_me").with_columns(gone=pl.lit(1)).write_parquet(path)
    read = read_table(folder, COMMENTS, "arena")
    assert read.schema == COMMENTS.schema
    assert read["is_me"].to_list() == [None]


def test_a_writer_that_fails_leaves_what_was_there(tmp_path: Path) -> None:
    path = tmp_path / "a.parquet"
    path.write_text("whole")

    def fail_half_way() -> None:
        with replaced_atomically(path) as temporary:
            temporary.write_text("ha")
            raise OSError("disk full")

    with pytest.raises(OSError, match="disk full"):
        fail_half_way()
    assert path.read_text() == "whole"
    assert [each.name for each in tmp_path.iterdir()] == ["a.parquet"]


def test_two_writers_of_one_partition_never_share_a_file(tmp_path: Path) -> None:
    path = tmp_path / "a.parquet"
    with replaced_atomically(path) as one, replaced_atomically(path) as other:
        one.write_text("one")
        other.write_text("other")
        assert not path.exists()
    assert path.read_text() == "one"  # whoever ends last, whole


def test_a_schema_file_that_says_something_else_than_the_code_is_replaced(folder: DataFolder) -> None:
    stale = folder.warehouse / "comments" / "_schema.parquet"
    stale.parent.mkdir(parents=True)
    pl.DataFrame({"chat": ["old"]}).write_parquet(stale)
    ensure_schema_files(folder)
    assert pl.read_parquet(stale).equals(COMMENTS.empty())
    assert {path.parent.name for path in folder.warehouse.glob("*/_schema.parquet")} == set(TABLES)
