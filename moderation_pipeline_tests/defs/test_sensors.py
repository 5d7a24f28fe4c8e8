from __future__ import annotations

import json
import os
import platform
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import uuid4

import dagster as dg
import pytest
from dagster._core.launcher import CheckRunHealthResult, LaunchRunContext, RunLauncher, WorkerStatus
from dagster._core.test_utils import create_run_for_test

from moderation_pipeline.comments.keeping.chat_states import chat_states, note_unreadable
from moderation_pipeline.config.config_library import ConfigLibrary
from moderation_pipeline.config.run_config import DEFAULT_CONFIG
from moderation_pipeline.definitions import defs
from moderation_pipeline.defs.home.instance import instance as open_instance
from moderation_pipeline.defs.home.live_runs import BY_TERMINAL, MACHINE, alive
from moderation_pipeline.defs.schedules import nightly
from moderation_pipeline.defs.sensors import runs_that_were_lost
from moderation_pipeline.moderation.alerts import WEBHOOK
from moderation_pipeline.moderation.run_states import why_due
from moderation_pipeline.warehouse.damage import set_aside
from moderation_pipeline.warehouse.files import partition_path, read_table
from moderation_pipeline.warehouse.folder import DataFolder
from moderation_pipeline.warehouse.tables import (
    ACTION_LOG,
    COMMENTS,
    INGESTION,
    METRICS,
    PROVENANCE,
    USER_STATE,
    WHOLE_RUN,
    Table,
)
from moderation_pipeline_tests.defs.conftest import CHAT
from moderation_pipeline_tests.warehouse.rows import rows_of, write_table

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
    requests = result.dynamic_partitions_requests or []
    added = [each for each in requests if isinstance(each, dg.AddDynamicPartitionsRequest)]
    return [key for request in added for key in request.partition_keys]


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


def test_a_chat_that_the_terminal_has_read_is_not_read_again_when_it_is_first_seen(
    folder: DataFolder, instance: dg.DagsterInstance
) -> None:
    write_table(rows_of(COMMENTS, {"chat": CHAT}), folder, COMMENTS, CHAT)
    newer_than_the_tables = look_at_chats(folder, instance)
    instance.report_runless_asset_event(dg.AssetMaterialization(COMMENTS.name, partition=CHAT))
    first = look_at_chats(folder, instance)
    with (folder.chats / f"{CHAT}.jsonl").open("a") as file:
        file.write("\n")
    changed = look_at_chats(folder, instance, first.cursor)
    seen_only_now = look_at_chats(folder, instance)

    assert asked_for(newer_than_the_tables) == [CHAT]
    assert asked_for(first) == []
    assert asked_for(changed) == asked_for(seen_only_now) == [CHAT]


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


def test_two_files_that_would_be_one_chat_are_left_out_and_stop_no_other(
    folder: DataFolder, instance: dg.DagsterInstance
) -> None:
    (folder.chats / "Synthetic.csv").write_text("text\nhi\n")
    (folder.chats / "other.csv").write_text("text\nhi\n")
    assert asked_for(look_at_chats(folder, instance)) == ["other"]


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


@pytest.fixture
def compared(folder: DataFolder) -> None:
    """Runs there is something to compare of."""
    for chat in (CHAT, "another"):
        write_table(rows_of(METRICS, {"chat": chat, "config": "hybrid"}), folder, METRICS, chat, "hybrid")


@pytest.mark.usefixtures("compared")
def test_a_chat_is_compared_when_its_last_run_is_through(instance: dg.DagsterInstance) -> None:
    first = a_run(instance, "hybrid", dg.DagsterRunStatus.SUCCESS)
    last = a_run(instance, "student_only", dg.DagsterRunStatus.STARTED)
    assert isinstance(after(instance, first), dg.SkipReason)
    instance.report_run_canceled(last)
    answer = after(instance, last)
    assert isinstance(answer, dg.RunRequest)
    assert answer.partition_key == CHAT


@pytest.mark.usefixtures("compared")
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


@pytest.mark.usefixtures("compared")
def test_runs_that_end_together_ask_for_one_comparison(instance: dg.DagsterInstance) -> None:
    runs = [a_run(instance, name, dg.DagsterRunStatus.SUCCESS) for name in ("hybrid", "student_only")]
    keys = {answer.run_key for run in runs if isinstance(answer := after(instance, run), dg.RunRequest)}
    assert len(keys) == 1


def test_what_the_terminal_runs_it_compares_itself(instance: dg.DagsterInstance) -> None:
    run = a_run(instance, "hybrid", dg.DagsterRunStatus.SUCCESS, {BY_TERMINAL: "true"})
    assert isinstance(after(instance, run), dg.SkipReason)


@pytest.mark.usefixtures("compared")
def test_what_the_ui_executes_again_is_compared_though_it_has_the_tags_of_a_terminals_run(
    instance: dg.DagsterInstance,
) -> None:
    first = a_run(instance, "hybrid", dg.DagsterRunStatus.FAILURE, {BY_TERMINAL: "true"})
    again = dg.DagsterRun(
        job_name="moderate",
        status=dg.DagsterRunStatus.SUCCESS,
        tags=first.tags,
        parent_run_id=first.run_id,
        root_run_id=first.run_id,
    )
    instance.add_run(again)
    assert isinstance(after(instance, again), dg.RunRequest)


def test_a_run_of_a_chat_alone_is_not_compared(instance: dg.DagsterInstance) -> None:
    run = dg.DagsterRun(
        job_name="ingest", status=dg.DagsterRunStatus.SUCCESS, tags={"dagster/partition": CHAT}
    )
    instance.add_run(run)
    assert isinstance(after(instance, run), dg.SkipReason)


def test_the_chat_is_compared_however_its_last_run_ended() -> None:
    sensors = {sensor.name for sensor in defs.sensors or []}
    assert {"compare_after_success", "compare_after_failure", "compare_after_canceled"} <= sensors


def one_night(folder: DataFolder, *keys: str) -> list[dg.RunRequest | dg.SkipReason]:
    """Return what the nightly schedule asks for where these chats are partitions."""
    with open_instance(folder) as instance:
        instance.add_dynamic_partitions("chats", list(keys))
        context = dg.build_schedule_context(instance=instance, scheduled_execution_time=NIGHT)
        answers = nightly(context)
        assert isinstance(answers, Iterator)
        return list(answers)


def runs_of(answers: list[dg.RunRequest | dg.SkipReason]) -> list[str | None]:
    return [answer.partition_key for answer in answers if isinstance(answer, dg.RunRequest)]


def read_and_run(folder: DataFolder, chat: str, config: str, version: str = "v1") -> None:
    """Store what a chat that was read, and a run of it, leave behind."""
    write_table(rows_of(COMMENTS, {"chat": chat}), folder, COMMENTS, chat)
    write_table(rows_of(INGESTION, {"chat": chat, "data_version": version}), folder, INGESTION, chat)
    made: dict[str, object] = {
        "chat": chat,
        "config": config,
        "data_version": version,
        "config_hash": hash_of(folder, config),
    }
    for table in WHOLE_RUN:
        rows = rows_of(METRICS, made) if table is METRICS else table.empty()
        write_table(rows, folder, table, chat, config)


def hash_of(folder: DataFolder, config: str) -> str:
    return ConfigLibrary(folder).load(config).config_hash


def test_the_night_asks_for_what_changed_and_for_no_chat_that_is_gone_unread_or_unreadable(
    folder: DataFolder,
) -> None:
    for chat in ("same", "grown", "broken", "unread"):
        (folder.chats / f"{chat}.csv").write_text("text\nhi\n")
    for chat in ("same", "grown", "deleted"):
        read_and_run(folder, chat, DEFAULT_CONFIG)
    write_table(rows_of(INGESTION, {"chat": "grown", "data_version": "v2"}), folder, INGESTION, "grown")
    note_unreadable(folder, "broken", folder.chats / "broken.csv", "it is no chat")

    answers = one_night(folder, "same", "grown", "broken", "unread", "deleted", "renamed")

    assert runs_of(answers) == [f"grown|{DEFAULT_CONFIG}"]
    (asked,) = (answer for answer in answers if isinstance(answer, dg.RunRequest))
    assert asked.tags["dagster/max_retries"] == "1"


@pytest.mark.parametrize("table", [METRICS, ACTION_LOG, PROVENANCE])
def test_a_run_is_due_of_which_a_damaged_table_was_set_aside_until_it_is_made_anew(
    folder: DataFolder, table: Table
) -> None:
    named = ConfigLibrary(folder).load(DEFAULT_CONFIG)
    read_and_run(folder, CHAT, DEFAULT_CONFIG)
    rows = rows_of(table, {"chat": CHAT, "config": DEFAULT_CONFIG})
    set_aside(write_table(rows, folder, table, CHAT, DEFAULT_CONFIG))
    assert why_due(folder, CHAT, named) == f"its table {table.name} is damaged"
    write_table(rows, folder, table, CHAT, DEFAULT_CONFIG)
    read_and_run(folder, CHAT, DEFAULT_CONFIG)
    assert why_due(folder, CHAT, named) is None


@pytest.mark.parametrize("table", [USER_STATE, ACTION_LOG])
def test_a_run_is_due_of_which_somebody_deleted_a_table(folder: DataFolder, table: Table) -> None:
    named = ConfigLibrary(folder).load(DEFAULT_CONFIG)
    read_and_run(folder, CHAT, DEFAULT_CONFIG)
    assert why_due(folder, CHAT, named) is None
    partition_path(folder, table, CHAT, DEFAULT_CONFIG).unlink()
    assert why_due(folder, CHAT, named) == f"its table {table.name} is missing"


def test_a_night_in_which_nothing_changed_says_what_it_leaves_out_and_how_to_forget_it(
    folder: DataFolder,
) -> None:
    read_and_run(folder, CHAT, DEFAULT_CONFIG)
    read_and_run(folder, "deleted", DEFAULT_CONFIG)
    (answer,) = one_night(folder, CHAT, "deleted", "renamed")
    assert isinstance(answer, dg.SkipReason)
    assert "Nothing has changed" in str(answer.skip_message)
    assert "'moderation remove deleted'" in str(answer.skip_message)
    assert "renamed (a key without file and tables)" in str(answer.skip_message)


def test_the_night_goes_by_its_settings(folder: DataFolder) -> None:
    read_and_run(folder, CHAT, "student_only")
    folder.nights.write_text(
        "configs: [student_only, expert_only]\nfresh: true\nusd_per_day: 2.5\nretries: 3\n"
    )
    answers = one_night(folder, CHAT)
    assert runs_of(answers) == [f"{CHAT}|expert_only", f"{CHAT}|student_only"], "never made before made"
    (asked, _) = (answer for answer in answers if isinstance(answer, dg.RunRequest))
    assert asked.tags["dagster/max_retries"] == "3"
    models = {"fresh": True, "usd_per_day": 2.5}
    assert asked.run_config == {"resources": {"language_models": {"config": models}}}


def test_the_night_leaves_alone_what_is_under_way_but_nothing_that_is_gone_or_a_day_old(
    folder: DataFolder, instance: dg.DagsterInstance
) -> None:
    read_and_run(folder, CHAT, "hybrid")
    folder.nights.write_text("configs: [student_only, expert_only, hybrid_random, learned]\n")
    terminals = a_run(
        instance, "student_only", dg.DagsterRunStatus.STARTED, {BY_TERMINAL: "true", MACHINE: platform.node()}
    )
    elsewhere = {BY_TERMINAL: "true", MACHINE: "one that nobody hears of"}
    a_run(instance, "hybrid_random", dg.DagsterRunStatus.STARTED, elsewhere)
    asked = a_run(instance, "expert_only", dg.DagsterRunStatus.STARTING)
    old = asked._replace(run_id=str(uuid4()), tags={**asked.tags, "dagster/partition/config": "learned"})
    instance.run_storage.add_historical_run(old, datetime.now(UTC) - timedelta(days=2))

    with alive(folder.dagster_home, terminals.run_id):
        assert runs_of(one_night(folder, CHAT)) == [f"{CHAT}|hybrid_random", f"{CHAT}|learned"]
    assert f"{CHAT}|student_only" in runs_of(one_night(folder, CHAT)), "its process is gone"


def test_where_models_are_asked_anew_those_runs_come_first_that_were_made_longest_ago(
    folder: DataFolder,
) -> None:
    for chat, made_at in (("friday", 3), ("monday", 2), ("noon", None), ("sunday", 1)):
        (folder.chats / f"{chat}.csv").write_text("text\nhi\n")
        read_and_run(folder, chat, "student_only")
        provenance = partition_path(folder, PROVENANCE, chat, "student_only")
        if made_at is None:
            provenance.unlink()
        else:
            os.utime(provenance, (made_at, made_at))
    folder.nights.write_text("configs: [student_only]\nfresh: true\n")
    answers = one_night(folder, "friday", "monday", "noon", "sunday")
    asked = [str(key).removesuffix("|student_only") for key in runs_of(answers)]
    assert asked == ["noon", "sunday", "monday", "friday"]


def test_a_key_of_which_nothing_is_left_is_dropped_and_one_about_to_be_written_is_not(
    folder: DataFolder, instance: dg.DagsterInstance
) -> None:
    write_table(rows_of(COMMENTS, {"chat": "deleted"}), folder, COMMENTS, "deleted")
    instance.add_dynamic_partitions("chats", ["renamed", "deleted", "arriving"])
    instance.add_run(
        dg.DagsterRun(
            job_name="ingest", status=dg.DagsterRunStatus.STARTED, tags={"dagster/partition": "arriving"}
        )
    )
    requests = look_at_chats(folder, instance).dynamic_partitions_requests or []
    dropped = [request for request in requests if isinstance(request, dg.DeleteDynamicPartitionsRequest)]
    assert [list(request.partition_keys) for request in dropped] == [["renamed"]]


def test_a_file_that_cannot_be_read_fails_once_and_is_remembered_until_it_changes(
    folder: DataFolder, instance: dg.DagsterInstance
) -> None:
    path = folder.chats / "broken.parquet"
    path.write_bytes(b"PAR1 and no more")
    instance.add_dynamic_partitions("chats", ["broken"])
    ingest = defs.resolve_job_def("ingest")
    ended = ingest.execute_in_process(instance=instance, partition_key="broken", raise_on_error=False)
    assert not ended.success

    state = chat_states(folder)["broken"]
    assert state.state == "unreadable"
    assert "broken.parquet" in state.why
    (left_out,) = one_night(folder, "broken")
    assert isinstance(left_out, dg.SkipReason)
    assert "broken (unreadable)" in str(left_out.skip_message)
    run = a_run(instance, "hybrid", dg.DagsterRunStatus.FAILURE, chat="broken")
    assert isinstance(after(instance, run), dg.SkipReason)

    path.unlink()
    (folder.chats / "broken.csv").write_text("text\nhi\n")
    assert chat_states(folder)["broken"].state == "unread"


@pytest.mark.parametrize("is_folder", [False, True])
def test_a_file_is_another_by_its_time_and_size_whatever_the_clock_said(
    folder: DataFolder, instance: dg.DagsterInstance, is_folder: bool
) -> None:
    chat = folder.chats / ("evening" if is_folder else "evening.csv")
    log = chat / "one.csv" if is_folder else chat
    log.parent.mkdir(exist_ok=True)
    log.write_text("text\nhi\nho\n")
    ahead = datetime(2100, 1, 1, tzinfo=UTC).timestamp()
    os.utime(log, (ahead, ahead))
    instance.add_dynamic_partitions("chats", ["evening"])
    read(instance, "evening")
    assert (
        chat_states(folder)["evening"].state == "read"
    )  # though it is newer than its tables, and will be for long

    log.write_text("text\nhi\n")
    os.utime(log, (0, 0))  # copied with its time, unpacked, or the clock is behind
    assert chat_states(folder)["evening"].state == "changed"
    read(instance, "evening")
    assert read_table(folder, COMMENTS, "evening").height == 1
    assert chat_states(folder)["evening"].state == "read"

    moved = DataFolder(folder.root.with_name("moved"))
    folder.root.rename(moved.root)
    assert chat_states(moved)["evening"].state == "read"


def read(instance: dg.DagsterInstance, chat: str) -> None:
    ended = defs.resolve_job_def("ingest").execute_in_process(instance=instance, partition_key=chat)
    assert ended.success


def test_a_temporary_instance_reads_and_moderates_nothing(folder: DataFolder, tmp_path: Path) -> None:
    home = tmp_path / ".tmp_dagster_home_x"
    home.mkdir()
    with dg.DagsterInstance.local_temp(str(home)) as instance:
        sensor = defs.resolve_sensor_def("chats_that_arrive")
        context = dg.build_sensor_context(instance=instance, resources={"data_folder": folder})
        asked = sensor(context)
    assert isinstance(asked, dg.SkipReason)
    assert "DAGSTER_HOME" in str(asked.skip_message)


class Workers(RunLauncher):
    """A launcher whose runs wait for workers, of which some are gone."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.gone: frozenset[str] = frozenset()

    def launch_run(self, context: LaunchRunContext) -> None:
        raise NotImplementedError

    def terminate(self, run_id: str) -> bool:  # noqa: ARG002
        return False

    @property
    def supports_check_run_worker_health(self) -> bool:
        return True

    def check_run_worker_health(self, run: dg.DagsterRun) -> CheckRunHealthResult:
        is_gone = run.run_id in self.gone
        return CheckRunHealthResult(WorkerStatus.FAILED if is_gone else WorkerStatus.RUNNING, "node died")


def test_a_run_that_waits_on_a_worker_that_is_gone_fails_and_one_that_only_waits_does_not() -> None:
    workers = Workers()
    with dg.DagsterInstance.ephemeral() as instance:
        instance._run_launcher = workers  # Dagster makes it of a file otherwise
        waiting, lost = (
            create_run_for_test(instance, "moderate", status=dg.DagsterRunStatus.STARTING) for _ in range(2)
        )
        workers.gone = frozenset({lost.run_id})
        runs_that_were_lost(dg.build_sensor_context(instance=instance))
        after = {each.run_id: each.status for each in instance.get_runs()}
        (said,) = (each for each in instance.all_logs(lost.run_id) if "gone before it began" in each.message)
    assert after == {
        waiting.run_id: dg.DagsterRunStatus.STARTING,
        lost.run_id: dg.DagsterRunStatus.FAILURE,
    }
    assert "node died" in said.message


def test_a_run_that_is_tried_again_alerts_nobody_yet(
    folder: DataFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(WEBHOOK, "ftp://nobody")  # said where it would be told
    sensor = defs.resolve_sensor_def("alert_when_a_run_fails")
    answers = []
    with open_instance(folder) as instance:
        for retries in ("1", "0"):
            run = create_run_for_test(
                instance,
                "moderate",
                status=dg.DagsterRunStatus.STARTED,
                tags={"dagster/max_retries": retries, "dagster/retry_on_asset_or_op_failure": "true"},
            )
            instance.report_run_failed(run)
            ended = instance.get_run_by_id(run.run_id)
            assert ended is not None
            (entry,) = instance.all_logs(run.run_id, of_type=dg.DagsterEventType.RUN_FAILURE)
            assert entry.dagster_event is not None
            context = dg.build_run_status_sensor_context(
                "alert_when_a_run_fails", entry.dagster_event, instance, ended
            ).for_run_failure()
            answers.append(str(sensor(context).skip_message))  # type: ignore[union-attr]
    assert "is tried again" in answers[0]
    assert "holds no address" in answers[1]
