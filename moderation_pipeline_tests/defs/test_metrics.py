"""What a run's metrics are measured against: another run of these comments, and of no others."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest

from moderation_pipeline.config.config_library import ConfigLibrary
from moderation_pipeline.defs.metrics import reference_plans
from moderation_pipeline.warehouse.files import partition_path
from moderation_pipeline.warehouse.folder import DataFolder
from moderation_pipeline.warehouse.tables import EXPERT_AUDITS, METRICS, Table


def keep(folder: DataFolder, table: Table, **values: object) -> None:
    path = partition_path(folder, table, "evening", "expert_only")
    path.parent.mkdir(parents=True, exist_ok=True)
    row = {"chat": "evening", "config": "expert_only", **values}
    pl.DataFrame([row], schema=table.schema).write_parquet(path)


def test_a_run_is_held_against_the_expert_s_plans_of_these_comments_and_of_no_others(tmp_path: Path) -> None:
    folder = DataFolder(tmp_path)
    hybrid = ConfigLibrary(folder).load("hybrid")
    keep(folder, EXPERT_AUDITS, comment_id="line-1", action="ban", category="hate")

    assert reference_plans(folder, "evening", hybrid, "now") is None

    keep(folder, METRICS, data_version="before")
    assert reference_plans(folder, "evening", hybrid, "now") is None

    keep(folder, METRICS, data_version="now")
    found = reference_plans(folder, "evening", hybrid, "now")
    assert found is not None
    assert found["action"].to_list() == ["ban"]


@pytest.mark.parametrize("table", [METRICS, EXPERT_AUDITS], ids=lambda table: table.name)
def test_a_damaged_run_that_others_are_held_against_is_as_one_that_was_never_made(
    tmp_path: Path, table: Table
) -> None:
    folder = DataFolder(tmp_path)
    keep(folder, EXPERT_AUDITS, comment_id="line-1", action="ban", category="hate")
    keep(folder, METRICS, data_version="now")
    path = partition_path(folder, table, "evening", "expert_only")
    path.write_bytes(path.read_bytes()[:-40])
    hybrid = ConfigLibrary(folder).load("hybrid")
    assert reference_plans(folder, "evening", hybrid, "now") is None
