"""The stage beside metrics: how often a run's Expert is itself wrong, by the chat's labels."""

import dagster as dg
import polars as pl

from moderation_pipeline.certificates.certified_basis import run_basis
from moderation_pipeline.config.config_library import ConfigLibrary
from moderation_pipeline.defs.checking import OWNERS, declared, holds
from moderation_pipeline.defs.metrics import GROUP
from moderation_pipeline.defs.partitions import from_chat_to_run, runs
from moderation_pipeline.warehouse import laws
from moderation_pipeline.warehouse.folder import DataFolder
from moderation_pipeline.warehouse.io_manager import partition_names
from moderation_pipeline.warehouse.versions import source_version


@dg.asset(
    partitions_def=runs,
    ins={"comments": dg.AssetIn(partition_mapping=from_chat_to_run)},
    group_name=GROUP,
    kinds={"polars", "parquet"},
    owners=OWNERS,
    code_version=source_version(__name__),
)
def expert_errors(
    context: dg.AssetExecutionContext,
    comments: pl.DataFrame,
    student_decisions: pl.DataFrame,
    expert_audits: pl.DataFrame,
    provenance: pl.DataFrame,
    data_folder: dg.ResourceParam[DataFolder],
) -> dg.MaterializeResult[pl.DataFrame]:
    """One row per kind of error and category: how often the Expert errs by the labels, what it mends and breaks.

    Empty without labels, and where the labels are the Expert.
    """
    from moderation_pipeline.evaluation import expert_error_rates as own

    chat, config = partition_names(context.partition_key)
    named = run_basis(provenance, ConfigLibrary(data_folder).load(str(config))).named
    rows = own.expert_errors(chat, comments, student_decisions, expert_audits, named)
    overall = rows.filter(pl.col("kind") == "any").select("audits", "wrong", "rate", "mended", "broken")
    numbers = overall.row(0, named=True) if overall.height else {"audits": 0}
    return dg.MaterializeResult(value=rows, metadata=numbers)


@dg.multi_asset_check(
    specs=[
        declared(
            "expert_errors",
            "rates_lie_within_their_intervals",
            "Every rate lies within its interval.",
            of=runs,
        )
    ]
)
def expert_errors_checks(expert_errors: pl.DataFrame) -> dg.AssetCheckResult:
    """Ask whether the intervals hold their rates."""
    return holds(
        "expert_errors", "rates_lie_within_their_intervals", laws.outside_intervals(expert_errors, ["rate"])
    )
