"""The fourth stage: how good and how dear a run was, against labels and against the Expert."""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import dagster as dg
import polars as pl

from moderation_pipeline.certificates.certified_basis import run_basis
from moderation_pipeline.config.config_library import ConfigLibrary
from moderation_pipeline.config.run_config import NamedConfig
from moderation_pipeline.defs.checking import OWNERS, declared, holds
from moderation_pipeline.defs.home.judged_early import decided_by
from moderation_pipeline.defs.partitions import from_chat_to_run, runs
from moderation_pipeline.warehouse import laws
from moderation_pipeline.warehouse.damage import is_damaged, set_aside
from moderation_pipeline.warehouse.files import partition_path, read_table, stored_partitions
from moderation_pipeline.warehouse.folder import DataFolder
from moderation_pipeline.warehouse.io_manager import partition_names
from moderation_pipeline.warehouse.tables import (
    ACCEPTED_RUN,
    ESTIMATES,
    EXPERT_AUDITS,
    METRIC_HISTORY,
    METRICS,
    Table,
)
from moderation_pipeline.warehouse.versions import comments_version, source_version

if TYPE_CHECKING:
    from moderation_pipeline.evaluation.history.metric_history import WhenMade

GROUP = "judging"


def _out(description: str) -> dg.AssetOut:
    return dg.AssetOut(
        description=description,
        group_name=GROUP,
        kinds={"polars", "parquet"},
        owners=OWNERS,
        code_version=source_version(__name__),
        dagster_type=pl.DataFrame,
    )


class Judging(dg.Config):
    """How a run is judged: `accept` says why later ones are held against it from now on; empty, the older stays."""

    accept: str = ""


@dg.multi_asset(
    partitions_def=runs,
    ins={"comments": dg.AssetIn(partition_mapping=from_chat_to_run)},
    outs={
        "metrics": _out(
            "One row per run: agreement, precision, recall, F1, latency, cost; each estimate with its interval."
        ),
        "metric_history": _out(
            "One row each time that a run's metrics were made: when, by which code, data and models, every estimate."
        ),
        "accepted_run": _out(
            "One row per comment of the run that was accepted last, and how it fared: what later runs are paired with."
        ),
    },
)
def run_judged(
    context: dg.AssetExecutionContext,
    config: Judging,
    comments: pl.DataFrame,
    student_decisions: pl.DataFrame,
    expert_audits: pl.DataFrame,
    memory_snapshot: pl.DataFrame,
    action_log: pl.DataFrame,
    user_state: pl.DataFrame,
    provenance: pl.DataFrame,
    data_folder: dg.ResourceParam[DataFolder],
) -> Iterator[dg.MaterializeResult[pl.DataFrame]]:
    """Judge a run, hold it against the one that was accepted last, and remember when that was."""
    from moderation_pipeline.evaluation.history.accepted_runs import held_against_accepted
    from moderation_pipeline.evaluation.history.metric_history import with_these
    from moderation_pipeline.evaluation.judged import Run
    from moderation_pipeline.evaluation.outcome_changes import how_it_fared
    from moderation_pipeline.evaluation.run_metrics import measured_run

    chat, name = partition_names(context.partition_key)
    named = run_basis(provenance, ConfigLibrary(data_folder).load(str(name))).named
    run = Run(named, student_decisions, expert_audits, memory_snapshot, action_log, user_state)
    version = comments_version(comments)
    reference = reference_plans(data_folder, str(chat), named, version)
    row, by_comment = measured_run(comments, run, data_version=version, reference=reference)
    yield dg.MaterializeResult(asset_key="metrics", value=row, metadata=numbers(row))
    history = with_these(
        _as_it_was(context, data_folder, METRIC_HISTORY),
        row,
        _made(context),
        provenance=provenance,
        student_decisions=student_decisions,
        expert_audits=expert_audits,
    )
    by_comment = by_comment.join(how_it_fared(run), on="comment_id", how="left", maintain_order="left")
    before = _as_it_was(context, data_folder, ACCEPTED_RUN)
    held = held_against_accepted(history, before, by_comment, named, config.accept)
    yield dg.MaterializeResult(
        asset_key="metric_history", value=held.history, metadata={"made": held.history.height}
    )
    yield dg.MaterializeResult(
        asset_key="accepted_run", value=held.accepted, metadata={"comments": held.accepted.height}
    )


def _as_it_was(context: dg.AssetExecutionContext, folder: DataFolder, table: Table) -> pl.DataFrame:
    """Return what a run's own table held before; a damaged one can't be made anew: it is set aside, and begins anew."""
    chat, name = partition_names(context.partition_key)
    path = partition_path(folder, table, chat, name)
    if is_damaged(path):
        context.log.warning(
            f"{path} is damaged. What it held is lost; it was set aside as {set_aside(path)}."
        )
    return read_table(folder, table, chat, name)


def _made(context: dg.AssetExecutionContext) -> "WhenMade":
    """Return when the run of Dagster's began that decided, mostly this one, which is over but for what is written."""
    from moderation_pipeline.evaluation.history.metric_history import WhenMade

    now = datetime.now(UTC)
    decided = decided_by(context.run)
    record = context.instance.get_run_record_by_id(decided)
    began = None if record is None else record.start_time
    return WhenMade(decided, now if began is None else datetime.fromtimestamp(began, UTC), now)


YARDSTICK_TABLES = (METRICS, EXPERT_AUDITS)
"""What is read of a run that others are measured against."""


def reference_plans(folder: DataFolder, chat: str, named: NamedConfig, version: str) -> pl.DataFrame | None:
    """Return the plans of the run of these comments in which the config's Expert audited everything, if it is stored.

    A run of what the chat was before is none of them: its comments have the names of others. Not an input of the
    asset: it is another config's run, and Dagster would hold every run back for it. Where that run comes later, this
    one is judged again (`judged_early.py`). One whose tables are damaged is as one that was never made: it stops no
    other, and is made anew in its turn.
    """
    from moderation_pipeline.evaluation.yardstick import yardstick_of

    library = ConfigLibrary(folder)
    stored = {path.stem for path in stored_partitions(folder, EXPERT_AUDITS, chat)}.intersection(
        library.names()
    )
    of_these = [
        name
        for name in sorted(stored)
        if not any(is_damaged(partition_path(folder, table, chat, name)) for table in YARDSTICK_TABLES)
        and version in read_table(folder, METRICS, chat, name)["data_version"].to_list()
    ]
    against = yardstick_of(named, map(library.load, of_these))
    return None if against is None else read_table(folder, EXPERT_AUDITS, chat, against)


def numbers(row: pl.DataFrame) -> dict[str, float | int | str]:
    """Return a table's first row as metadata: what is null has no number, and is left out."""
    return {name: value for name, value in row.row(0, named=True).items() if value is not None}


@dg.multi_asset_check(
    specs=[
        declared(
            "metrics",
            "every_comment_is_counted",
            "The metrics are of all comments of the chat: those under a sanction are counted apart.",
            of=runs,
            reads=[dg.AssetDep("action_log")],
        ),
        declared(
            "metrics",
            "intervals_hold_their_estimates",
            "Every estimate lies within its interval.",
            of=runs,
            reads=[dg.AssetDep("action_log")],
        ),
        declared(
            "metric_history",
            "the_latest_metrics_are_remembered",
            "The last row of a run's history says what its metrics say.",
            of=runs,
            reads=[dg.AssetDep("metrics"), dg.AssetDep("action_log")],
        ),
        declared(
            "metric_history",
            "served_models_are_those_of_last_time",
            "The models that answered are those of the last time under the same config, by the names in their replies.",
            of=runs,
            reads=[dg.AssetDep("metrics"), dg.AssetDep("action_log")],
        ),
        declared(
            "accepted_run",
            "accepted_comments_are_unique",
            "Each comment of the accepted run stands in it once, so that pairs are pairs.",
            of=runs,
            reads=[dg.AssetDep("metrics"), dg.AssetDep("action_log")],
        ),
        declared(
            "metric_history",
            "the_run_is_no_worse_than_the_accepted_one",
            "In a pair with the run that was accepted last, on the same comments, it is not worse by more than chance.",
            of=runs,
            reads=[dg.AssetDep("metrics"), dg.AssetDep("action_log")],
        ),
        declared(
            "metric_history",
            "comments_fare_as_in_the_accepted_run",
            "Where code, config and comments are those of the accepted run, hardly any comment fares otherwise.",
            of=runs,
            reads=[dg.AssetDep("metrics"), dg.AssetDep("action_log")],
        ),
    ]
)
def metrics_checks(
    metrics: pl.DataFrame, metric_history: pl.DataFrame, accepted_run: pl.DataFrame, action_log: pl.DataFrame
) -> Iterator[dg.AssetCheckResult]:
    """Ask whether a run's metrics are of the run's comments, consistent in themselves, and no worse than before."""
    from moderation_pipeline.evaluation.history.accepted_runs import unexplained_flips, worse_than_accepted

    counted = metrics.select("chat", "config", "comments", actions=pl.lit(action_log.height))
    yield holds(
        "metrics", "every_comment_is_counted", counted.filter(pl.col("comments") != pl.col("actions"))
    )
    yield holds("metrics", "intervals_hold_their_estimates", laws.outside_intervals(metrics, ESTIMATES))
    latest = metric_history.tail(1).select(metrics.columns)
    yield holds(
        "metric_history",
        "the_latest_metrics_are_remembered",
        laws.differing(metrics, latest, ["chat", "config"]),
    )
    yield holds(
        "metric_history",
        "served_models_are_those_of_last_time",
        laws.changed_models(metric_history),
        dg.AssetCheckSeverity.WARN,
    )
    yield holds(
        "metric_history",
        "the_run_is_no_worse_than_the_accepted_one",
        worse_than_accepted(metric_history),
        dg.AssetCheckSeverity.WARN,
    )
    yield holds(
        "metric_history",
        "comments_fare_as_in_the_accepted_run",
        unexplained_flips(metric_history, accepted_run, action_log),
        dg.AssetCheckSeverity.WARN,
    )
    yield holds("accepted_run", "accepted_comments_are_unique", laws.repeated(accepted_run, "comment_id"))
