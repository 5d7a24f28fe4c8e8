"""Backfills whose configs are chosen: what needs something is skipped and said, and nothing is spent."""

from __future__ import annotations

import dagster as dg
import pytest

from moderation_pipeline.definitions import defs
from moderation_pipeline.defs.presets import chosen
from moderation_pipeline.warehouse.files import read_table
from moderation_pipeline.warehouse.folder import DataFolder
from moderation_pipeline.warehouse.tables import COMMENTS, COMPARISON
from moderation_pipeline_tests.defs.conftest import CHAT
from moderation_pipeline_tests.warehouse.rows import rows_of, write_table


@pytest.mark.parametrize("key", ["", "sk-paid"])
def test_what_needs_a_key_a_model_or_labels_is_skipped_and_said(
    folder: DataFolder, monkeypatch: pytest.MonkeyPatch, key: str
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", key)
    write_table(rows_of(COMMENTS, {"chat": "unlabelled"}), folder, COMMENTS, "unlabelled")
    folder.configs.mkdir(parents=True)
    (folder.configs / "wrong.yaml").write_text("studnt: rules\n")
    configs, skipped = chosen(folder, "unlabelled", ())
    names = [each.name for each in configs]
    assert {"hybrid", "learned", "certified", "student_only"} <= set(names)
    assert not {"openai", "together", "local", "decisions", "learned_labels", "wrong"} & set(names)
    assert names[0] == "expert_only"
    assert "learned_labels needs labels" in skipped
    assert any(each.startswith("openai needs openai (OPENAI_API_KEY)") for each in skipped)
    assert any(each.startswith("wrong: ") for each in skipped)


def test_a_preset_makes_the_runs_of_a_chat_under_every_config_that_needs_nothing_and_its_comparison(
    folder: DataFolder, instance: dg.DagsterInstance
) -> None:
    defs.resolve_job_def("ingest").execute_in_process(instance=instance, partition_key=CHAT)
    with dg.DagsterInstance.from_config(str(folder.dagster_home)) as of_the_ui:
        preset = defs.resolve_job_def("moderate_keyless")
        assert preset.execute_in_process(instance=of_the_ui, partition_key=CHAT).success
    within = instance.get_runs(dg.RunsFilter(job_name="moderate"))
    assert within
    assert all(run.remote_job_origin for run in within)
    compared = read_table(folder, COMPARISON, CHAT)["config"].to_list()
    assert sorted(compared) == sorted(each.name for each in chosen(folder, CHAT, ()).configs)
    assert {"expert_only", "hybrid", "student_memory", "student_only", "learned_labels"} <= set(compared)
