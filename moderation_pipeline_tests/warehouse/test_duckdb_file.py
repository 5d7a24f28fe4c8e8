"""The file of views, with other processes at it: every shell here is a real one, in a process of its own."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

import duckdb
import pytest

from moderation_pipeline.warehouse.duckdb_file import refresh_duckdb_file, repair_duckdb_file
from moderation_pipeline.warehouse.files import read_table
from moderation_pipeline.warehouse.folder import DataFolder
from moderation_pipeline.warehouse.hardlinks import PICTURES
from moderation_pipeline.warehouse.tables import COMMENTS, TABLES
from moderation_pipeline.warehouse.views import QUESTIONS, query
from moderation_pipeline_tests.warehouse.rows import rows_of, write_table

SHELL = """
import sys, duckdb
connection = duckdb.connect(sys.argv[1])
print("open", flush=True)
for line in sys.stdin:
    print(connection.execute(line).fetchall(), flush=True)
"""


class Shell:
    """A DuckDB shell in another process."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._in: IO[str] = process.stdin  # type: ignore[assignment]
        self._out: IO[str] = process.stdout  # type: ignore[assignment]
        assert self._out.readline() == "open\n"

    def ask(self, sql: str) -> str:
        self._in.write(f"{sql}\n")
        self._in.flush()
        return self._out.readline().strip()


@contextmanager
def open_shell(path: Path) -> Iterator[Shell]:
    """Hold the file open for reading and writing, as a user's shell does."""
    with subprocess.Popen(
        [sys.executable, "-c", SHELL, str(path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        try:
            yield Shell(process)
        finally:
            assert process.stdin is not None
            process.stdin.close()
            process.wait()


@pytest.fixture
def folder(tmp_path: Path) -> DataFolder:
    return DataFolder(tmp_path / "data")


def views_in(path: Path) -> set[str]:
    with duckdb.connect(str(path), read_only=True) as connection:
        return {name for (name,) in connection.execute("show tables").fetchall()}


def test_the_file_holds_every_view(folder: DataFolder) -> None:
    assert refresh_duckdb_file(folder).outcome == "written"
    assert views_in(folder.duckdb) == {*TABLES, *QUESTIONS}


def test_every_column_of_every_view_says_what_it_means_and_a_users_own_says_what_he_wrote(
    folder: DataFolder,
) -> None:
    refresh_duckdb_file(folder)
    with duckdb.connect(str(folder.duckdb)) as connection:
        connection.execute("create table mine (chat varchar)")
        connection.execute("create table gone (chat varchar)")
        connection.execute("create view broken as from gone")
        connection.execute("drop table gone")
    (folder.warehouse / "_views.sql").unlink()
    refresh_duckdb_file(folder)
    with duckdb.connect(str(folder.duckdb), read_only=True) as connection:
        silent = connection.execute(
            "select table_name, column_name from duckdb_columns() where not internal and comment is null"
        ).fetchall()
    assert {name for name, _ in silent} <= {"mine", "broken"}
    assert ("mine", "chat") in silent


def test_the_file_is_left_alone_while_no_definition_changes(folder: DataFolder) -> None:
    refresh_duckdb_file(folder)
    before = folder.duckdb.stat()
    write_table(rows_of(COMMENTS, {"chat": "arena"}), folder, COMMENTS, "arena")
    assert refresh_duckdb_file(folder).outcome == "current"
    after = folder.duckdb.stat()
    assert (after.st_mtime_ns, after.st_ino) == (before.st_mtime_ns, before.st_ino)


def test_the_file_shows_what_was_stored_after_it_was_written(folder: DataFolder) -> None:
    refresh_duckdb_file(folder)
    write_table(rows_of(COMMENTS, {"chat": "arena", "text": "hi"}), folder, COMMENTS, "arena")
    with open_shell(folder.duckdb) as shell:
        assert shell.ask("select text from comments") == "[('hi',)]"


def test_a_folder_that_was_moved_gets_its_views_defined_anew(folder: DataFolder, tmp_path: Path) -> None:
    write_table(rows_of(COMMENTS, {"chat": "arena", "text": "hi"}), folder, COMMENTS, "arena")
    refresh_duckdb_file(folder)
    moved = DataFolder(folder.root.rename(tmp_path / "elsewhere"))
    assert refresh_duckdb_file(moved).outcome == "written"
    with open_shell(moved.duckdb) as shell:
        assert shell.ask("select text from comments") == "[('hi',)]"


@pytest.mark.parametrize("name", ["copy", "a copy's [1] *"])
def test_a_copied_folder_answers_from_itself_and_the_first_command_says_so(
    folder: DataFolder, tmp_path: Path, name: str
) -> None:
    write_table(rows_of(COMMENTS, {"chat": "arena", "text": "old"}), folder, COMMENTS, "arena")
    refresh_duckdb_file(folder)
    copied = DataFolder(tmp_path / name)
    shutil.copytree(folder.root, copied.root)
    write_table(rows_of(COMMENTS, {"chat": "arena", "text": "new"}), copied, COMMENTS, "arena")

    with open_shell(copied.duckdb) as shell:
        assert shell.ask("select text from comments") == "[('new',)]"
    assert "now holds" in str(repair_duckdb_file(copied))
    assert repair_duckdb_file(copied) is None
    with duckdb.connect() as other:  # attached it can't tell where it is, and goes by what was said last
        other.execute("attach '" + str(copied.duckdb).replace("'", "''") + "' as copied (read_only)")
        assert other.execute("select text from copied.comments").fetchall() == [("new",)]


def test_a_folder_without_the_file_gets_none_by_being_asked(folder: DataFolder) -> None:
    assert repair_duckdb_file(folder) is None
    assert not folder.root.exists()


def test_a_file_that_was_deleted_comes_back(folder: DataFolder) -> None:
    refresh_duckdb_file(folder)
    folder.duckdb.unlink()
    assert refresh_duckdb_file(folder).outcome == "written"
    assert "comments" in views_in(folder.duckdb)


def test_what_users_keep_in_the_file_stays(folder: DataFolder, tmp_path: Path) -> None:
    refresh_duckdb_file(folder)
    with open_shell(folder.duckdb) as shell:
        shell.ask("create table my_notes as select 'mine' as note")
    moved = DataFolder(folder.root.rename(tmp_path / "elsewhere"))
    refresh_duckdb_file(moved)
    with open_shell(moved.duckdb) as shell:
        assert shell.ask("select note from my_notes") == "[('mine',)]"


def test_a_held_file_is_said_to_be_held_and_stops_nobody(folder: DataFolder, tmp_path: Path) -> None:
    refresh_duckdb_file(folder)
    moved = DataFolder(folder.root.rename(tmp_path / "elsewhere"))  # so that the definitions differ
    with open_shell(moved.duckdb):
        refreshed = refresh_duckdb_file(moved)
        assert refreshed.outcome == "unwritable"
        assert str(moved.duckdb) in refreshed.says
        write_table(rows_of(COMMENTS, {"chat": "arena", "text": "hi"}), moved, COMMENTS, "arena")
        assert query(moved, "select text from comments").rows() == [("hi",)]
    assert refresh_duckdb_file(moved).outcome == "written"


def test_a_held_file_that_is_current_is_not_even_opened(folder: DataFolder) -> None:
    refresh_duckdb_file(folder)
    with open_shell(folder.duckdb):
        assert refresh_duckdb_file(folder).outcome == "current"


def test_an_open_shell_sees_new_partitions_without_being_reopened(folder: DataFolder) -> None:
    refresh_duckdb_file(folder)
    with open_shell(folder.duckdb) as shell:
        assert shell.ask("select count(*) from comments") == "[(0,)]"
        write_table(rows_of(COMMENTS, {"chat": "arena"}), folder, COMMENTS, "arena")
        assert shell.ask("select count(*) from comments") == "[(1,)]"
        write_table(rows_of(COMMENTS, {"chat": "arena"}, {"chat": "arena"}), folder, COMMENTS, "arena")
        assert shell.ask("select count(*) from comments") == "[(2,)]"


WRITER = """
import sys
from pathlib import Path
from moderation_pipeline_tests.warehouse.rows import write_table
from moderation_pipeline.warehouse.folder import DataFolder
from moderation_pipeline.warehouse.tables import COMMENTS
from moderation_pipeline_tests.warehouse.rows import rows_of

folder, names, times = DataFolder(Path(sys.argv[1])), sys.argv[2], int(sys.argv[3])
print("writing", flush=True)
for height in range(1, times + 1):
    chat = names.format(height)
    rows = ({"chat": chat, "position": height, "text": "x" * height} for _ in range(height))
    write_table(rows_of(COMMENTS, *rows), folder, COMMENTS, chat)
"""


@contextmanager
def writing(folder: DataFolder, names: str, times: int) -> Iterator[subprocess.Popen[str]]:
    """Write `times` partitions of comments in another process; the nth has n rows, each of position n."""
    command = [sys.executable, "-c", WRITER, str(folder.root), names, str(times)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as writer:
        assert writer.stdout is not None
        assert writer.stdout.readline() == "writing\n"
        yield writer
    assert writer.returncode == 0


def test_a_query_sees_one_whole_version_of_a_partition_that_is_being_rewritten(folder: DataFolder) -> None:
    write_table(rows_of(COMMENTS, {"chat": "arena", "position": 1}), folder, COMMENTS, "arena")
    sql = (
        "select count(position), min(position), max(position) from comments where text is null or text != ''"
    )
    seen: set[int] = set()
    with writing(folder, "arena", times=400) as writer:
        while writer.poll() is None:
            table = read_table(folder, COMMENTS, "arena")["position"]
            for rows, lowest, highest in (query(folder, sql).row(0), (len(table), table.min(), table.max())):
                assert rows == lowest == highest
                seen.add(rows)
    assert len(seen) > 2, "nothing was read while the writer wrote"
    assert query(folder, sql).row(0) == (400, 400, 400)


def test_a_shell_reads_whole_partitions_while_others_are_written(folder: DataFolder) -> None:
    refresh_duckdb_file(folder)
    by_chat = "select chat, count(*) as rows, max(position) as position from comments group by chat"
    torn = f"select count(*) filter (rows != position), count(*) from ({by_chat})"
    seen: set[str] = set()
    with open_shell(folder.duckdb) as shell, writing(folder, "chat-{}", times=150) as writer:
        while writer.poll() is None:
            answer = shell.ask(torn)
            assert answer.startswith("[(0, ")
            seen.add(answer)
        assert len(seen) > 2, "nothing was read while the writer wrote"
        assert shell.ask(torn) == "[(0, 150)]"


def test_no_picture_of_the_warehouse_stays_behind(folder: DataFolder) -> None:
    query(folder, "select * from comments")
    assert list((folder.root / PICTURES).glob("*")) == []


def test_the_picture_of_a_process_that_was_killed_is_swept_away_a_day_later(folder: DataFolder) -> None:
    fresh, abandoned = folder.root / PICTURES / "fresh", folder.root / PICTURES / "abandoned"
    for picture in (fresh, abandoned):
        (picture / "warehouse").mkdir(parents=True)
    os.utime(abandoned, (0, 0))
    query(folder, "select * from comments")
    assert fresh.exists()
    assert not abandoned.exists()
