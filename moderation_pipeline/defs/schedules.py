"""What runs by the clock: the default config over all chats, nightly, if someone switches it on.

Models are asked anew, even where a reply is stored: a provider that changed a model under its name is what a
re-evaluation is there to find. Keyless configs cost nothing either way.
"""

from collections.abc import Iterator

import dagster as dg

from moderation_pipeline.config.run_config import DEFAULT_CONFIG
from moderation_pipeline.defs.jobs import moderate
from moderation_pipeline.defs.partitions import chats, run_key

NIGHTLY = "0 3 * * *"
"""When: three at night, UTC. The one place that says so."""


FRESH = {"resources": {"language_models": {"config": {"fresh": True}}}}
"""The launchpad's words for it; whoever wants stored replies to do sets `fresh` to false here."""


@dg.schedule(
    job=moderate,
    cron_schedule=NIGHTLY,
    execution_timezone="UTC",
    default_status=dg.DefaultScheduleStatus.STOPPED,
)
def nightly(context: dg.ScheduleEvaluationContext) -> Iterator[dg.RunRequest | dg.SkipReason]:
    """Moderate every chat anew under the default config; a sensor compares each chat when its run is through.

    Off by default, for with a paid backend it spends money every night, within the budgets of config and day.
    """
    known = context.instance.get_dynamic_partitions(str(chats.name))
    if not known:
        yield dg.SkipReason("There are no chats yet.")
    when = context.scheduled_execution_time.isoformat()
    for chat in known:
        yield dg.RunRequest(
            partition_key=run_key(chat, DEFAULT_CONFIG), run_key=f"{chat}:{when}", run_config=FRESH
        )


SCHEDULES = [nightly]
