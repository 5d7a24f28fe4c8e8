"""What starts runs by itself: files that arrive, and runs that are through. Nothing here spends tokens."""

import json
from hashlib import sha256
from pathlib import Path

import dagster as dg

from moderation_pipeline.comments.chat_files import chat_files, written
from moderation_pipeline.defs.home.live_runs import BY_TERMINAL
from moderation_pipeline.defs.jobs import compare, ingest
from moderation_pipeline.defs.partitions import chats
from moderation_pipeline.warehouse.folder import DataFolder

CHAT_OF_A_RUN = "dagster/partition/chat"
"""The tag that Dagster gives a run with two dimensions; a run of a chat alone doesn't have it."""

UNDER_WAY = [
    dg.DagsterRunStatus.QUEUED,
    dg.DagsterRunStatus.NOT_STARTED,
    dg.DagsterRunStatus.STARTING,
    dg.DagsterRunStatus.STARTED,
    dg.DagsterRunStatus.CANCELING,
]


FAILED = [dg.DagsterRunStatus.FAILURE, dg.DagsterRunStatus.CANCELED]


@dg.sensor(
    job=ingest,
    default_status=dg.DefaultSensorStatus.RUNNING,
    minimum_interval_seconds=30,
)
def chats_that_arrive(
    context: dg.SensorEvaluationContext, data_folder: dg.ResourceParam[DataFolder]
) -> dg.SensorResult:
    """Register every file and folder under data/chats as a partition, and read those that are new or have changed.

    Two that would be one chat stop it, and the error names both.
    """
    files = chat_files(data_folder)
    seen: dict[str, str] = json.loads(context.cursor) if context.cursor else {}
    found = {chat: _fingerprint(path) for chat, path in files.items()}
    known = set(context.instance.get_dynamic_partitions(str(chats.name)))
    return dg.SensorResult(
        run_requests=[
            dg.RunRequest(partition_key=chat, run_key=f"{chat}:{fingerprint}")
            for chat, fingerprint in found.items()
            if seen.get(chat) != fingerprint
        ],
        dynamic_partitions_requests=[chats.build_add_request([c for c in found if c not in known])],
        cursor=json.dumps(found),
    )


def _fingerprint(path: Path) -> str:
    """Return what changes when a file of the chat, or what is said beside it, changes, without reading them."""
    states = [(str(each), each.stat()) for each in written(path)]
    told = "\n".join(f"{name} {state.st_mtime_ns:x}.{state.st_size:x}" for name, state in states)
    return sha256(told.encode("utf-8", "surrogateescape")).hexdigest()[:32]


def _compare_when_through(context: dg.RunStatusSensorContext) -> dg.RunRequest | dg.SkipReason:
    """Ask for a chat's comparison once no run of it, under any config, is queued or running any more.

    Every run that ends asks again, so the last one finds nothing under way. A schedule that asked for both at
    once would compare too early.
    """
    run = context.dagster_run
    chat = run.tags.get(CHAT_OF_A_RUN)
    if chat is None:
        return dg.SkipReason(f"Run {run.run_id} moderated no chat.")
    if run.tags.get(BY_TERMINAL) or _is_compared_by_its_backfill(context.instance, run):
        return dg.SkipReason(f"Run {run.run_id} is compared by what started it.")
    of_the_chat = {CHAT_OF_A_RUN: chat}
    under_way = context.instance.get_runs_count(dg.RunsFilter(tags=of_the_chat, statuses=UNDER_WAY))
    if under_way:
        return dg.SkipReason(f"{under_way} runs of chat {chat!r} are still under way.")
    latest = context.instance.get_runs(dg.RunsFilter(tags=of_the_chat), limit=1)[0]
    # Keyed by the run that began last: runs that end between two ticks ask for one comparison, not several.
    return dg.RunRequest(partition_key=chat, run_key=f"{chat}:{latest.run_id}")


def _is_compared_by_its_backfill(instance: dg.DagsterInstance, run: dg.DagsterRun) -> bool:
    """Whether a backfill of everything will compare the chat itself, which it does only if no run failed.

    One config without its key would otherwise keep all the others from being compared.
    """
    backfill_id = run.tags.get("dagster/backfill")
    backfill = instance.get_backfill(backfill_id) if backfill_id else None
    if backfill is None or dg.AssetKey("comparison") not in (backfill.asset_selection or []):
        return False
    of_the_backfill = {"dagster/backfill": str(backfill_id), CHAT_OF_A_RUN: run.tags[CHAT_OF_A_RUN]}
    return not instance.get_runs_count(dg.RunsFilter(tags=of_the_backfill, statuses=FAILED))


def _when_runs_end(status: dg.DagsterRunStatus) -> dg.SensorDefinition:
    return dg.run_status_sensor(
        run_status=status,
        name=f"compare_after_{status.value.lower()}",
        description="Compare a chat's configs when its moderate runs are through.",
        request_job=compare,
        default_status=dg.DefaultSensorStatus.RUNNING,
        minimum_interval_seconds=10,
    )(_compare_when_through)


SENSORS = [
    chats_that_arrive,
    # The last run of a chat may be the one that fails or is cancelled; the others are compared all the same.
    *(
        _when_runs_end(status)
        for status in (
            dg.DagsterRunStatus.SUCCESS,
            dg.DagsterRunStatus.FAILURE,
            dg.DagsterRunStatus.CANCELED,
        )
    ),
]
