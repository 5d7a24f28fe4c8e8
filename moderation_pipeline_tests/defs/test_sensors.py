from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime

import dagster as dg
import pytest

from moderation_pipeline.comments.chat_files import SameChatError
from moderation_pipeline.config.run_config import DEFAULT_CONFIG
from moderation_pipeline.definitions import defs
from moderation_pipeline.defs.home.instance import instance as open_instance
from moderation_pipeline.defs.home.live_runs import BY_TERMINAL
from moderation_pipeline.defs.schedules import FRESH, nightly
from moderation_pipeline.warehouse.folder import DataFolder
from moderation_pipeline_tests.defs.conftest import CHAT

NIGHT = datetime(2026, 1, 2, 3, tzinfo=UTC)


def look_at_chats(
    folder: DataFolder, instance: dg.DagsterInstance, cursor: str | None = None
) -> dg.SensorResult:
    sensor = defs.resolve_sensor_def("chats_that_arrive")
    context = dg.build_sensor_context(instance=instance, cursor=cursor, resources={"data_folder": folder})
    result = sensor(context)
    assert isinstance(result, dg.SensorResult)
    return result


def asked_for(result: dg.SensorResult) -> list[str | None]:
    return [request.partition_key for request in result.run_requests or []]


def registered(result: dg.SensorResult) -> list[str]:
    return [key for request in result.dynamic_partitions_requests or [] for key in request.partition_keys]


def test_a_file_that_was_dropped_in_becomes_a_partition_and_is_read(folder: DataFolder) -> None:
    (folder.chats / "My Stream.log").write_text("hello\n")
    with dg.DagsterInstance.ephemeral() as instance:
        result = look_at_chats(folder, instance)
    assert registered(result) == ["my-stream", CHAT]
    assert asked_for(result) == ["my-stream", CHAT]


def test_a_chat_that_was_seen_is_not_read_again(folder: DataFolder, instance: dg.DagsterInstance) -> None:
    first = look_at_chats(folder, instance)
    second = look_at_chats(folder, instance, first.cursor)
    assert (registered(second), asked_for(second)) == ([], [])


def test_a_chat_whose_file_or_columns_changed_is_read_again(
    folder: DataFolder, instance: dg.DagsterInstance
) -> None:
    (folder.chats / "other.csv").write_text("text\nhi\n")
    first = look_at_chats(folder, instance)
    with (folder.chats / f"{CHAT}.jsonl").open("a") as file:
        file.write("\n")
    second = look_at_chats(folder, instance, first.cursor)
    assert asked_for(second) == [CHAT]
    (folder.chats / "other.csv.columns.yaml").write_text("text: text\n")
    assert asked_for(look_at_chats(folder, instance, second.cursor)) == ["other"]


def test_each_version_of_a_chat_is_asked_for_under_a_key_of_its_own(
    folder: DataFolder, instance: dg.DagsterInstance
) -> None:
    first = look_at_chats(folder, instance)
    again = look_at_chats(folder, instance)  # a cursor that was lost asks once more, under the same key
    with (folder.chats / f"{CHAT}.jsonl").open("a") as file:
        file.write("\n")
    changed = look_at_chats(folder, instance)
    keys = [[request.run_key for request in each.run_requests or []] for each in (first, again, changed)]
    assert keys[0] == keys[1] != keys[2]


def test_two_files_that_would_be_one_chat_are_an_error_that_names_both(
    folder: DataFolder, instance: dg.DagsterInstance
) -> None:
    (folder.chats / "Synthetic.csv").write_text("text\nhi\n")
    with pytest.raises(SameChatError) as error:
        look_at_chats(folder, instance)
    assert "Synthetic.csv" in str(error.value)
    assert "synthetic.jsonl" in str(error.value)


def test_an_empty_folder_asks_for_nothing(folder: DataFolder, instance: dg.DagsterInstance) -> None:
    (folder.chats / f"{CHAT}.jsonl").unlink()
    result = look_at_chats(folder, instance)
    assert (registered(result), asked_for(result)) == ([], [])
    assert json.loads(result.cursor or "") == {}


def a_run(
    instance: dg.DagsterInstance,
    config: str,
    status: dg.DagsterRunStatus,
    tags: Mapping[str, str] | None = None,
    *,
    chat: str = CHAT,
) -> dg.DagsterRun:
    """Put a run of chat|config into the instance, as far as it has come."""
    dimensions = {"dagster/partition/chat": chat, "dagster/partition/config": config}
    run = dg.DagsterRun(job_name="moderate", status=status, tags={**dimensions, **(tags or {})})
    instance.add_run(run)
    return run


def after(instance: dg.DagsterInstance, run: dg.DagsterRun) -> dg.RunRequest | dg.SkipReason:
    """Return what the sensor asks for once the run has ended."""
    event = dg.DagsterEvent(
        event_type_value="PIPELINE_SUCCESS", job_name="moderate", message="the run has ended"
    )
    context = dg.build_run_status_sensor_context(
        sensor_name="compare_after_success", dagster_event=event, dagster_instance=instance, dagster_run=run
    )
    answer = defs.resolve_sensor_def("compare_after_success")(context)
    assert isinstance(answer, dg.RunRequest | dg.SkipReason)
    return answer


def test_a_chat_is_compared_when_its_last_run_is_through(instance: dg.DagsterInstance) -> None:
    first = a_run(instance, "hybrid", dg.DagsterRunStatus.SUCCESS)
    last = a_run(instance, "student_only", dg.DagsterRunStatus.STARTED)
    assert isinstance(after(instance, first), dg.SkipReason)
    instance.report_run_canceled(last)
    answer = after(instance, last)
    assert isinstance(answer, dg.RunRequest)
    assert answer.partition_key == CHAT


@pytest.mark.parametrize(
    "status",
    [dg.DagsterRunStatus.NOT_STARTED, dg.DagsterRunStatus.STARTING, dg.DagsterRunStatus.STARTED],
)
def test_runs_of_other_chats_are_not_waited_for(
    instance: dg.DagsterInstance, status: dg.DagsterRunStatus
) -> None:
    a_run(instance, "hybrid", status, chat="another")
    done = a_run(instance, "hybrid", dg.DagsterRunStatus.SUCCESS)
    assert isinstance(after(instance, done), dg.RunRequest)


def test_runs_that_end_together_ask_for_one_comparison(instance: dg.DagsterInstance) -> None:
    runs = [a_run(instance, name, dg.DagsterRunStatus.SUCCESS) for name in ("hybrid", "student_only")]
    keys = {answer.run_key for run in runs if isinstance(answer := after(instance, run), dg.RunRequest)}
    assert len(keys) == 1


def test_what_the_terminal_runs_it_compares_itself(instance: dg.DagsterInstance) -> None:
    run = a_run(instance, "hybrid", dg.DagsterRunStatus.SUCCESS, {BY_TERMINAL: "true"})
    assert isinstance(after(instance, run), dg.SkipReason)


def test_a_run_of_a_chat_alone_is_not_compared(instance: dg.DagsterInstance) -> None:
    run = dg.DagsterRun(
        job_name="ingest", status=dg.DagsterRunStatus.SUCCESS, tags={"dagster/partition": CHAT}
    )
    instance.add_run(run)
    assert isinstance(after(instance, run), dg.SkipReason)


def test_the_chat_is_compared_however_its_last_run_ended() -> None:
    sensors = {sensor.name for sensor in defs.sensors or []}
    assert {"compare_after_success", "compare_after_failure", "compare_after_canceled"} <= sensors


def one_night(folder: DataFolder, *chats: str) -> list[dg.RunRequest | dg.SkipReason]:
    """Return what the nightly schedule asks for where these chats are known."""
    with open_instance(folder) as instance:
        instance.add_dynamic_partitions("chats", list(chats))
        context = dg.build_schedule_context(instance=instance, scheduled_execution_time=NIGHT)
        answers = nightly(context)
        assert isinstance(answers, Iterator)
        return list(answers)


def test_the_nightly_schedule_asks_for_the_default_config_on_every_chat(folder: DataFolder) -> None:
    asked = [answer for answer in one_night(folder, CHAT, "another") if isinstance(answer, dg.RunRequest)]
    assert [request.partition_key for request in asked] == [
        f"{CHAT}|{DEFAULT_CONFIG}",
        f"another|{DEFAULT_CONFIG}",
    ]
    assert len({request.run_key for request in asked}) == 2
    assert [request.run_config for request in asked] == [FRESH, FRESH]


def test_the_nightly_schedule_has_nothing_to_do_without_chats(folder: DataFolder) -> None:
    (answer,) = one_night(folder)
    assert isinstance(answer, dg.SkipReason)
