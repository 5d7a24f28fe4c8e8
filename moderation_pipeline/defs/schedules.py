"""What runs by the clock, if someone switches it on: the configs of data/nights.yaml over the chats that changed.

The same as `moderation run --new`, whichever of the two is started; when and what is `config/nights.py`'s to say.
"""

from collections.abc import Iterator, Mapping
from typing import Any

import dagster as dg

from moderation_pipeline.comments.keeping.chat_states import chat_states
from moderation_pipeline.config.champions import CHAMPION
from moderation_pipeline.config.config_errors import ConfigError
from moderation_pipeline.config.config_library import ConfigLibrary
from moderation_pipeline.config.nights import NightSettings, night_settings
from moderation_pipeline.defs.home.instance import is_temporary
from moderation_pipeline.defs.home.live_runs import end_dead_runs, under_way
from moderation_pipeline.defs.jobs import moderate
from moderation_pipeline.defs.partitions import chats, run_key
from moderation_pipeline.moderation.run_states import (
    DueRun,
    champion_of,
    changed_at,
    due_runs_of,
    longest_unmade_first,
    readable,
)
from moderation_pipeline.warehouse.folder import DataFolder
from moderation_pipeline.warehouse.objects.follow import CHATS, follow
from moderation_pipeline.warehouse.tables import COMMENTS, INGESTION, METRICS


def _settings() -> NightSettings:
    """Return the settings; the defaults where the file can't be used, which every tick then says."""
    try:
        return night_settings(DataFolder.find())
    except ConfigError:
        return NightSettings()


NIGHTLY = _settings()


@dg.schedule(
    job=moderate,
    cron_schedule=NIGHTLY.cron,
    execution_timezone=NIGHTLY.zone,
    default_status=dg.DefaultScheduleStatus.STOPPED,
    description=(
        "Moderate the chats that changed since their last run, under the configs of data/nights.yaml. Off until it is "
        "switched on, for a config with a paid model spends money, within the budgets of config and day."
    ),
)
def nightly(context: dg.ScheduleEvaluationContext) -> Iterator[dg.RunRequest | dg.SkipReason]:
    """Ask for the runs that are due, of chats that exist and can be read; a sensor compares each chat afterwards."""
    if is_temporary(context.instance):
        yield dg.SkipReason(TEMPORARY)
        return
    folder = DataFolder.find()
    settings = night_settings(folder)
    follow(folder, tables=[CHATS, *(table.name for table in (COMMENTS, INGESTION, METRICS))])
    states = chat_states(folder)
    usable, left_out = readable(states, only=settings.chats)
    keys = set(context.instance.get_dynamic_partitions(str(chats.name)))
    dead = [
        f"{key} (a key without file and tables): 'moderation remove {key}'"
        for key in sorted(keys - set(states))
    ]
    for each in (*left_out, *dead):
        context.log.warning(f"Left out: {each}.")
    due = _due(folder, settings, [chat for chat in usable if chat in keys])
    end_dead_runs(context.instance, folder.dagster_home)
    making = under_way(context.instance)
    busy = [
        key
        for key, run in ((f"{run.chat}|{run.config}", run) for run in due)
        if key in making
        and making[key].will_do(changed_at(folder, run.chat, run.config), fresh=settings.fresh)
    ]
    for key in busy:
        context.log.info(f"{key} is under way already (run {making[key].run_id}): not asked for again.")
    due = [run for run in due if f"{run.chat}|{run.config}" not in busy]
    if not due:
        told = f" Left out: {'; '.join((*left_out, *dead))}." if left_out or dead else ""
        said = (
            f"Under way already: {', '.join(busy)}." if busy else "Nothing has changed since the last runs."
        )
        yield dg.SkipReason(said + told)
    when = context.scheduled_execution_time.isoformat()
    for run in due:
        context.log.info(f"{run.chat} under {run.config}: {run.why}.")
        yield dg.RunRequest(
            partition_key=run_key(run.chat, run.config),
            run_key=f"{run.chat}:{run.config}:{when}",
            run_config=run_config(settings),
            tags={
                "dagster/max_retries": str(settings.retries),
                "dagster/retry_on_asset_or_op_failure": "true",
            },
        )


TEMPORARY = (
    "This instance is a temporary one, which would read and moderate every chat anew: start 'moderation ui', or set "
    "DAGSTER_HOME and start 'dagster dev -w workspace.yaml'."
)


def _due(folder: DataFolder, settings: NightSettings, usable: list[str]) -> list[DueRun]:
    library = ConfigLibrary(folder)
    due: list[DueRun] = []
    for chat in usable:
        of_chat = dict.fromkeys(champion_of(folder, chat) if n == CHAMPION else n for n in settings.configs)
        named = [library.load(name) for name in of_chat]
        if settings.fresh:
            due += [DueRun(chat, each.name, "models are asked anew") for each in named]
        else:
            due += due_runs_of(folder, [chat], named)
    return longest_unmade_first(folder, due) if settings.fresh else due


def run_config(settings: NightSettings) -> Mapping[str, Any]:
    """Return what the launchpad would say of the settings; nothing where they leave all as it is."""
    said: dict[str, Any] = {}
    if settings.fresh:
        said["fresh"] = True
    if settings.usd_per_day is not None:
        said["usd_per_day"] = settings.usd_per_day
    return {"resources": {"language_models": {"config": said}}} if said else {}


SCHEDULES = [nightly]
