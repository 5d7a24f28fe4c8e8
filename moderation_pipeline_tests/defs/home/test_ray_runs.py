from __future__ import annotations

import shutil
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

import dagster as dg
import pytest
import yaml
from dagster._core.launcher import WorkerStatus
from dagster._core.test_utils import create_run_for_test
from polars.testing import assert_frame_equal

from moderation_pipeline.defs.home.instance import instance, prepare_home
from moderation_pipeline.defs.home.live_runs import BY_TERMINAL
from moderation_pipeline.defs.home.runs_within import WITHIN
from moderation_pipeline.launch import launcher
from moderation_pipeline.synthetic.synthetic_chat import SyntheticSettings, write_synthetic
from moderation_pipeline.warehouse.files import read_table
from moderation_pipeline.warehouse.folder import DATA_VARIABLE, RAY_VARIABLE, STORE_VARIABLE, DataFolder
from moderation_pipeline.warehouse.tables import ACTION_LOG, METRICS, STUDENT_DECISIONS
from moderation_pipeline_tests.backends.chat_server import Behaviour, running
from moderation_pipeline_tests.backends.runs import same_but_for_timing
from moderation_pipeline_tests.defs.conftest import CHAT, COMMENTS
from moderation_pipeline_tests.postgres_server import PASSWORD, new_database
from moderation_pipeline_tests.ray_cluster import RayCluster, ray_cluster

pytest.importorskip("dagster_ray", reason="needs the extra fleet")

from moderation_pipeline.defs.home.ray_runs import CONFIG_OF_A_RUN, RayRuns, place_of

IN_FLIGHT = 8
SLOW = "openai"
"""A ready-made config, so that it is a partition wherever definitions load; the folder's own replaces it."""
SLOW_CONFIG = """\
extends: student_only
student: {{backend: openai, model: tiny-judge, base_url: "{base_url}", concurrency: {concurrency}}}
loop: {{batch_size: 16}}
"""


class Fleet(NamedTuple):
    """A cluster of two workers, and the folder and store that they share with whoever asks for runs."""

    cluster: RayCluster
    folder: DataFolder
    store: str
    workers: tuple[int, ...]

    def variables(self) -> dict[str, str]:
        """Return what the environment of each of them says."""
        return {DATA_VARIABLE: str(self.folder.root), STORE_VARIABLE: self.store}


@pytest.fixture(scope="module")
def started(postgres: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Fleet]:
    with ray_cluster() as cluster:
        fleet = Fleet(cluster, DataFolder(tmp_path_factory.mktemp("fleet")), new_database(postgres), ())
        write_synthetic(fleet.folder.chats / f"{CHAT}.jsonl", SyntheticSettings(comments=COMMENTS))
        yield fleet._replace(workers=tuple(cluster.add_worker(fleet.variables()) for _ in range(2)))


@pytest.fixture
def fleet(started: Fleet, monkeypatch: pytest.MonkeyPatch) -> Fleet:
    monkeypatch.delenv("DAGSTER_HOME", raising=False)
    for name, value in {**started.variables(), RAY_VARIABLE: started.cluster.address}.items():
        monkeypatch.setenv(name, value)
    return started


def test_a_config_that_runs_a_model_itself_gets_a_gpu_and_no_other_does(folder: DataFolder) -> None:
    folder.configs.mkdir()
    (folder.configs / "own_model.yaml").write_text("extends: hybrid\nexpert: {backend: hf, model: a/model}\n")
    assert place_of(folder, {CONFIG_OF_A_RUN: "own_model"}) == {"num_gpus": 1}
    assert place_of(folder, {CONFIG_OF_A_RUN: "hybrid"}) == {}
    assert place_of(folder, {}) == {}


def test_a_run_made_in_anothers_process_goes_on_as_long_as_that_one_and_a_terminal_looks_after_its_own() -> (
    None
):
    started, ended = dg.DagsterRunStatus.STARTED, dg.DagsterRunStatus.FAILURE
    with dg.DagsterInstance.ephemeral() as dagster:
        workers = RayRuns("http://127.0.0.1:1")  # where nobody could be asked
        workers.register_instance(dagster)
        makers = [
            create_run_for_test(dagster, "moderate_regimes", status=status, tags={BY_TERMINAL: "true"})
            for status in (started, ended)
        ]
        within = [
            create_run_for_test(dagster, "moderate", status=started, tags={WITHIN: maker.run_id})
            for maker in makers
        ]
        found = [workers.check_run_worker_health(run).status for run in (makers[0], *within)]
    assert found == [WorkerStatus.RUNNING, WorkerStatus.RUNNING, WorkerStatus.FAILED]


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


@pytest.mark.long
def test_a_run_that_a_terminal_asks_for_is_made_by_a_worker_that_is_told_no_secret(fleet: Fleet) -> None:
    with launcher(fleet.folder) as launch:
        launch.ingest_chat(CHAT)
        outcome = launch.moderate_chat(CHAT, "student_only")
        assert launch.at_once > 1
    assert outcome.failed_checks == ()
    assert read_table(fleet.folder, ACTION_LOG, CHAT, "student_only").height == COMMENTS
    assert read_table(fleet.folder, METRICS, CHAT, "student_only").height == 1
    with instance(fleet.folder) as dagster:
        run = dagster.get_run_by_id(outcome.run_id)
        assert run is not None
        assert run.status == dg.DagsterRunStatus.SUCCESS
    told = fleet.cluster.jobs()
    assert f"dagster-run-{outcome.run_id}" in [job["submission_id"] for job in told]
    assert PASSWORD not in str(told)


@pytest.mark.long
def test_a_run_whose_worker_is_killed_is_made_by_another_which_asks_for_no_reply_anew(
    fleet: Fleet, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    alone = DataFolder(tmp_path / "alone")
    with running(Behaviour(latency_s=0.2)) as server:
        for folder in (fleet.folder, alone):
            slow_config(folder, server.base_url)
        shutil.copytree(fleet.folder.chats, alone.chats)
        with ThreadPoolExecutor() as aside:
            asked = aside.submit(moderated, fleet.folder)
            while server.calls < 5 * IN_FLIGHT and not asked.done():
                time.sleep(0.05)
            (busy,) = filter(fleet.cluster.is_busy, fleet.workers)
            fleet.cluster.kill(busy)
            asked.result()
        calls = Counter(str(body["messages"]) for body in server.bodies)
        monkeypatch.delenv(STORE_VARIABLE)
        monkeypatch.delenv(RAY_VARIABLE)
        monkeypatch.setenv(DATA_VARIABLE, str(alone.root))
        moderated(alone)
    assert Counter(job["status"] for job in fleet.cluster.jobs())["FAILED"] == 1
    assert calls.total() - len(calls) <= IN_FLIGHT
    for table in (STUDENT_DECISIONS, ACTION_LOG):
        there, here = (read_table(folder, table, CHAT, SLOW) for folder in (fleet.folder, alone))
        assert_frame_equal(same_but_for_timing(there), same_but_for_timing(here))


@pytest.mark.long
def test_a_run_that_waits_on_a_worker_that_is_killed_waits_for_another_and_has_not_failed(
    postgres: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = DataFolder(tmp_path / "asks")
    write_synthetic(folder.chats / f"{CHAT}.jsonl", SyntheticSettings(comments=COMMENTS))
    with ray_cluster() as cluster, running(Behaviour(latency_s=0.5)) as server:
        slow_config(folder, server.base_url)
        variables = {DATA_VARIABLE: str(folder.root), STORE_VARIABLE: new_database(postgres)}
        for name, value in {**variables, RAY_VARIABLE: cluster.address}.items():
            monkeypatch.setenv(name, value)
        first = cluster.add_worker(variables)
        with launcher(folder) as launch, ThreadPoolExecutor() as aside:
            launch.ingest_chat(CHAT)
            begun = aside.submit(launch.moderate_chat, CHAT, SLOW)
            while server.calls < IN_FLIGHT and not begun.done():
                time.sleep(0.05)
            waits = aside.submit(launch.moderate_chat, CHAT, "student_only")
            while not any(job["status"] == "PENDING" for job in cluster.jobs()) and not waits.done():
                time.sleep(0.05)
            cluster.kill(first)
            cluster.add_worker(variables)
            waits.result()
            begun.result()
        with instance(folder) as dagster:
            tried = {
                config: [
                    run.status for run in dagster.get_runs(dg.RunsFilter(tags={CONFIG_OF_A_RUN: config}))
                ]
                for config in (SLOW, "student_only")
            }
    success, failure = dg.DagsterRunStatus.SUCCESS, dg.DagsterRunStatus.FAILURE
    assert tried == {SLOW: [success, failure], "student_only": [success]}


def slow_config(folder: DataFolder, base_url: str) -> None:
    folder.configs.mkdir(parents=True)
    (folder.configs / f"{SLOW}.yaml").write_text(SLOW_CONFIG.format(base_url=base_url, concurrency=IN_FLIGHT))


def moderated(folder: DataFolder) -> None:
    with launcher(folder) as launch:
        launch.ingest_chat(CHAT)
        launch.moderate_chat(CHAT, SLOW)
