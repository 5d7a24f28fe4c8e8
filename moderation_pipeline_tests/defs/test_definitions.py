from __future__ import annotations

import tomllib
from pathlib import Path

import dagster as dg
import pytest
import yaml

import moderation_pipeline
from moderation_pipeline.definitions import defs
from moderation_pipeline.warehouse.tables import TABLES

ROOT = Path(moderation_pipeline.__file__).parent.parent
GRAPH = defs.resolve_asset_graph()
ASSETS = sorted(GRAPH.materializable_asset_keys)
FILES = {"synthetic_comments", "plots", "report", "dsa_statements"}
SHOWN_ONLY = {"pending_batches"}
"""Assets that keep nothing: their metadata is what they show."""

BY_COMMAND = {"attack_results", "probe_results"}
"""Assets that a command of the terminal fills too; they belong to a config, and to no chat."""

ASSET_TABLES = sorted(set(TABLES) - BY_COMMAND)


def names(keys: set[dg.AssetKey]) -> set[str]:
    return {key.to_user_string() for key in keys}


def test_every_table_of_the_warehouse_is_an_asset_and_the_rest_are_files() -> None:
    assert names(set(ASSETS)) == set(ASSET_TABLES) | FILES | SHOWN_ONLY | BY_COMMAND


@pytest.mark.parametrize("key", ASSETS, ids=lambda key: key.to_user_string())
def test_an_asset_says_what_it_is_whose_it_is_and_which_code_made_it(key: dg.AssetKey) -> None:
    asset = GRAPH.get(key)
    assert asset.description
    assert asset.group_name != "default"
    assert asset.kinds
    assert asset.owners
    assert asset.code_version


@pytest.mark.parametrize("name", ASSET_TABLES)
def test_a_table_is_partitioned_as_it_is_declared(name: str) -> None:
    partitions = GRAPH.get(dg.AssetKey(name)).partitions_def
    kind = "run" if isinstance(partitions, dg.MultiPartitionsDefinition) else "chat"
    assert kind == TABLES[name].partition


@pytest.mark.parametrize("name", sorted(set(ASSET_TABLES) - {"rejected_lines"}))
def test_every_table_has_a_check_that_looks_at_one_partition(name: str) -> None:
    checks = [GRAPH.get(key) for key in GRAPH.asset_check_keys if key.asset_key == dg.AssetKey(name)]
    assert checks
    for check in checks:
        assert check.partitions_def == GRAPH.get(dg.AssetKey(name)).partitions_def


def test_the_flow_is_the_designs() -> None:
    def above(name: str) -> set[str]:
        return names(set(GRAPH.get(dg.AssetKey(name)).parent_keys))

    assert above("comments") == {"synthetic_comments"}
    assert above("student_decisions") == {"comments"}
    assert above("expert_audits") == {"comments", "student_decisions"}
    assert above("memory_snapshot") == {"student_decisions", "expert_audits"}
    assert above("action_log") == {"student_decisions", "expert_audits"}
    assert above("provenance") == {"comments"}
    assert {"provenance", "expert_errors"} <= above("certificates")
    assert above("user_state") == {"action_log"}
    assert "metrics" in above("comparison")
    assert "comparison" in above("plots")
    assert {"plots", "comparison"} <= above("report")


def test_the_loops_tables_come_out_of_one_step() -> None:
    loop = GRAPH.get(dg.AssetKey("action_log")).assets_def
    assert names(set(loop.keys)) == {
        "student_decisions",
        "expert_audits",
        "memory_snapshot",
        "action_log",
        "provenance",
    }


@pytest.mark.parametrize(
    ("job", "makes"),
    [
        ("synthesize", {"synthetic_comments"}),
        ("ingest", {"comments", "rejected_lines", "ingestion"}),
        (
            "moderate",
            {
                "student_decisions",
                "expert_audits",
                "memory_snapshot",
                "action_log",
                "provenance",
                "user_state",
                "certificates",
                "expert_errors",
                "metrics",
            },
        ),
        ("compare", {"comparison", "plots", "report"}),
    ],
)
def test_a_job_makes_what_hangs_on_one_partition(job: str, makes: set[str]) -> None:
    found = names(set(defs.resolve_job_def(job).asset_layer.selected_asset_keys))
    assert makes <= found
    if job in ("moderate", "compare"):
        assert "synthetic_comments" not in found


def test_both_ways_in_load_the_same_definitions_under_one_name() -> None:
    workspace = yaml.safe_load((ROOT / "workspace.yaml").read_text("utf-8"))
    (module,) = (entry["python_module"] for entry in workspace["load_from"])
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["tool"]["dg"]["project"]
    assert module["location_name"] == project["code_location_name"]
    assert (
        module["module_name"] == project["code_location_target_module"] == "moderation_pipeline.definitions"
    )


def test_what_may_cost_money_never_starts_by_itself() -> None:
    assert {schedule.default_status for schedule in defs.schedules or []} == {
        dg.DefaultScheduleStatus.STOPPED
    }
    running = [each for each in defs.sensors or [] if each.default_status is dg.DefaultSensorStatus.RUNNING]
    started = {target.job_name for sensor in running for target in sensor.targets}
    # None of which asks a model: the last makes runs of `accept` and `compare`.
    assert started == {"ingest", "compare", "judge_again"}
    assert all(GRAPH.get(key).automation_condition is None for key in ASSETS)


@pytest.mark.parametrize("setting", [{"root": "/elsewhere"}, {"path": "/elsewhere"}, "/elsewhere"])
def test_no_launch_says_where_the_data_folder_is(setting: object) -> None:
    launched = {"resources": {"data_folder": {"config": setting}}}
    with pytest.raises(dg.DagsterInvalidConfigError):
        dg.validate_run_config(defs.resolve_job_def("ingest"), launched)
