"""The asset attack_results: made only when asked for, stored by config, and held back by its check."""

from __future__ import annotations

import dagster as dg
import polars as pl
import pytest

from moderation_pipeline.attacks.resistance import success_share
from moderation_pipeline.definitions import defs
from moderation_pipeline.defs.attacks import attack_results_checks
from moderation_pipeline.defs.jobs import JOBS
from moderation_pipeline.warehouse.files import partition_path, read_table
from moderation_pipeline.warehouse.folder import DataFolder
from moderation_pipeline.warehouse.tables import ATTACK_RESULTS

CHECK = dg.AssetCheckKey(dg.AssetKey("attack_results"), "at_most_one_attack_in_a_hundred_succeeds")


def test_it_stores_a_config_s_resistance_and_passes_its_check(
    folder: DataFolder, instance: dg.DagsterInstance
) -> None:
    job = dg.define_asset_job("attack", selection=dg.AssetSelection.assets("attack_results"))
    definitions = dg.Definitions.merge(defs, dg.Definitions(jobs=[job]))

    result = definitions.resolve_job_def("attack").execute_in_process(
        instance=instance, partition_key="hybrid"
    )

    stored = read_table(folder, ATTACK_RESULTS, "attacks", "hybrid")
    assert partition_path(folder, ATTACK_RESULTS, "attacks", "hybrid").exists()
    assert stored.schema == ATTACK_RESULTS.schema
    (event,) = result.get_asset_materialization_events()
    told = event.materialization.metadata
    assert told["attacks"].value == stored["attacks"].sum() >= 300
    assert told["success_share"].value == success_share(stored)
    (evaluation,) = result.get_asset_check_evaluations()
    assert (evaluation.asset_check_key, evaluation.passed) == (CHECK, True)


@pytest.mark.parametrize(
    ("caught", "succeeded", "passed"), [(100, 0, True), (100, 1, True), (100, 2, False), (0, 0, False)]
)
def test_the_check_fails_above_one_in_a_hundred_and_where_nothing_was_shown(
    caught: int, succeeded: int, passed: bool
) -> None:
    results = (
        ATTACK_RESULTS.empty()
        .clear(1)
        .with_columns(kind=pl.lit("pity"), caught_without=pl.lit(caught), succeeded=pl.lit(succeeded))
    )

    found = attack_results_checks(results)

    assert isinstance(found, dg.AssetCheckResult)
    assert found.passed == passed


def test_its_check_blocks() -> None:
    (spec,) = attack_results_checks.check_specs
    assert spec.blocking


def test_no_job_of_the_pipeline_makes_it() -> None:
    for job in JOBS:
        assert "attack_results" not in {
            key.to_user_string() for key in defs.resolve_job_def(job.name).asset_layer.executable_asset_keys
        }
