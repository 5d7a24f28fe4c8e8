from __future__ import annotations

import signal
import subprocess
import sys
import time
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any
from uuid import uuid4

import dagster as dg
import pytest
from dagster._core.events import EngineEventData
from dagster._daemon.types import DaemonHeartbeat

from moderation_pipeline.config.config_library import ConfigLibrary
from moderation_pipeline.defs.home.instance import UnusableHomeError, instance, prepare_home
from moderation_pipeline.defs.home.live_runs import (
    BY_TERMINAL,
    alive,
    alone_with,
    end_dead_runs,
    made_by_dagster,
    under_way,
)
from moderation_pipeline.defs.resources import Unwatched
from moderation_pipeline.launch import launcher
from moderation_pipeline.moderation.run_states import changed_at
from moderation_pipeline.terminal.nights.chat_runs import ChatOutcome, Wanted, moderated
from moderation_pipeline.warehouse.folder import DataFolder
from moderation_pipeline_tests.defs.conftest import CHAT

KILLED_IN_THE_LOOP = """
import os, signal, sys
from moderation_pipeline.moderation import trace
trace.RunLog.settled = lambda self, batch: os.kill(os.getpid(), signal.SIGKILL)
from moderation_pipeline.cli import called_with
called_with(["run", sys.argv[1], "-c", "student_only"])
"""

STATUSES = dg.DagsterRunStatus


def run_under_way(dagster: dg.DagsterInstance, tags: dict[str, str], pid: int | None = None) -> str:
    """Return a run that Dagster counts as under way, in that process where it says so."""
    run = dagster.add_run(
        dg.DagsterRun(job_name="moderate", run_id=str(uuid4()), status=STATUSES.STARTED, tags=tags)
    )
    if pid is not None:
        data = EngineEventData({"pid": dg.MetadataValue.text(str(pid))})
        dagster.report_engine_event("Executing steps in process", run, data)
    return run.run_id


def pid_of_a_process_that_is_gone() -> int:
    process = subprocess.Popen([sys.executable, "-c", ""])
    process.wait()
    return process.pid


def test_a_run_whose_process_was_killed_is_over_at_the_next_start(folder: DataFolder) -> None:
    killed = subprocess.run(
        [sys.executable, "-c", KILLED_IN_THE_LOOP, CHAT], capture_output=True, check=False
    )
    assert killed.returncode == -signal.SIGKILL
    with instance(folder) as dagster:
        assert [run.status for run in dagster.get_runs(limit=1)] == [STATUSES.STARTED]
    with launcher(folder):
        pass
    with instance(folder) as dagster:
        assert [run.status for run in dagster.get_runs(limit=1)] == [STATUSES.FAILURE]


def test_a_run_of_a_terminal_that_goes_on_is_left_alone(tmp_path: Path) -> None:
    with dg.DagsterInstance.ephemeral() as dagster:
        run_id = run_under_way(dagster, {BY_TERMINAL: "true"})
        with alive(tmp_path, run_id):
            assert end_dead_runs(dagster, tmp_path) == []
        assert end_dead_runs(dagster, tmp_path) == [run_id]
        assert end_dead_runs(dagster, tmp_path) == []
    assert list((tmp_path / "live").iterdir()) == []


@pytest.mark.parametrize("is_gone", [True, False])
def test_a_run_of_the_ui_is_over_where_the_process_is_gone_that_dagster_wrote_down(
    tmp_path: Path, is_gone: bool
) -> None:
    with dg.DagsterInstance.ephemeral() as dagster:
        pid = pid_of_a_process_that_is_gone() if is_gone else None
        run_id = run_under_way(dagster, {}, pid)
        assert end_dead_runs(dagster, tmp_path) == ([run_id] if is_gone else [])
        dagster.add_daemon_heartbeat(DaemonHeartbeat(time.time(), "SCHEDULER", "daemon", []))
        run_under_way(dagster, {"dagster/partition/chat": CHAT, "dagster/partition/config": "hybrid"}, pid)
        assert list(made_by_dagster(dagster, tmp_path, CHAT)) == ([] if is_gone else ["hybrid"])


def test_of_two_nights_at_a_chat_the_second_waits_until_it_is_told_to_stop(tmp_path: Path) -> None:
    told: list[str] = []

    def stops() -> None:
        told.append("stops")
        if len(told) > 3:
            raise KeyboardInterrupt

    def second() -> AbstractContextManager[None]:
        return alone_with(tmp_path, CHAT, waits=lambda: told.append("waits"), stops=stops)

    with alone_with(tmp_path, CHAT, waits=lambda: None, stops=lambda: None):
        with pytest.raises(KeyboardInterrupt), second():
            told.append("never")
        with alone_with(tmp_path, "another", waits=lambda: told.append("never"), stops=stops):
            assert told == ["waits", "stops", "stops", "stops"]
    with second():
        told.append("alone")
    assert told[4:] == ["alone"]
    assert list((tmp_path / "live").iterdir()) == []


FRESH = {"resources": {"language_models": {"config": {"fresh": True}}}}


def asked_for(dagster: dg.DagsterInstance, config: str, status: STATUSES, **said: Any) -> dg.DagsterRun:
    """Put a run of the chat into the instance that asks models anew, as far as it has come."""
    tags = {"dagster/partition/chat": CHAT, "dagster/partition/config": config}
    given = {"job_name": "moderate", "tags": tags, "run_config": FRESH, **said}
    return dagster.add_run(dg.DagsterRun(run_id=str(uuid4()), status=status, **given))


def of_assets(*names: str) -> dict[str, Any]:
    """Return what is said of a run that *Materialize* in the UI asked for."""
    return {"job_name": "__ASSET_JOB", "asset_selection": {dg.AssetKey(name) for name in names}}


def test_of_two_nights_that_ask_models_anew_one_makes_a_run_be_the_other_dagsters(folder: DataFolder) -> None:
    wanted = Wanted([ConfigLibrary(folder).load("student_only")], run_config=FRESH, since=time.time())

    def a_night() -> ChatOutcome:
        return moderated(launch, folder, CHAT, wanted, Unwatched())

    with launcher(folder) as launch, instance(folder) as dagster:
        starting = asked_for(dagster, "student_only", STATUSES.STARTING)
        beat = DaemonHeartbeat(time.time(), "SCHEDULER", "daemon", [])
        dagster.add_daemon_heartbeat(beat)
        assert a_night() == ChatOutcome(CHAT, elsewhere=("student_only",))
        # With no daemon to look after it, it is waited for in vain.
        dagster.add_daemon_heartbeat(beat._replace(timestamp=time.time() - 600))
        launch.moderate_chat(CHAT, "student_only")
        assert a_night().made == ("student_only",), "somebody's run since then asked no model anew"
        assert a_night().current == ("student_only",)
        assert dagster.get_run_by_id(starting.run_id) == starting


def test_a_run_is_left_to_dagster_that_will_be_of_what_there_is_now_and_asks_models_anew_where_they_are(
    folder: DataFolder,
) -> None:
    changed = changed_at(folder, CHAT, "hybrid")
    with instance(folder) as dagster:
        waits = asked_for(dagster, "hybrid", STATUSES.NOT_STARTED)
        began = asked_for(dagster, "learned", STATUSES.STARTING)
        asked_for(dagster, "student_only", STATUSES.CANCELING)
        asked_for(dagster, "of no partition", STATUSES.NOT_STARTED, tags={})
        from_kept = asked_for(dagster, "expert_only", STATUSES.NOT_STARTED, run_config={"resources": None})
        by_hand = asked_for(
            dagster, "hybrid_random", STATUSES.NOT_STARTED, **of_assets("action_log", "metrics", "user_state")
        )
        asked_for(dagster, "student_memory", STATUSES.NOT_STARTED, **of_assets("metrics"))
        dagster.report_dagster_event(
            dg.DagsterEvent(event_type_value=dg.DagsterEventType.PIPELINE_START.value, job_name="moderate"),
            began.run_id,
        )
        found = under_way(dagster)
    assert {key: run.run_id for key, run in found.items()} == {
        f"{CHAT}|hybrid": waits.run_id,
        f"{CHAT}|learned": began.run_id,
        f"{CHAT}|expert_only": from_kept.run_id,
        f"{CHAT}|hybrid_random": by_hand.run_id,
    }
    assert found[f"{CHAT}|hybrid"].will_do(time.time(), fresh=True)
    assert found[f"{CHAT}|learned"].will_do(changed, fresh=True)
    assert not found[f"{CHAT}|learned"].will_do(time.time() + 1, fresh=True), "it read what was there before"
    assert found[f"{CHAT}|expert_only"].will_do(changed, fresh=False)
    assert not found[f"{CHAT}|expert_only"].will_do(changed, fresh=True)


def test_a_chat_that_was_read_is_registered_again_where_the_instance_is_newer(
    folder: DataFolder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with launcher(folder) as launch:
        launch.ingest_chat(CHAT)
    monkeypatch.setenv("DAGSTER_HOME", str(tmp_path / "another"))
    with launcher(folder) as launch:
        assert not launch.moderate_chat(CHAT, "student_only").failed_checks
        assert not launch.compare_chat(CHAT).failed_checks


@pytest.mark.parametrize("name", ["a?b", "100%25"])
def test_a_folder_that_dagster_would_take_for_another_is_refused_before_anything_is_made(
    tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("DAGSTER_HOME", raising=False)
    with pytest.raises(UnusableHomeError, match="Set DAGSTER_HOME"):
        prepare_home(DataFolder(tmp_path / name))
    assert list(tmp_path.iterdir()) == []
