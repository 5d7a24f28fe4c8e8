"""Whether a run that failed is tried again: by Dagster's daemon, by its own decision, and by a terminal's night."""

from __future__ import annotations

from pathlib import Path

import dagster as dg
import pytest
from dagster._core.events import RunFailureReason
from dagster._core.execution.retries import auto_reexecution_should_retry_run

from moderation_pipeline.backends.keys import MissingKeyError
from moderation_pipeline.backends.language_model import DailyBudgetSpentError, FatalBackendError
from moderation_pipeline.definitions import defs
from moderation_pipeline.defs.home.run_tries import IN_VAIN, hopeless_is_marked
from moderation_pipeline.defs.home.worker_runs import Asking, LastingWorkerRunError
from moderation_pipeline.defs.partitions import run_key
from moderation_pipeline.warehouse.folder import DataFolder
from moderation_pipeline_tests.defs.conftest import CHAT

TRIED_TWICE = {"dagster/max_retries": "1", "dagster/retry_on_asset_or_op_failure": "true"}
"""As the schedule asks for its runs."""


def is_tried_again(dagster: dg.DagsterInstance, run_id: str) -> bool:
    failed = dagster.get_run_by_id(run_id)
    assert failed is not None
    return bool(auto_reexecution_should_retry_run(dagster, failed, RunFailureReason.STEP_FAILURE))


@pytest.mark.parametrize(
    ("error", "is_lasting"),
    [
        (MissingKeyError("together", "TOGETHER_API_KEY"), True),
        (DailyBudgetSpentError("spent"), True),
        (FatalBackendError("nobody answers"), False),
        (OSError("a disk is away"), False),
    ],
)
def test_what_fails_for_a_reason_that_lasts_is_not_tried_again(error: Exception, *, is_lasting: bool) -> None:
    with dg.DagsterInstance.ephemeral() as dagster:
        made = dagster.create_run_for_job(defs.resolve_job_def("synthesize"), tags=TRIED_TWICE)
        with pytest.raises(type(error)), hopeless_is_marked(dagster, made.run_id):
            raise error
        dagster.report_run_failed(made)
        assert is_tried_again(dagster, made.run_id) is not is_lasting


def test_a_terminal_does_not_ask_workers_again_for_a_run_without_its_key(
    folder: DataFolder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("TOGETHER_API_KEY", raising=False)
    folder.configs.mkdir(parents=True)
    (folder.configs / "student_only.yaml").write_text(KEYED)
    with dg.DagsterInstance.local_temp(str(tmp_path), overrides={"run_launcher": MADE_HERE}) as dagster:
        dagster.add_dynamic_partitions("chats", [CHAT])
        defs.resolve_job_def("ingest").execute_in_process(instance=dagster, partition_key=CHAT)
        moderate, key = defs.resolve_job_def("moderate"), run_key(CHAT, "student_only")
        with pytest.raises(LastingWorkerRunError, match="TOGETHER_API_KEY is not set"):
            Asking(dagster).made(moderate, key, None, {})
        (failed,) = dagster.get_runs(dg.RunsFilter(job_name="moderate"))
    assert failed.tags[IN_VAIN] == "true"


MADE_HERE = {
    "module": "dagster._core.launcher.sync_in_memory_run_launcher",
    "class": "SyncInMemoryRunLauncher",
}
"""A worker that is this process."""

KEYED = """
student: {backend: together, model: some/model}
expert: none
memory: null
audit: {policy: none}
"""
