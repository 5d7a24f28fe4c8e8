from __future__ import annotations

import json
import urllib.request
from collections.abc import Iterator

import dagster as dg
import pytest
import yaml

from moderation_pipeline.defs.home.instance import instance, prepare_home
from moderation_pipeline.launch import launcher
from moderation_pipeline.warehouse.files import read_table
from moderation_pipeline.warehouse.folder import RAY_VARIABLE, DataFolder
from moderation_pipeline.warehouse.tables import ACTION_LOG, METRICS
from moderation_pipeline_tests.defs.conftest import CHAT, COMMENTS
from moderation_pipeline_tests.postgres_server import PASSWORD
from moderation_pipeline_tests.ray_cluster import RayCluster, ray_cluster

pytest.importorskip("dagster_ray", reason="needs the extra fleet")

from moderation_pipeline.defs.home.ray_runs import CONFIG_OF_A_RUN, place_of


@pytest.fixture(scope="module")
def cluster() -> Iterator[RayCluster]:
    with ray_cluster() as found:
        yield found


def test_a_config_that_runs_a_model_itself_gets_a_gpu_and_no_other_does(folder: DataFolder) -> None:
    folder.configs.mkdir()
    (folder.configs / "own_model.yaml").write_text("extends: hybrid\nexpert: {backend: hf, model: a/model}\n")
    assert place_of(folder, {CONFIG_OF_A_RUN: "own_model"}) == {"num_gpus": 1}
    assert place_of(folder, {CONFIG_OF_A_RUN: "hybrid"}) == {}
    assert place_of(folder, {}) == {}


def test_settings_of_several_machines_hold_no_secret_and_give_way_to_the_users(
    folder: DataFolder, shared_store: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = prepare_home(folder)
    assert "run_launcher" not in yaml.safe_load((home / "dagster.yaml").read_text())
    monkeypatch.setenv(RAY_VARIABLE, "http://127.0.0.1:8265")
    prepare_home(folder)
    written = {path.name: path.read_text() for path in home.glob("*.yaml")}
    assert yaml.safe_load(written["dagster.yaml"])["run_launcher"]["class"] == "RayRuns"
    assert "run_launcher" not in yaml.safe_load(written["worker.yaml"])
    assert PASSWORD not in "".join(written.values())
    (home / "dagster.yaml").write_text("# mine\n" + written["dagster.yaml"])
    monkeypatch.delenv(RAY_VARIABLE)
    prepare_home(folder)
    assert (home / "dagster.yaml").read_text().startswith("# mine")
    assert shared_store


@pytest.mark.ray
@pytest.mark.long
def test_a_run_that_a_terminal_asks_for_is_made_by_a_worker_that_is_told_no_secret(
    folder: DataFolder, shared_store: str, cluster: RayCluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(RAY_VARIABLE, cluster.address)
    cluster.add_worker({})
    with launcher(folder) as launch:
        launch.ingest_chat(CHAT)
        outcome = launch.moderate_chat(CHAT, "student_only")
        assert launch.at_once > 1
    assert outcome.failed_checks == ()
    assert read_table(folder, ACTION_LOG, CHAT, "student_only").height == COMMENTS
    assert read_table(folder, METRICS, CHAT, "student_only").height == 1
    with instance(folder) as dagster:
        run = dagster.get_run_by_id(outcome.run_id)
        assert run is not None
        assert run.status == dg.DagsterRunStatus.SUCCESS
    with urllib.request.urlopen(f"{cluster.address}/api/jobs/", timeout=30) as answer:
        told = answer.read().decode()
    assert [job["submission_id"] for job in json.loads(told)] == [f"dagster-run-{outcome.run_id}"]
    assert PASSWORD not in told
    assert shared_store
