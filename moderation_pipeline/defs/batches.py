"""Audits that wait for a provider's batch interface: an asset that shows them, a sensor that goes on.

A run by batch stops where it needs a reply that isn't there yet, and nothing of it is stored but its replies.
"""

from datetime import UTC, datetime

import dagster as dg

from moderation_pipeline.defs.checking import OWNERS
from moderation_pipeline.defs.jobs import moderate
from moderation_pipeline.warehouse.folder import DataFolder
from moderation_pipeline.warehouse.versions import source_version

EVERY_S = 300
"""A batch takes minutes to a day: it is looked at every five minutes."""


@dg.asset(
    group_name="moderation",
    kinds={"sqlite"},
    owners=OWNERS,
    code_version=source_version(__name__),
)
def pending_batches(
    context: dg.AssetExecutionContext, data_folder: dg.ResourceParam[DataFolder]
) -> dg.MaterializeResult[None]:
    """The batches that providers haven't answered yet, by run: what was sent, when, and how many calls."""
    from moderation_pipeline.backends.batch_watch import waiting_runs

    runs = waiting_runs(data_folder)
    rows = [
        f"| {run.chat} | {run.config} | {batch.identity.backend} | {batch.batch_id} | {batch.requests} "
        f"| {datetime.fromtimestamp(batch.sent_at, UTC):%Y-%m-%d %H:%M} |"
        for run in runs
        for batch in run.batches
    ]
    context.log.info(f"{len(rows)} batches are waited for by {len(runs)} runs.")
    table = "\n".join(
        ["| chat | config | backend | batch | calls | sent (UTC) |", "|---|---|---|---|---|---|", *rows]
    )
    calls = sum(batch.requests for run in runs for batch in run.batches)
    return dg.MaterializeResult(
        metadata={
            "runs": len(runs),
            "batches": len(rows),
            "calls": calls,
            "table": dg.MetadataValue.md(table),
        }
    )


@dg.sensor(
    job=moderate,
    description="Go on with runs whose batches have been answered.",
    # What goes on may send further batches, which cost: nothing that costs starts by itself unless switched on.
    default_status=dg.DefaultSensorStatus.STOPPED,
    minimum_interval_seconds=EVERY_S,
)
def batches_that_arrive(data_folder: dg.ResourceParam[DataFolder]) -> dg.SensorResult | dg.SkipReason:
    """Go on with runs whose batches have been answered."""
    from moderation_pipeline.backends.batch_watch import answered_runs, waiting_runs
    from moderation_pipeline.backends.keys import environment
    from moderation_pipeline.config.config_library import ConfigLibrary

    waiting = waiting_runs(data_folder)
    if not waiting:
        return dg.SkipReason("No run waits for a batch.")
    library = ConfigLibrary(data_folder)
    answered = answered_runs(waiting, lambda name: library.load(name).config, environment())
    return dg.SensorResult(
        run_requests=[
            dg.RunRequest(
                partition_key=dg.MultiPartitionKey({"chat": run.chat, "config": run.config}),
                run_key=":".join(batch.batch_id for batch in run.batches),
            )
            for run in answered
        ]
    )
