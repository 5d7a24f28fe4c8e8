"""Runs that wait for batches are shown, and gone on with when the batches are answered."""

from __future__ import annotations

from pathlib import Path

import dagster as dg
import pytest

from moderation_pipeline.backends.batches.batched_model import BatchPendingError
from moderation_pipeline.config.config_library import ConfigLibrary
from moderation_pipeline.config.run_config import DEFAULT_CONFIG
from moderation_pipeline.definitions import defs
from moderation_pipeline.defs.batches import pending_batches
from moderation_pipeline.defs.partitions import run_key
from moderation_pipeline.warehouse.folder import DataFolder
from moderation_pipeline_tests.backends.chat_server import Behaviour, running
from moderation_pipeline_tests.backends.runs import run, texts_of
from moderation_pipeline_tests.defs.conftest import CHAT

CONFIG = """
student: rules
expert: {{backend: openai, model: large-judge, base_url: "{base_url}", batch: true}}
audit: {{policy: all}}
loop: {{batch_size: 10, feedback_lag: 9}}
"""


def look(folder: DataFolder) -> dg.SensorResult | dg.SkipReason:
    sensor = defs.resolve_sensor_def("batches_that_arrive")
    result = sensor(dg.build_sensor_context(resources={"data_folder": folder}))
    assert isinstance(result, dg.SensorResult | dg.SkipReason)
    return result


def shown(folder: DataFolder) -> dict[str, object]:
    result = pending_batches(dg.build_asset_context(), folder)
    assert isinstance(result, dg.MaterializeResult)
    return dict(result.metadata or {})


def test_a_run_that_waits_is_shown_and_gone_on_with_once_it_is_answered(tmp_path: Path) -> None:
    folder = DataFolder(tmp_path)
    folder.configs.mkdir()
    with running(Behaviour(batch_polls=1)) as server:
        (folder.configs / "test.yaml").write_text(CONFIG.format(base_url=server.base_url))
        config = ConfigLibrary(folder).load("test").config
        with pytest.raises(BatchPendingError):
            run(tmp_path, config, texts_of(20))
        waiting, first = shown(folder), look(folder)
        second = look(folder)

    assert (waiting["runs"], waiting["batches"], waiting["calls"]) == (1, 1, 20)
    assert isinstance(first, dg.SensorResult)
    assert not first.run_requests  # the provider says that it isn't ready
    assert isinstance(second, dg.SensorResult)
    assert [request.partition_key for request in second.run_requests or []] == ["chat|test"]


def moderated(instance: dg.DagsterInstance, partition: str) -> bool:
    """Run the job as Dagster does; tell whether it ended well."""
    job = defs.resolve_job_def("moderate")
    return job.execute_in_process(instance=instance, partition_key=partition, raise_on_error=False).success


def test_through_dagster_a_run_stops_with_nothing_stored_and_the_sensor_s_request_ends_it(
    folder: DataFolder, instance: dg.DagsterInstance
) -> None:
    folder.configs.mkdir(parents=True)
    defs.resolve_job_def("ingest").execute_in_process(instance=instance, partition_key=CHAT)
    partition, requested = run_key(CHAT, DEFAULT_CONFIG), None
    with running() as server:
        (folder.configs / f"{DEFAULT_CONFIG}.yaml").write_text(CONFIG.format(base_url=server.base_url))
        sent = []
        while not moderated(instance, requested or partition):
            assert not stored(folder)
            assert instance.get_latest_materialization_event(dg.AssetKey("action_log")) is None
            (request,) = requests_of(look(folder))
            requested = request.partition_key
            sent.append(len(server.batches))

    assert requested == partition
    assert sent == [1, 2, 3]  # ten batches of comments at each border
    assert len(stored(folder)) == 1
    assert isinstance(look(folder), dg.SkipReason)


def stored(folder: DataFolder) -> list[Path]:
    return list((folder.warehouse / "expert_audits" / CHAT).glob("*.parquet"))


def requests_of(result: dg.SensorResult | dg.SkipReason) -> list[dg.RunRequest]:
    return list(result.run_requests or []) if isinstance(result, dg.SensorResult) else []


def test_where_nothing_waits_nothing_is_asked(tmp_path: Path) -> None:
    folder = DataFolder(tmp_path)

    assert shown(folder)["batches"] == 0
    assert isinstance(look(folder), dg.SkipReason)
    assert not list(tmp_path.iterdir())
