"""The stage beside user state: what a run may do alone, shown by its own random audits."""

import dagster as dg
import polars as pl

from moderation_pipeline.certificates.certificate_table import certify, with_carried_out
from moderation_pipeline.certificates.certified_basis import run_basis
from moderation_pipeline.config.config_library import ConfigLibrary
from moderation_pipeline.defs.checking import OWNERS, declared, holds
from moderation_pipeline.defs.metrics import GROUP
from moderation_pipeline.defs.partitions import runs
from moderation_pipeline.warehouse.folder import DataFolder
from moderation_pipeline.warehouse.io_manager import partition_names
from moderation_pipeline.warehouse.versions import source_version


@dg.asset(
    partitions_def=runs,
    group_name=GROUP,
    kinds={"polars", "parquet"},
    owners=OWNERS,
    code_version=source_version(__name__),
)
def certificates(
    context: dg.AssetExecutionContext,
    student_decisions: pl.DataFrame,
    expert_audits: pl.DataFrame,
    action_log: pl.DataFrame,
    expert_errors: pl.DataFrame,
    provenance: pl.DataFrame,
    data_folder: dg.ResourceParam[DataFolder],
) -> dg.MaterializeResult[pl.DataFrame]:
    """One row per target, action and category: whether the run may act alone there, and what it would take.

    Empty where the config had no `autonomy`. It is about the config that decided, whatever its file says since.
    """
    from moderation_pipeline.evaluation.expert_error_rates import with_expert_errors

    chat, config = partition_names(context.partition_key)
    run = run_basis(provenance, ConfigLibrary(data_folder).load(str(config)))
    rows = certify(student_decisions, expert_audits, run.named, chat, run.basis)
    rows = with_expert_errors(with_carried_out(rows, action_log), expert_errors)
    counts = {f"certificates_{name}": count for name, count in rows["status"].value_counts().rows()}
    return dg.MaterializeResult(value=rows, metadata=dict(sorted(counts.items())))


@dg.multi_asset_check(
    specs=[
        declared(
            "certificates",
            "a_valid_certificate_meets_its_target",
            "No row says valid whose bound is above its target.",
            of=runs,
        )
    ]
)
def certificates_checks(certificates: pl.DataFrame) -> dg.AssetCheckResult:
    """Ask whether every valid row is one."""
    unmet = certificates.filter(pl.col("status") == "valid", pl.col("bound") > pl.col("target"))
    return holds("certificates", "a_valid_certificate_meets_its_target", unmet)
