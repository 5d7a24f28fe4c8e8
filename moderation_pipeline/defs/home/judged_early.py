"""Runs that were judged before the run that they are held against was there: they are to be judged again.

A config's agreement is measured against the run in which its own Expert judged everything (`yardstick.py`). That is no
input of a run, which would wait for it: a terminal makes it first, but a backfill makes runs in any order and several
at once. Judged again, by the job `accept`, a run's figures and its place in the history are what they had been.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress

import dagster as dg

from moderation_pipeline.config.config_errors import ConfigError
from moderation_pipeline.config.config_library import ConfigLibrary
from moderation_pipeline.config.run_config import NamedConfig
from moderation_pipeline.defs.partitions import run_key
from moderation_pipeline.evaluation.yardstick import yardstick_of
from moderation_pipeline.warehouse.files import stored_partitions
from moderation_pipeline.warehouse.folder import DataFolder
from moderation_pipeline.warehouse.tables import EXPERT_AUDITS, METRICS, Table

JUDGED = "moderation/judges"
"""Tags a run that judges another's decisions again with that one's id: its figures are that one's still."""
AGAINST = "moderation/judges_against"
"""Tags it with the run that they are held against now."""


def judged_early(
    dagster: dg.DagsterInstance, folder: DataFolder, chat: str, job: str
) -> Iterator[dg.RunRequest]:
    """Yield a request for each run of the chat that was judged too early, and not asked for before."""
    for name, against in _held_against(folder, chat):
        judged, yardstick = (
            _made_by(dagster, METRICS, chat, name),
            _made_by(dagster, EXPERT_AUDITS, chat, against),
        )
        if judged is None or yardstick is None or not _began_before(dagster, judged, yardstick):
            continue
        tags = {JUDGED: decided_by(judged), AGAINST: yardstick.run_id}
        if not dagster.get_runs_count(dg.RunsFilter(tags=tags)):
            yield dg.RunRequest(
                job_name=job,
                partition_key=run_key(chat, name),
                run_key=f"{tags[JUDGED]}:{tags[AGAINST]}",
                tags=tags,
            )


def decided_by(run: dg.DagsterRun) -> str:
    """Return the id of the run whose decisions a run judges: mostly its own."""
    return run.tags.get(JUDGED, run.run_id)


def _held_against(folder: DataFolder, chat: str) -> Iterator[tuple[str, str]]:
    """Yield configs that have a run of the chat, and the config whose run each is held against."""
    judges, judged = (list(_stored(folder, table, chat)) for table in (EXPERT_AUDITS, METRICS))
    for named in judged:
        against = yardstick_of(named, judges)
        if against not in (None, named.name):
            yield named.name, str(against)


def _stored(folder: DataFolder, table: Table, chat: str) -> Iterator[NamedConfig]:
    """Yield the configs that a chat has a partition of a table of; one that can't be read now judges nothing."""
    library = ConfigLibrary(folder)
    known = set(library.names())
    for path in stored_partitions(folder, table, chat):
        if path.stem in known:
            with suppress(ConfigError):
                yield library.load(path.stem)


def _made_by(dagster: dg.DagsterInstance, table: Table, chat: str, config: str) -> dg.DagsterRun | None:
    """Return the run that made a table's partition last, as far as this instance remembers."""
    of_run = dg.AssetRecordsFilter(
        asset_key=dg.AssetKey(table.name), asset_partitions=[run_key(chat, config)]
    )
    records = dagster.fetch_materializations(of_run, limit=1).records
    return dagster.get_run_by_id(records[0].run_id) if records else None


def _began_before(dagster: dg.DagsterInstance, judged: dg.DagsterRun, yardstick: dg.DagsterRun) -> bool:
    """Whether a run began before another had ended: only then was all of that one there to be read."""
    records = [dagster.get_run_record_by_id(run.run_id) for run in (judged, yardstick)]
    began, ended = (
        None if records[0] is None else records[0].start_time,
        None if records[1] is None else records[1].end_time,
    )
    return began is not None and ended is not None and began < ended
