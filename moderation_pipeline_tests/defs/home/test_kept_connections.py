"""An instance with kept connections and Dagster's own are one instance, used side by side."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import dagster as dg
import pytest
import sqlalchemy as db

from moderation_pipeline.defs.home.instance import instance
from moderation_pipeline.defs.home.instance_settings import SETTINGS
from moderation_pipeline.defs.home.kept_connections import FILES_KEPT_OPEN, KeptEventLog
from moderation_pipeline.warehouse.folder import DataFolder


@dg.asset
def word() -> str:
    return "made"


def made(dagster: dg.DagsterInstance) -> str:
    """Make the asset in a run, and return the run's id."""
    return dg.materialize([word], instance=dagster).run_id


def runs_of(dagster: dg.DagsterInstance) -> set[str]:
    """Return the runs that the index of all runs' events knows to have made the asset, if their own files agree."""
    records = dagster.fetch_materializations(word.key, limit=100).records
    runs = {record.event_log_entry.run_id for record in records}
    for run in runs:
        events = [entry.dagster_event for entry in dagster.all_logs(run)]
        assert any(event is not None and event.is_step_materialization for event in events)
    return runs


def open_databases() -> list[str]:
    """Return the databases that this process has open, each once."""
    links = (Path("/proc/self/fd") / each for each in os.listdir("/proc/self/fd"))
    return sorted({str(link.resolve()) for link in links if link.resolve().suffix == ".db"})


def test_what_a_terminal_s_run_did_dagster_s_own_instance_sees_and_the_other_way_round(
    tmp_path: Path,
) -> None:
    folder = DataFolder(tmp_path)
    with (
        instance(folder) as ours,
        dg.DagsterInstance.from_config(str(folder.dagster_home), SETTINGS) as stock,
    ):
        assert isinstance(ours.event_log_storage, KeptEventLog)
        assert not isinstance(stock.event_log_storage, KeptEventLog)
        runs = {made(ours), made(stock), made(ours)}
        assert runs_of(ours) == runs_of(stock) == runs
        ours.add_dynamic_partitions("chats", ["ours"])
        stock.add_dynamic_partitions("chats", ["stock"])
        assert set(ours.get_dynamic_partitions("chats")) == {"ours", "stock"}


@pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="says which files are open on Linux only")
def test_however_many_runs_there_were_few_files_are_open_and_none_at_the_end(tmp_path: Path) -> None:
    with instance(DataFolder(tmp_path)) as dagster:
        runs = {made(dagster) for _ in range(FILES_KEPT_OPEN + 2)}
        assert runs_of(dagster) == runs
        assert 2 <= len(open_databases()) <= FILES_KEPT_OPEN + 1  # and runs.db
    assert open_databases() == []


def test_threads_may_tell_and_ask_at_once(tmp_path: Path) -> None:
    with instance(DataFolder(tmp_path)) as dagster, ThreadPoolExecutor(4) as threads:
        runs = {made(dagster), made(dagster)}
        list(threads.map(lambda nth: dagster.add_dynamic_partitions("chats", [f"chat-{nth}"]), range(20)))
        assert all(asked == runs for asked in threads.map(lambda _: runs_of(dagster), range(20)))
        assert len(dagster.get_dynamic_partitions("chats")) == 20


def test_an_instance_whose_owner_chose_another_storage_has_that(tmp_path: Path) -> None:
    folder = DataFolder(tmp_path / "data")
    with instance(folder):
        pass
    own = f"storage:\n  sqlite:\n    base_dir: {tmp_path / 'elsewhere'}\n"
    for settings in folder.dagster_home.glob("*.yaml"):
        settings.write_text(own)
    with instance(folder) as dagster:
        made(dagster)
    assert list((tmp_path / "elsewhere/history/runs").glob("*.db"))


def test_of_many_that_make_the_same_run_s_file_at_once_one_does(tmp_path: Path) -> None:
    logs = [KeptEventLog(str(tmp_path)) for _ in range(4)]
    for log in logs:
        with log.run_connection("first"):
            pass

    def begun(log: KeptEventLog) -> int:
        with log.run_connection("second") as connection:
            return int(connection.execute(db.text("select count(*) from event_logs")).scalar_one())

    with ThreadPoolExecutor(len(logs)) as threads:
        assert list(threads.map(begun, logs)) == [0] * len(logs)
    assert not [each.name for each in tmp_path.iterdir() if each.name.startswith(".")]
    for log in logs:
        log.dispose()


def test_a_chat_that_was_taken_away_is_gone_at_once_here_and_elsewhere_from_the_next_run_on(
    tmp_path: Path,
) -> None:
    folder = DataFolder(tmp_path)
    with instance(folder) as here, instance(folder) as elsewhere:
        for chat in ("mine", "theirs"):
            here.add_dynamic_partitions("chats", [chat])
            assert here.has_dynamic_partition("chats", chat)
        here.delete_dynamic_partition("chats", "mine")
        assert not here.has_dynamic_partition("chats", "mine")
        elsewhere.delete_dynamic_partition("chats", "theirs")
        made(here)
        assert not here.has_dynamic_partition("chats", "theirs")
