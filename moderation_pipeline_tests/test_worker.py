from __future__ import annotations

import subprocess
import sys

import dagster as dg
import pytest

from moderation_pipeline.config.run_config import Config
from moderation_pipeline.config.travelling import packed
from moderation_pipeline.definitions import defs
from moderation_pipeline.defs.home.installed import OtherVersionError, installed
from moderation_pipeline.defs.home.instance import instance
from moderation_pipeline.defs.home.sent_settings import UnsentSettingsError, received, sent
from moderation_pipeline.defs.home.worker_runs import REFUSED, origin_of
from moderation_pipeline.defs.partitions import run_key
from moderation_pipeline.launch import launcher
from moderation_pipeline.warehouse.files import read_table
from moderation_pipeline.warehouse.folder import DataFolder
from moderation_pipeline.warehouse.shared_database import shared_database
from moderation_pipeline.warehouse.tables import PROVENANCE
from moderation_pipeline_tests.defs.conftest import CHAT, folder

__all__ = ["folder"]  # the fixture

WORKER = [sys.executable, "-P", "-m", "moderation_pipeline.worker"]


def asked_for(folder: DataFolder, config: str) -> str:
    """Return a run that is in the shared instance, handed to nobody."""
    with launcher(folder) as launch:
        launch.ingest_chat(CHAT)
    with instance(folder) as dagster:
        job = defs.resolve_job_def("moderate")
        assert job.partitions_def is not None
        tags = job.partitions_def.get_tags_for_partition_key(run_key(CHAT, config))
        run = dagster.create_run_for_job(
            job_def=job,
            tags=tags,
            job_code_origin=origin_of("moderate"),
            status=dg.DagsterRunStatus.STARTING,
        )
    return run.run_id


def ended(folder: DataFolder, run_id: str) -> tuple[dg.DagsterRun, list[str]]:
    with instance(folder) as dagster:
        run = dagster.get_run_by_id(run_id)
        assert run is not None
        return run, [
            entry.message for entry in dagster.all_logs(run_id, of_type=dg.DagsterEventType.RUN_FAILURE)
        ]


SUPERVISED = """
import sys, time
from moderation_pipeline.worker import end_with_supervisor
end_with_supervisor()
print("begun", flush=True)
time.sleep(600)
"""
SUPERVISOR = """
import shlex, subprocess, sys
subprocess.Popen(["/bin/sh", "-c", shlex.join(sys.argv[1:]) + "; true"], start_new_session=True).wait()
"""


def test_a_worker_ends_with_the_supervisor_that_is_killed_above_it() -> None:
    command = [sys.executable, "-c", SUPERVISOR, sys.executable, "-c", SUPERVISED]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as supervisor:
        assert supervisor.stdout is not None
        assert supervisor.stdout.readline() == "begun\n"
        supervisor.kill()
        # Read to its end, which comes when the last process that writes there has ended.
        assert "is made by another" in supervisor.stdout.read()


def test_a_worker_with_something_else_installed_refuses_and_the_run_says_why(
    folder: DataFolder, shared_store: str
) -> None:
    pytest.importorskip("dagster_postgres", reason="needs the extra fleet")
    run_id = asked_for(folder, "student_only")
    other = installed().replace("python-3", "python-2")
    done = subprocess.run([*WORKER, run_id, "0" * 16, other], capture_output=True, text=True)
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    run, said = ended(folder, run_id)
    assert run.status == dg.DagsterRunStatus.FAILURE
    assert run.tags[REFUSED] == "true"
    assert run.tags["dagster/max_retries"] == "0"
    assert "has something else installed" in said[0]
    assert "python-2" in said[0]
    assert read_table(folder, PROVENANCE, CHAT, "student_only").is_empty()
    assert shared_store.partition("@")[0] not in "".join(said)


def test_a_worker_makes_the_run_under_the_config_as_it_was_when_it_was_asked_for(
    folder: DataFolder, shared_store: str
) -> None:
    pytest.importorskip("dagster_postgres", reason="needs the extra fleet")
    config = (
        folder.configs / "hybrid.yaml"
    )  # replaces the ready-made one: a partition wherever definitions load
    config.parent.mkdir()
    config.write_text("extends: hybrid\nloop: {batch_size: 7}\n")
    engine = shared_database()
    assert engine is not None
    sent(engine, packed(folder))
    version = packed(folder).version
    run_id = asked_for(folder, "hybrid")
    config.write_text("extends: hybrid\nloop: {batch_size: 9}\n")
    done = subprocess.run([*WORKER, run_id, version, installed()], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-2000:]
    run, _ = ended(folder, run_id)
    assert run.status == dg.DagsterRunStatus.SUCCESS
    (written,) = read_table(folder, PROVENANCE, CHAT, "hybrid")["config_json"]
    assert Config.model_validate_json(written).loop.batch_size == 7
    assert shared_store


def test_settings_that_nobody_sent_are_said_to_be_missing(shared_store: str) -> None:
    engine = shared_database()
    assert engine is not None
    with pytest.raises(UnsentSettingsError, match="not in the shared store"):
        received(engine, "0" * 16)
    assert shared_store


def test_what_differs_between_two_machines_is_named_and_nothing_else() -> None:
    here = installed()
    wanted = here.replace("polars-", "polars-9")
    said = str(OtherVersionError("worker-7", wanted, here))
    assert "polars-9" in said
    assert "numpy" not in said
