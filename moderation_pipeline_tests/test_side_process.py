"""Runs that processes beside the terminal's own make: the same tables, and no way to end that is not said."""

from __future__ import annotations

import os
import shutil
import signal
import time
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from threading import Event

import dagster as dg
import polars as pl
import pytest

from benchmarks.tables_compared import compared
from moderation_pipeline.defs.home.instance import instance
from moderation_pipeline.defs.home.live_runs import UNDER_WAY
from moderation_pipeline.defs.home.side_runs import SideProcessGoneError
from moderation_pipeline.launch import Launcher, RunOutcome, launcher
from moderation_pipeline.moderation.interruption import RunInterrupted
from moderation_pipeline.terminal.exit_codes import ExitCode
from moderation_pipeline.terminal.nights.chat_runs import side_by_side
from moderation_pipeline.warehouse.folder import DataFolder
from moderation_pipeline_tests.backends.chat_server import Behaviour, ChatServer, running
from moderation_pipeline_tests.program import moderation

CONFIGS = ("student_memory", "hybrid")
ASKED = [argument for name in CONFIGS for argument in ("-c", name)]
ASKS_A_MODEL = """
student: {{backend: openai, model: tiny-judge, base_url: "{base_url}"}}
expert: none
audit: {{policy: none}}
loop: {{batch_size: 8}}
"""
KEYED = "student: {backend: openai, model: gpt-x}\nexpert: none\naudit: {policy: none}\n"


def test_runs_that_are_made_at_once_leave_the_tables_of_runs_made_in_turn_and_one_that_fails_stops_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    turns, at_once = tmp_path / "turns", tmp_path / "at_once"
    turns.mkdir()
    assert moderation(turns, "synthesize", "--comments", "120", "--seed", "3").returncode == ExitCode.OK
    shutil.copytree(turns, at_once)
    in_turn = moderation(turns, "run", *ASKED, "--jobs", "1")
    assert in_turn.returncode == ExitCode.OK, in_turn.stderr
    (at_once / "data" / "configs").mkdir()
    (at_once / "data" / "configs" / "keyed.yaml").write_text(KEYED)
    together = moderation(at_once, "run", "-c", "keyed", *ASKED, "--jobs", "2")

    assert together.returncode == ExitCode.FAILED, together.stderr
    assert "The run of keyed failed: The config asks for backend 'openai'" in together.stderr
    tables = compared(turns / "data", at_once / "data")
    assert sum(table.rows for table in tables) > 120 * 4 * len(CONFIGS)
    assert [table for table in tables if table.differences] == []
    runs = [line.split(":")[0] for line in together.stderr.splitlines() if "120 comments in" in line]
    assert runs == [f"synthetic under {name}" for name in CONFIGS]


@pytest.fixture
def asked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[DataFolder, ChatServer]]:
    """Return a folder with a chat and a config that asks a model which takes a second, and the model's server."""
    folder = DataFolder(tmp_path)
    folder.configs.mkdir()
    folder.chats.mkdir()
    lines = "".join(f'{{"text": "hello number {i}", "user_id": "u{i}"}}\n' for i in range(24))
    (folder.chats / "chat.jsonl").write_text(lines)
    monkeypatch.setenv("MODERATION_DATA", str(tmp_path))
    with running(Behaviour(latency_s=1.0)) as server:
        (folder.configs / "asks.yaml").write_text(ASKS_A_MODEL.format(base_url=server.base_url))
        yield folder, server


def test_however_a_process_beside_ends_it_is_said_and_no_run_stays_under_way(
    asked: tuple[DataFolder, ChatServer],
) -> None:
    folder, server = asked
    with launcher(folder) as launch, ThreadPoolExecutor() as pool:
        launch.ingest_chat("chat")
        launch.allow(2)
        before = children()

        def under_way() -> Future[RunOutcome]:
            calls = server.calls
            run = pool.submit(launch.moderate_chat, "chat", "asks")
            while server.calls < calls + 8:
                assert not run.done(), run.result()
                time.sleep(0.05)
            return run

        run = under_way()
        (process,) = children() - before
        os.kill(process, signal.SIGKILL)
        with pytest.raises(SideProcessGoneError, match=r"chat\|asks was ended by SIGKILL.* --jobs 1"):
            run.result()
        with instance(folder) as dagster:
            assert dagster.get_runs(dg.RunsFilter(statuses=UNDER_WAY)) == []

        run = under_way()
        launch.stop()
        with pytest.raises(RunInterrupted):
            run.result()
        assert server.calls < 2 * 24  # neither was made to its end
    assert children() <= before
    with instance(folder) as dagster:
        assert dagster.get_runs(dg.RunsFilter(statuses=UNDER_WAY)) == []


def test_what_waits_for_its_turn_to_be_compared_is_not_begun_once_a_command_is_stopped(
    tmp_path: Path,
) -> None:
    with launcher(DataFolder(tmp_path / "data")) as launch:
        assert not launch.is_at_it
        launch.stop()
        with pytest.raises(RunInterrupted):
            launch.compare_chat("monday")


def children() -> set[int]:
    """Return the processes that this one has begun."""
    threads = Path("/proc/self/task").glob("*/children")
    return {int(each) for thread in threads for each in thread.read_text("ascii").split()}


def test_a_signal_is_heard_while_others_make_the_runs() -> None:
    pl.LazyFrame({"a": [1]}).collect()  # From then on a lock is waited for whatever signals come.
    stopped = Event()

    class Waiting(Launcher):
        def __init__(self) -> None:
            """Wait for nobody's runs."""

        @property
        def at_once(self) -> int:
            return 2

        @property
        def is_at_it(self) -> bool:
            return False

        def stop(self) -> None:
            stopped.set()

    def waits(_: int) -> bool:
        os.kill(os.getpid(), signal.SIGTERM)
        return stopped.wait(60)

    with pytest.raises(RunInterrupted, match="SIGTERM"):
        list(side_by_side(Waiting(), waits, [1]))
    assert stopped.is_set()
