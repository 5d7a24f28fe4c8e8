"""Runs that processes beside the terminal's own make: the same tables, and no way to end that is not said."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import dagster as dg
import pytest

from benchmarks.tables_compared import compared
from moderation_pipeline.defs.home.instance import instance
from moderation_pipeline.defs.home.live_runs import UNDER_WAY
from moderation_pipeline.terminal.exit_codes import ExitCode
from moderation_pipeline.warehouse.folder import DataFolder
from moderation_pipeline_tests.backends.chat_server import Behaviour, running
from moderation_pipeline_tests.program import moderation

CONFIGS = ("student_memory", "hybrid")
ASKED = [argument for name in CONFIGS for argument in ("-c", name)]
ASKS_A_MODEL = """
student: {{backend: openai, model: {name}, base_url: "{base_url}"}}
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


def children_of(pid: int) -> list[int]:
    threads = Path(f"/proc/{pid}/task").glob("*/children")
    return [int(each) for thread in threads for each in thread.read_text("ascii").split()]


@pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="no /proc to find processes in")
def test_however_processes_beside_end_it_is_said_and_no_run_stays_under_way(tmp_path: Path) -> None:
    data = tmp_path / "data"
    (data / "configs").mkdir(parents=True)
    (data / "chats").mkdir()
    lines = "".join(f'{{"text": "hello number {i}", "user_id": "u{i}"}}\n' for i in range(24))
    (data / "chats" / "chat.jsonl").write_text(lines)
    program = [
        sys.executable,
        "-m",
        "moderation_pipeline.cli",
        "run",
        "chat",
        "-j",
        "2",
        "-c",
        "one",
        "-c",
        "two",
    ]
    with running(Behaviour(latency_s=1.0)) as server:
        for name in ("one", "two"):
            (data / "configs" / f"{name}.yaml").write_text(
                ASKS_A_MODEL.format(base_url=server.base_url, name=name)
            )

        def under_way() -> subprocess.Popen[str]:
            environment = {**os.environ, "MODERATION_DATA": str(data)}
            asked = server.calls
            process = subprocess.Popen(program, env=environment, stderr=subprocess.PIPE, text=True)
            while server.calls < asked + 8:
                assert process.poll() is None, process.communicate()
                time.sleep(0.05)
            return process

        process = under_way()
        process.send_signal(signal.SIGTERM)
        _, error = process.communicate()
        assert (process.returncode, error.splitlines()[-1]) == (ExitCode.TERMINATED, "Terminated.")
        assert "Traceback" not in error
        assert server.calls < 2 * 24  # they were not made to their ends first

        process = under_way()
        for pid in children_of(process.pid):
            os.kill(pid, signal.SIGKILL)
        _, error = process.communicate()
        assert process.returncode == ExitCode.FAILED
        assert "The process that made the run chat|one was ended by SIGKILL" in error
        assert "--jobs 1" in error
    with instance(DataFolder(data)) as dagster:
        assert dagster.get_runs(dg.RunsFilter(statuses=UNDER_WAY)) == []
