"""What starts runs by itself: files that arrive, and runs that are through. Nothing here spends tokens."""

import json
import os

import dagster as dg
from dagster._core.events import JobFailureData, RunFailureReason
from dagster._core.launcher import WorkerStatus
from dagster._core.storage.tags import WILL_RETRY_TAG

from moderation_pipeline.comments.chat_files import chat_files, named_twice
from moderation_pipeline.comments.keeping.chat_states import chat_states, fingerprint
from moderation_pipeline.defs.home.instance import is_temporary
from moderation_pipeline.defs.home.judged_early import EARLY, READ, early_tags
from moderation_pipeline.defs.home.live_runs import BY_TERMINAL, COMPARED_BY_STARTER, is_tagged
from moderation_pipeline.defs.home.runs_within import WITHIN
from moderation_pipeline.defs.home.shared_runs import CHAT_TAG as CHAT_OF_A_RUN
from moderation_pipeline.defs.home.shared_runs import ONLY_TAG
from moderation_pipeline.defs.jobs import compare, ingest
from moderation_pipeline.defs.partitions import chats
from moderation_pipeline.defs.schedules import TEMPORARY
from moderation_pipeline.moderation.alerts import alert
from moderation_pipeline.warehouse.files import stored_partitions
from moderation_pipeline.warehouse.folder import RAY_VARIABLE, DataFolder
from moderation_pipeline.warehouse.objects.follow import CHATS, follow
from moderation_pipeline.warehouse.tables import COMMENTS, COMPARISON, METRICS

UNDER_WAY = [
    dg.DagsterRunStatus.QUEUED,
    dg.DagsterRunStatus.NOT_STARTED,
    dg.DagsterRunStatus.STARTING,
    dg.DagsterRunStatus.STARTED,
    dg.DagsterRunStatus.CANCELING,
]


COMPARED = dg.AssetKey(COMPARISON.name)
FAILED = [dg.DagsterRunStatus.FAILURE, dg.DagsterRunStatus.CANCELED]


@dg.sensor(
    job=ingest,
    default_status=dg.DefaultSensorStatus.RUNNING,
    minimum_interval_seconds=30,
    description="Register every file and folder under data/chats as a chat, and read those that are new or changed.",
)
def chats_that_arrive(
    context: dg.SensorEvaluationContext, data_folder: dg.ResourceParam[DataFolder]
) -> dg.SensorResult | dg.SkipReason:
    """Register every file and folder under data/chats as a partition, and read those that are new or have changed.

    What is seen for the first time, but was read before by the terminal, is not read once more. A key of which neither
    file nor table is left is dropped. Two that would be one chat are left out, and said.
    """
    if is_temporary(context.instance):
        return dg.SkipReason(TEMPORARY)
    follow(data_folder, tables=[CHATS, COMMENTS.name])
    files = chat_files(data_folder)
    for twice in named_twice(data_folder).values():
        context.log.warning(str(twice))
    seen: dict[str, str] = json.loads(context.cursor) if context.cursor else {}
    found = {chat: fingerprint(path) for chat, path in files.items()}
    known = set(context.instance.get_dynamic_partitions(str(chats.name)))
    states = chat_states(data_folder)
    dead = _dead(known, set(states), context.instance)
    # By this very instance: where it is newer than the tables, it shows nothing of them until they are read.
    materialised = context.instance.get_materialized_partitions(dg.AssetKey(COMMENTS.name))
    was_read = {chat for chat in found if states[chat].state == "read" and chat in materialised}
    changes = [chats.build_add_request([c for c in found if c not in known])]
    return dg.SensorResult(
        run_requests=[
            dg.RunRequest(partition_key=chat, run_key=f"{chat}:{version}")
            for chat, version in found.items()
            if (chat not in was_read if chat not in seen else seen[chat] != version)
        ],
        dynamic_partitions_requests=[*changes, chats.build_delete_request(dead)] if dead else changes,
        cursor=json.dumps(found),
    )


def _dead(keys: set[str], chats_known: set[str], instance: dg.DagsterInstance) -> list[str]:
    """Return the keys without a file and without a table, of which no run is under way that is about to write one."""
    under_way = instance.get_runs(dg.RunsFilter(statuses=UNDER_WAY))
    busy = {run.tags.get(tag) for run in under_way for tag in ("dagster/partition", CHAT_OF_A_RUN)}
    return sorted(keys - chats_known - busy)


def _compare_when_through(context: dg.RunStatusSensorContext, judging: str) -> dg.RunRequest | dg.SkipReason:
    """Ask for a chat's comparison once no run of it, under any config, is queued or running any more.

    Every run that ends asks again, so the last one finds nothing under way. A schedule that asked for both at
    once would compare too early. Where runs were judged too early, the job `judging` judges them again and compares;
    a backfill that compares by itself does not, so that the end of its comparison is looked at too.
    """
    run, dagster = context.dagster_run, context.instance
    is_comparison = _is_comparison_of_a_backfill(run)
    chat = run.tags.get(ONLY_TAG if is_comparison else CHAT_OF_A_RUN)
    if chat is None:
        return dg.SkipReason(f"Run {run.run_id} moderated no chat.")
    if not is_comparison and _is_compared_by_its_starter(dagster, run):
        return dg.SkipReason(f"Run {run.run_id} is compared by what started it.")
    folder = DataFolder.find()
    follow(folder, tables=READ, chats=[chat])
    if not stored_partitions(folder, METRICS, chat):
        return dg.SkipReason(f"Chat {chat!r} has no run that could be compared.")
    of_the_chat = {CHAT_OF_A_RUN: chat}
    under_way = dagster.get_runs_count(dg.RunsFilter(tags=of_the_chat, statuses=UNDER_WAY))
    if under_way:
        return dg.SkipReason(f"{under_way} runs of chat {chat!r} are still under way.")
    if tags := early_tags(dagster, folder, chat):
        return dg.RunRequest(job_name=judging, partition_key=chat, run_key=f"{chat}:{tags[EARLY]}", tags=tags)
    if is_comparison:
        return dg.SkipReason(
            f"Run {run.run_id} compared chat {chat!r}, and no run of it was judged too early."
        )
    latest = dagster.get_runs(dg.RunsFilter(tags=of_the_chat), limit=1)[0]
    # Keyed by the run that began last: runs that end between two ticks ask for one comparison, not several.
    return dg.RunRequest(job_name=compare.name, partition_key=chat, run_key=f"{chat}:{latest.run_id}")


def _is_comparison_of_a_backfill(run: dg.DagsterRun) -> bool:
    return "dagster/backfill" in run.tags and COMPARED in (run.asset_selection or ())


def _is_compared_by_its_starter(dagster: dg.DagsterInstance, run: dg.DagsterRun) -> bool:
    return is_tagged(run, BY_TERMINAL, COMPARED_BY_STARTER) or _is_compared_by_its_backfill(dagster, run)


def _is_compared_by_its_backfill(instance: dg.DagsterInstance, run: dg.DagsterRun) -> bool:
    """Whether a backfill of everything will compare the chat itself, which it does only if no run failed.

    One config without its key would otherwise keep all the others from being compared.
    """
    backfill_id = run.tags.get("dagster/backfill")
    backfill = instance.get_backfill(backfill_id) if backfill_id else None
    if backfill is None or COMPARED not in (backfill.asset_selection or []):
        return False
    of_the_backfill = {"dagster/backfill": str(backfill_id), CHAT_OF_A_RUN: run.tags[CHAT_OF_A_RUN]}
    return not instance.get_runs_count(dg.RunsFilter(tags=of_the_backfill, statuses=FAILED))


def comparing(judging: dg.JobDefinition) -> list[dg.SensorDefinition]:
    """Return what asks for comparisons: the last run of a chat may be the one that fails or is cancelled."""
    ends = (dg.DagsterRunStatus.SUCCESS, dg.DagsterRunStatus.FAILURE, dg.DagsterRunStatus.CANCELED)
    return [_when_runs_end(status, judging) for status in ends]


def _when_runs_end(status: dg.DagsterRunStatus, judging: dg.JobDefinition) -> dg.SensorDefinition:
    @dg.run_status_sensor(
        run_status=status,
        name=f"compare_after_{status.value.lower()}",
        description="Compare a chat's configs when its moderate runs are through.",
        request_jobs=[compare, judging],
        default_status=dg.DefaultSensorStatus.RUNNING,
        minimum_interval_seconds=10,
    )
    def when_through(context: dg.RunStatusSensorContext) -> dg.RunRequest | dg.SkipReason:
        return _compare_when_through(context, judging.name)

    return when_through


@dg.run_failure_sensor(
    name="alert_when_a_run_fails",
    description="Tell the address in MODERATION_WEBHOOK, where there is one, that a run failed.",
    default_status=dg.DefaultSensorStatus.RUNNING,
    minimum_interval_seconds=30,
)
def alert_when_a_run_fails(context: dg.RunFailureSensorContext) -> dg.SkipReason | None:
    """Send an alert; what the terminal runs it tells of itself, and of several tries the last one is told."""
    run = context.dagster_run
    if is_tagged(run, BY_TERMINAL):
        return dg.SkipReason(f"Run {run.run_id} was started by a terminal.")
    if is_tagged(run, WITHIN):
        return dg.SkipReason(f"Run {run.run_id} is told of by the run that made it.")
    if run.tags.get(WILL_RETRY_TAG) == "true":
        return dg.SkipReason(f"Run {run.run_id} is tried again.")
    partition = run.tags.get("dagster/partition", "no partition")
    failed = [{"chat": run.tags.get(CHAT_OF_A_RUN, partition), "failures": [context.failure_event.message]}]
    problem = alert(os.environ, f"{run.job_name} of {partition} failed (run {run.run_id}).", failed)
    return None if problem is None else dg.SkipReason(problem)


LOST = "The worker that this run was waiting on is gone before it began ({})."


@dg.sensor(
    default_status=dg.DefaultSensorStatus.RUNNING,
    minimum_interval_seconds=30,
    description="Say of runs that have not begun that they failed, where the worker they wait on is gone.",
)
def runs_that_were_lost(context: dg.SensorEvaluationContext) -> dg.SkipReason:
    """Let runs fail that will never begin, so that they are tried again.

    Dagster asks after the worker of a run that has begun; one that has not may be waiting for a free worker, and is
    given a day. Those that waited on a node which is gone wait for another (`home/ray_runs.py`): they are not lost.
    """
    instance, lost = context.instance, 0
    for run in instance.get_runs(dg.RunsFilter(statuses=[dg.DagsterRunStatus.STARTING])):
        health = instance.run_launcher.check_run_worker_health(run)
        latest = instance.get_run_by_id(run.run_id)
        if health.status is WorkerStatus.FAILED and latest is not None and latest.status is run.status:
            why = JobFailureData(error=None, failure_reason=RunFailureReason.UNKNOWN)
            instance.report_run_failed(run, LOST.format(health.msg), why)
            lost += 1
    return dg.SkipReason(f"{lost} runs were lost before they began.")


SENSORS = [
    chats_that_arrive,
    alert_when_a_run_fails,
    *([runs_that_were_lost] if os.environ.get(RAY_VARIABLE) else []),
]
