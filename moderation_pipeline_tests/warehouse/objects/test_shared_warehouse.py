"""What one machine makes the others see: whole, of one making, and nothing fetched twice."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from moderation_pipeline.errors import ModerationError
from moderation_pipeline.warehouse.files import partition_path, read_table
from moderation_pipeline.warehouse.folder import WAREHOUSE_VARIABLE, DataFolder
from moderation_pipeline.warehouse.objects.catalogue import Scope
from moderation_pipeline.warehouse.objects.object_store import ObjectStore, sha256_of
from moderation_pipeline.warehouse.objects.parts import PublishedPart
from moderation_pipeline.warehouse.objects.shared_warehouse import SharedWarehouse, shared_warehouse
from moderation_pipeline.warehouse.tables import ACTION_LOG, LOOP_TABLES
from moderation_pipeline_tests.warehouse.objects.machines import (
    OF_A_RUN,
    RUN,
    catalogue,
    heights,
    machine,
    make_run,
    write_run,
)


class CountingStore(ObjectStore):
    """Counts what is put and fetched; while it is `away` it can't be reached."""

    def __init__(self, address: str) -> None:
        super().__init__(address, pauses_s=(), sleep=lambda _: None)
        self.puts, self.fetches, self.is_away = 0, 0, False

    def put(self, path: Path, sha256: str) -> None:
        self.puts += 1
        super().put(path, sha256)

    def fetch(self, sha256: str, size: int, to: Path) -> None:
        self.fetches += 1
        super().fetch(sha256, size, to)

    def _put_whole(self, path: Path, place: str) -> None:
        if self.is_away:
            raise ConnectionError("nobody there")
        super()._put_whole(path, place)


@pytest.fixture
def store(shared_store: str, tmp_path: Path) -> CountingStore:  # noqa: ARG001  (the catalogue's database)
    return CountingStore(f"file://{tmp_path / 'store'}")


@pytest.fixture
def here(tmp_path: Path, store: CountingStore) -> SharedWarehouse:
    return machine(tmp_path / "here", store)


@pytest.fixture
def there(tmp_path: Path, store: CountingStore) -> SharedWarehouse:
    return machine(tmp_path / "there", store)


def objects(tmp_path: Path) -> int:
    return sum(path.is_file() for path in (tmp_path / "store").rglob("*"))


def test_what_one_machine_made_another_has_byte_for_byte(
    here: SharedWarehouse, there: SharedWarehouse
) -> None:
    log, head = here.folder.run_log("arena", "hybrid"), here.folder.learned_head("arena", "hybrid")
    with here.made_here([RUN]):
        write_run(here.folder, 3)
        for path in (log, head.with_suffix(".npz"), head / "2.json"):
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(path.name.encode())
    there.follow()
    made = {path.relative_to(here.folder.root): path.read_bytes() for path in published_files(here)}
    assert made == {path.relative_to(there.folder.root): path.read_bytes() for path in published_files(there)}
    assert len(made) == len(OF_A_RUN) + 3


def published_files(at: SharedWarehouse) -> list[Path]:
    files = (path for path in at.folder.root.rglob("*") if path.is_file())
    return sorted(path for path in files if ".mirror" not in path.parts and path.name != "_schema.parquet")


def test_nothing_is_fetched_twice_nor_put_twice(
    here: SharedWarehouse, there: SharedWarehouse, store: CountingStore
) -> None:
    make_run(here, 1)
    there.follow()
    fetched, put = store.fetches, store.puts
    there.follow()
    here.publish([RUN])
    assert (store.fetches, store.puts) == (fetched, put)


def test_an_object_that_is_several_files_is_fetched_once(
    here: SharedWarehouse, there: SharedWarehouse, store: CountingStore
) -> None:
    make_run(here, 0)
    make_run(here, 0, PublishedPart("run", "arena", "other"))
    there.follow(Scope(places=frozenset({"action_log"})))
    make_run(here, 0, PublishedPart("run", "arena", "third"))
    there.follow(Scope(places=frozenset({"action_log"})))
    assert store.fetches == 1
    assert partition_path(there.folder, ACTION_LOG, "arena", "third").exists()


def test_a_run_is_published_with_its_last_table_and_not_before(
    here: SharedWarehouse, there: SharedWarehouse
) -> None:
    with here.made_here([RUN]):
        write_run(here.folder, 1)
        there.follow()
        assert heights(there.folder) == {0}
    there.follow()
    assert heights(there.folder) == {1}


def test_of_two_machines_that_make_one_run_the_last_wins_and_nothing_is_mixed(
    here: SharedWarehouse, there: SharedWarehouse, tmp_path: Path, store: CountingStore
) -> None:
    third = machine(tmp_path / "third", store)
    with here.made_here([RUN]):
        write_run(here.folder, 1)
        with there.made_here([RUN]):
            write_run(there.folder, 2)
        third.follow()
        assert heights(third.folder) == {2}
    third.follow()
    there.follow()
    assert heights(third.folder) == heights(there.folder) == {1}


def test_many_that_publish_at_once_leave_one_making_in_every_snapshot(
    tmp_path: Path, store: CountingStore
) -> None:
    writers = [machine(tmp_path / f"writer_{n}", store) for n in range(4)]

    def write(n: int) -> None:
        for _ in range(5):
            make_run(writers[n], n + 1)

    threads = [threading.Thread(target=write, args=(n,)) for n in range(4)]
    for thread in threads:
        thread.start()
    reader = machine(tmp_path / "reader", store)
    seen = []
    while any(thread.is_alive() for thread in threads):
        with reader.followed(Scope()):
            seen.append(heights(reader.folder))
    reader.follow()
    assert all(len(each) == 1 for each in [*seen, heights(reader.folder)])


def test_files_of_one_size_and_one_moment_are_told_apart(
    here: SharedWarehouse, there: SharedWarehouse
) -> None:
    for at, rows in ((here, 1), (there, 2)):
        with at.made_here([RUN]):
            write_run(at.folder, rows)
            for table in OF_A_RUN:
                os.utime(partition_path(at.folder, table, "arena", "hybrid"), (0, 0))
    sizes = {partition_path(at.folder, ACTION_LOG, "arena", "hybrid").stat().st_size for at in (here, there)}
    assert len(sizes) == 1, "what this test is about"
    here.follow()
    assert heights(here.folder) == {2}


def test_a_run_that_is_made_here_is_not_overwritten_meanwhile(
    here: SharedWarehouse, there: SharedWarehouse
) -> None:
    make_run(here, 1)
    there.follow()
    with there.made_here([RUN]):
        write_run(there.folder, 2)
        make_run(here, 3)
        there.follow()
        assert heights(there.folder) == {2}
    here.follow()
    assert heights(here.folder) == {2}


def test_a_table_that_the_next_making_lacks_is_gone_elsewhere_too(
    here: SharedWarehouse, there: SharedWarehouse
) -> None:
    make_run(here, 1)
    there.follow()
    with here.made_here([RUN]):
        write_run(here.folder, 2, tables=LOOP_TABLES)
        for table in (each for each in OF_A_RUN if each not in LOOP_TABLES):
            partition_path(here.folder, table, "arena", "hybrid").unlink()
    there.follow()
    assert {path.parts[-3] for path in published_files(there)} == {table.name for table in LOOP_TABLES}


def test_a_chat_that_is_forgotten_is_gone_elsewhere_and_what_was_never_published_stays(
    here: SharedWarehouse, there: SharedWarehouse
) -> None:
    make_run(here, 1)
    make_run(here, 1, PublishedPart("run", "stream", "hybrid"))
    there.follow()
    write_run(there.folder, 4, PublishedPart("run", "own", "hybrid"))
    make_run(here, 2)
    here.forget("arena")
    there.follow()
    assert heights(there.folder) == {0}
    assert not (there.folder.warehouse / "action_log" / "arena").exists()
    assert heights(there.folder, PublishedPart("run", "stream", "hybrid")) == {1}
    assert heights(there.folder, PublishedPart("run", "own", "hybrid")) == {4}


def test_a_chats_files_travel_with_their_folders_times(here: SharedWarehouse, there: SharedWarehouse) -> None:
    chat = here.folder.chats / "arena"
    (chat / "day").mkdir(parents=True)
    for path in (chat / "day" / "1.csv", chat / "2.csv", chat.with_name("arena.columns.yaml")):
        path.write_text(path.name)
    written = [
        chat,
        chat / "day",
        chat / "day" / "1.csv",
        chat / "2.csv",
        chat.with_name("arena.columns.yaml"),
    ]
    with here.made_here([PublishedPart("log", "arena")], lambda _: written):
        pass
    there.follow()
    for path in written:
        copy = there.folder.root / path.relative_to(here.folder.root)
        assert copy.stat().st_mtime_ns == path.stat().st_mtime_ns
    (chat / "2.csv").unlink()
    here.publish([PublishedPart("log", "arena")], lambda _: [each for each in written if each.exists()])
    there.follow()
    assert not (there.folder.chats / "arena" / "2.csv").exists()
    assert (there.folder.chats / "arena").stat().st_mtime_ns == chat.stat().st_mtime_ns


def test_a_chats_file_that_was_written_here_since_is_not_overwritten(
    here: SharedWarehouse, there: SharedWarehouse
) -> None:
    path = here.folder.chats / "arena.csv"
    path.parent.mkdir(parents=True)
    path.write_text("as it was")
    here.publish([PublishedPart("log", "arena")], lambda _: [path])
    there.follow()
    copy = there.folder.chats / "arena.csv"
    copy.write_text("as it is")
    there.follow()
    assert copy.read_text() == "as it is"


KILLED = """
import os, sys, signal
from pathlib import Path
from moderation_pipeline.warehouse.objects.object_store import ObjectStore
from moderation_pipeline_tests.warehouse.objects.machines import RUN, machine, write_run
class Dies(ObjectStore):
    def put(self, path, sha256):
        super().put(path, sha256)
        if sys.argv[3] == "while it puts":
            os.kill(os.getpid(), signal.SIGKILL)
here = machine(Path(sys.argv[1]), Dies(sys.argv[2]))
with here.made_here([RUN]):
    write_run(here.folder, 2)
    if sys.argv[3] == "before it is through":
        os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.mark.parametrize("when", ["before it is through", "while it puts"])
def test_a_worker_that_is_killed_before_the_catalogue_leaves_what_was(
    here: SharedWarehouse, there: SharedWarehouse, store: CountingStore, when: str
) -> None:
    make_run(there, 1)
    killed = subprocess.run([sys.executable, "-c", KILLED, str(here.folder.root), store.address, when])
    assert killed.returncode == -signal.SIGKILL
    there.follow()
    assert heights(there.folder) == {1}
    # Whoever comes next on its machine publishes what was whole, and takes away what was not.
    here.follow()
    there.follow()
    expected = {2} if when == "while it puts" else {1}
    assert heights(here.folder) == heights(there.folder) == expected


def test_a_run_that_nobody_finished_is_taken_away(here: SharedWarehouse, store: CountingStore) -> None:
    arguments = [str(here.folder.root), store.address, "before it is through"]
    subprocess.run([sys.executable, "-c", KILLED, *arguments])
    assert heights(here.folder) == {2}
    here.follow()
    assert heights(here.folder) == {0}


def test_a_run_that_fails_after_its_loop_is_published_as_one_machine_would_keep_it(
    here: SharedWarehouse, there: SharedWarehouse
) -> None:
    def fail() -> None:
        with here.made_here([RUN]):
            write_run(here.folder, 1, tables=LOOP_TABLES)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    there.follow()
    assert read_table(there.folder, ACTION_LOG, "arena", "hybrid").height == 1


def test_of_a_run_that_fails_before_its_tables_nothing_is_published(
    here: SharedWarehouse, there: SharedWarehouse
) -> None:
    log = here.folder.run_log("arena", "hybrid")
    with here.made_here([RUN]):
        write_run(here.folder, 1)
        log.parent.mkdir(parents=True)
        log.write_text("all of it")

    def fail() -> None:
        with here.made_here([RUN]):
            log.write_text("half")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    here.follow()
    there.follow()
    assert [at.folder.run_log("arena", "hybrid").read_text() for at in (here, there)] == ["all of it"] * 2


def test_what_could_not_be_put_is_put_by_the_next_command(
    here: SharedWarehouse, there: SharedWarehouse, store: CountingStore
) -> None:
    make_run(here, 1)
    store.is_away = True
    with pytest.raises(ModerationError, match=r"could not be reached in 1 tries .* the same command goes on"):
        make_run(here, 2)
    there.follow()
    assert heights(there.folder) == {1}
    store.is_away = False
    here.follow()
    there.follow()
    assert heights(here.folder) == heights(there.folder) == {2}


def test_objects_that_nothing_names_are_swept_once_they_are_old(
    here: SharedWarehouse, there: SharedWarehouse, tmp_path: Path
) -> None:
    make_run(here, 1)
    before = objects(tmp_path)
    make_run(here, 2)
    assert here.sweep(0, really=True).objects == 0, "the first objects were replaced a moment ago"
    two_days_pass(tmp_path)
    assert here.sweep(0, really=False).objects == before
    assert here.sweep(0, really=True).objects == before
    assert here.sweep(0, really=True).objects == 0
    there.follow()
    assert heights(there.folder) == {2}


def test_what_is_published_anew_while_it_is_swept_is_put_again(
    here: SharedWarehouse, there: SharedWarehouse, tmp_path: Path
) -> None:
    make_run(here, 1)
    make_run(here, 2)
    two_days_pass(tmp_path)
    names = [path.name for path in (tmp_path / "store").rglob("*") if path.is_file()]
    condemned = catalogue().condemn(names, age_s=0)
    assert condemned
    make_run(here, 1)
    here.sweep(0, really=True)
    there.follow()
    assert heights(there.folder) == {1}


def two_days_pass(tmp_path: Path) -> None:
    """Have all that was put and replaced be two days older."""
    from sqlalchemy import text

    from moderation_pipeline.warehouse.shared_database import in_transaction, shared_database

    for path in (tmp_path / "store").rglob("*"):
        if path.is_file():
            then = path.stat().st_mtime - 2 * 86_400
            os.utime(path, (then, then))
    database = shared_database()
    assert database is not None
    older = text("update moderation.warehouse_retired set retired_at = retired_at - interval '2 days'")
    in_transaction(database, lambda connection: connection.execute(older) and None)


def test_a_file_whose_object_is_lost_is_named_and_left_out_until_it_is_made_anew(
    here: SharedWarehouse, there: SharedWarehouse, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    make_run(here, 1)
    there.follow()
    make_run(here, 2)
    log = partition_path(here.folder, ACTION_LOG, "arena", "hybrid")
    (lost,) = (tmp_path / "store").rglob(sha256_of(log))
    lost.unlink()
    there.follow()
    assert "warehouse/action_log/arena/hybrid.parquet is left out of every answer. Object" in caplog.text
    assert heights(there.folder) == {0, 2}
    make_run(there, 2)
    third = machine(tmp_path / "third", ObjectStore(f"file://{tmp_path / 'store'}"))
    third.follow()
    assert heights(third.folder) == {2}


def test_a_catalogue_that_names_a_file_outside_is_not_believed(
    here: SharedWarehouse, there: SharedWarehouse
) -> None:
    from sqlalchemy import text

    from moderation_pipeline.warehouse.shared_database import in_transaction, shared_database

    make_run(here, 1)
    database = shared_database()
    assert database is not None
    foreign = text(
        "update moderation.warehouse_files set path = 'results/../../outside' where place = 'metrics'"
    )
    in_transaction(database, lambda connection: connection.execute(foreign) and None)
    with pytest.raises(ModerationError, match=r"names the file 'results/../../outside'"):
        there.follow()


def test_a_warehouse_without_a_catalogue_is_an_error_that_shows_no_secret(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("MODERATION_STORE", raising=False)
    monkeypatch.setenv(WAREHOUSE_VARIABLE, "s3://key:secret@bucket/prefix?token=secret")
    with pytest.raises(ModerationError, match="MODERATION_STORE is not set") as raised:
        shared_warehouse(DataFolder(tmp_path))
    assert "secret" not in str(raised.value)
    assert "s3://bucket/prefix" in str(raised.value)


def test_alone_there_is_no_shared_warehouse(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(WAREHOUSE_VARIABLE, raising=False)
    assert shared_warehouse(DataFolder(tmp_path)) is None
