from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import dagster as dg
import polars as pl
import pytest
from polars.testing import assert_frame_equal

from moderation_pipeline.definitions import defs
from moderation_pipeline.defs.home.judged_early import EARLY, early_tags, judged_early
from moderation_pipeline.synthetic.synthetic_chat import SyntheticSettings, write_synthetic
from moderation_pipeline.warehouse.files import read_table
from moderation_pipeline.warehouse.folder import DATA_VARIABLE, DataFolder
from moderation_pipeline.warehouse.tables import ACCEPTED_RUN, COMPARISON, METRIC_HISTORY, METRICS
from moderation_pipeline_tests.backends.runs import same_but_for_timing
from moderation_pipeline_tests.defs.conftest import CHAT, COMMENTS, folder, instance, knowing_its_chats

__all__ = ["folder", "instance"]  # the fixtures

WHEN = ("run_id", "started_at", "finished_at", "accepted_at")
JUDGED = (METRICS, METRIC_HISTORY, ACCEPTED_RUN)


def made(
    instance: dg.DagsterInstance, job: str, key: str, tags: Mapping[str, str] | None = None
) -> dg.DagsterRun:
    """Make a run to its end."""
    done = defs.resolve_job_def(job).execute_in_process(
        instance=instance, partition_key=key, tags=dict(tags or {})
    )
    run = instance.get_run_by_id(done.run_id)
    assert run is not None
    return run


def asked_for_after(instance: dg.DagsterInstance, run: dg.DagsterRun) -> list[dg.RunRequest]:
    event = dg.DagsterEvent(event_type_value="PIPELINE_SUCCESS", job_name=run.job_name, message="ended")
    context = dg.build_run_status_sensor_context(
        sensor_name="compare_after_success", dagster_event=event, dagster_instance=instance, dagster_run=run
    )
    answer = defs.resolve_sensor_def("compare_after_success")(context)
    assert isinstance(answer, dg.RunRequest | dg.SkipReason)
    return [answer] if isinstance(answer, dg.RunRequest) else []


def figures(folder: DataFolder, config: str) -> list[pl.DataFrame]:
    tables = [read_table(folder, table, CHAT, config).drop(WHEN, strict=False) for table in JUDGED]
    return [same_but_for_timing(table).select(~pl.selectors.contains("latency")) for table in tables]


EARLY_ONES = ("student_memory", "student_only")


def test_runs_judged_before_their_yardstick_was_there_have_in_the_end_what_they_have_in_the_other_order(
    folder: DataFolder, instance: dg.DagsterInstance, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made(instance, "ingest", CHAT)
    decided = {name: made(instance, "moderate", f"{CHAT}|{name}").run_id for name in EARLY_ONES}
    assert not judged_early(instance, folder, CHAT)
    early = [figures(folder, name) for name in EARLY_ONES]
    yardstick = made(instance, "moderate", f"{CHAT}|expert_only")
    (again,) = asked_for_after(instance, yardstick)
    assert (again.job_name, again.partition_key) == ("judge_again", CHAT)

    made(instance, "judge_again", CHAT, again.tags)
    assert not judged_early(instance, folder, CHAT)
    accepted, compared = (instance.get_runs(dg.RunsFilter(job_name=name)) for name in ("accept", "compare"))
    assert sorted(run.tags["dagster/partition/config"] for run in accepted) == list(EARLY_ONES)
    assert [asked_for_after(instance, run) for run in (*accepted, *compared)] == [[], [], []]
    assert set(read_table(folder, COMPARISON, CHAT)["config"]) == {"expert_only", *EARLY_ONES}
    late = [figures(folder, name) for name in EARLY_ONES]
    for name, before in zip(EARLY_ONES, early, strict=True):
        assert before[0]["reference_agreement_rate"].to_list() == [None]
        assert read_table(folder, METRIC_HISTORY, CHAT, name)["run_id"].to_list() == [decided[name]]

    other = DataFolder(tmp_path / "other")
    monkeypatch.setenv(DATA_VARIABLE, str(other.root))
    write_synthetic(other.chats / f"{CHAT}.jsonl", SyntheticSettings(comments=COMMENTS))
    with knowing_its_chats(other) as fresh:
        made(fresh, "ingest", CHAT)
        for config in ("expert_only", *EARLY_ONES):
            made(fresh, "moderate", f"{CHAT}|{config}")
    for name, figures_late in zip(EARLY_ONES, late, strict=True):
        for one, two in zip(figures_late, figures(other, name), strict=True):
            assert_frame_equal(one, two)


def test_runs_that_could_not_be_judged_again_are_not_asked_for_for_ever_nor_left_so_by_a_backfill_of_all(
    folder: DataFolder, instance: dg.DagsterInstance
) -> None:
    made(instance, "ingest", CHAT)
    for config in ("student_only", "expert_only"):
        made(instance, "moderate", f"{CHAT}|{config}")
    of_backfill = {"dagster/backfill": "a_backfill", "dagster/partition": CHAT}
    comparison = dg.DagsterRun("all", tags=of_backfill, asset_selection={dg.AssetKey(COMPARISON.name)})
    instance.add_run(comparison)
    (again,) = asked_for_after(instance, comparison)
    assert again.job_name == "judge_again"
    instance.add_run(dg.DagsterRun("judge_again", status=dg.DagsterRunStatus.FAILURE, tags=dict(again.tags)))
    assert judged_early(instance, folder, CHAT)
    assert EARLY not in early_tags(instance, folder, CHAT)
    assert asked_for_after(instance, comparison) == []
