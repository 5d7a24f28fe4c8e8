"""Runs that were judged before the run that they are held against was there: they are to be judged again.

A config's agreement is measured against the run in which its own Expert judged everything (`yardstick.py`). That is no
input of a run, which would wait for it: a terminal makes it first, but a backfill makes runs in any order and several
at once. Judged again, by the job `accept`, a run's figures and its place in the history are what they had been. All of
a chat's are judged again within one run, which compares the chat too: a run each would import Dagster anew.
"""

from collections.abc import Iterator
from contextlib import suppress
from hashlib import sha256
from typing import NamedTuple

import dagster as dg

from moderation_pipeline.config.config_errors import ConfigError
from moderation_pipeline.config.config_library import ConfigLibrary
from moderation_pipeline.config.run_config import NamedConfig
from moderation_pipeline.defs.home.runs_within import JobOf, RunsFailedError, RunsWithin
from moderation_pipeline.defs.partitions import chats, run_key
from moderation_pipeline.evaluation.yardstick import yardstick_of
from moderation_pipeline.warehouse.files import stored_partitions
from moderation_pipeline.warehouse.folder import DataFolder
from moderation_pipeline.warehouse.objects.follow import follow
from moderation_pipeline.warehouse.tables import EXPERT_AUDITS, METRICS, Table

JUDGED = "moderation/judges"
"""Tags a run that judges another's decisions again with that one's id: its figures are that one's still."""
EARLY = "moderation/judged_early"
"""Tags a run that has several judged again with which those are: it is asked for once, whatever becomes of it."""

READ = (METRICS.name, EXPERT_AUDITS.name)
"""The tables that say which runs a chat has, and which of them are held against others."""


class JudgedEarly(NamedTuple):
    """A run that was judged too early: its config, whose decisions they are, and what they are held against now."""

    config: str
    decided_by: str
    against: str


def judged_early(dagster: dg.DagsterInstance, folder: DataFolder, chat: str) -> list[JudgedEarly]:
    """Return the runs of a chat that were judged too early, by config."""
    found = []
    for name, against in _held_against(folder, chat):
        judged = _made_by(dagster, METRICS, chat, name)
        yardstick = _made_by(dagster, EXPERT_AUDITS, chat, against)
        if judged is None or yardstick is None or not _began_before(dagster, judged, yardstick):
            continue
        found.append(JudgedEarly(name, decided_by(judged), yardstick.run_id))
    return found


def early_tags(dagster: dg.DagsterInstance, folder: DataFolder, chat: str) -> dict[str, str]:
    """Return the tags of the run that is to judge a chat's early ones again; none where nobody is to ask for it."""
    early = judged_early(dagster, folder, chat)
    tags = {EARLY: sha256("\n".join(map(":".join, early)).encode()).hexdigest()[:16]}
    return {} if not early or dagster.get_runs_count(dg.RunsFilter(tags=tags)) else tags


def decided_by(run: dg.DagsterRun) -> str:
    """Return the id of the run whose decisions a run judges: mostly its own."""
    return run.tags.get(JUDGED, run.run_id)


def judging_again(job_of: JobOf) -> dg.JobDefinition:
    """Return the job that judges a chat's runs again, and compares it: one process, however many they are."""

    @dg.op
    def early_runs_judged(context: dg.OpExecutionContext, data_folder: dg.ResourceParam[DataFolder]) -> None:
        """Judge again what was judged too early, and what was made so meanwhile; then compare."""
        chat, within = context.partition_key, RunsWithin(context, job_of)
        done: set[JudgedEarly] = set()
        failed: list[str] = []
        while new := [each for each in _early_now(context.instance, data_folder, chat) if each not in done]:
            for each in new:
                if not within.makes("accept", run_key(chat, each.config), {JUDGED: each.decided_by}):
                    failed.append(each.config)
            done.update(new)
        if not within.makes("compare", chat):
            failed.append("the comparison")
        context.log.info(f"{len(done)} runs judged again, {len(failed)} failed.")
        if failed:
            raise RunsFailedError(failed, "accept")

    @dg.job(
        partitions_def=chats,
        description=(
            "Judge a chat's runs again that were judged before the run they are held against was there, and compare "
            "its configs. Asks no model. Partition: chat."
        ),
    )
    def judge_again() -> None:
        early_runs_judged()

    return judge_again


def _early_now(dagster: dg.DagsterInstance, folder: DataFolder, chat: str) -> list[JudgedEarly]:
    follow(folder, tables=READ, chats=[chat])
    return judged_early(dagster, folder, chat)


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
