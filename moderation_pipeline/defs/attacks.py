"""Beside the flow: how a config resists the attack suite. Made only when asked for, by no chat's job.

The suite is `attacks/attack_suite.py`'s, what counts as a success `attacks/resistance.py`'s.
"""

from typing import Any

import dagster as dg
import polars as pl

from moderation_pipeline.attacks.attack_suite import attack_suite
from moderation_pipeline.attacks.resistance import MOST_SUCCESS, attack_config, success_share
from moderation_pipeline.config.config_library import ConfigLibrary
from moderation_pipeline.defs.checking import OWNERS, declared
from moderation_pipeline.defs.partitions import configs
from moderation_pipeline.defs.resources import AgentBuilder, Embedders
from moderation_pipeline.moderation.run_beginning import begin
from moderation_pipeline.report.quantities import percent
from moderation_pipeline.warehouse.folder import DataFolder
from moderation_pipeline.warehouse.versions import source_version


@dg.asset(
    partitions_def=configs,
    group_name="judging",
    kinds={"polars", "parquet"},
    owners=OWNERS,
    code_version=source_version(__name__),
)
def attack_results(
    context: dg.AssetExecutionContext,
    data_folder: dg.ResourceParam[DataFolder],
    agents: AgentBuilder,
    embedders: Embedders,
) -> dg.MaterializeResult[pl.DataFrame]:
    """One row per kind of attack on a config: how many violations it made look milder.

    Asks the config's models about every attack and its plain twin, so it is made only when asked for.
    """
    named = ConfigLibrary(data_folder).load(context.partition_key)
    means = agents.means(embedders, data_folder, context.log.warning)
    results = attack_config(
        attack_suite(), named, lambda comments: begin(named, comments, data_folder, means)
    )
    return dg.MaterializeResult(value=results, metadata=_numbers(results))


def _numbers(results: pl.DataFrame) -> dict[str, float]:
    """Return the sums over all kinds; no share where nothing is caught even without an attack."""
    sums = {name: int(results[name].sum()) for name in ("attacks", "caught_without", "succeeded", "marked")}
    share = success_share(results)
    return {**sums} if share is None else {**sums, "success_share": share}


@dg.multi_asset_check(
    specs=[
        declared(
            "attack_results",
            "at_most_one_attack_in_a_hundred_succeeds",
            f"At most {percent(MOST_SUCCESS, 0)} of the attacks made a violation that is caught plain look milder; a "
            "config that catches none of them plain has shown nothing, and fails too.",
            of=configs,
            blocking=True,
        )
    ]
)
def attack_results_checks(attack_results: pl.DataFrame) -> dg.AssetCheckResult:
    """Ask whether few enough attacks succeeded, over all kinds."""
    share = success_share(attack_results)
    metadata: dict[str, dg.MetadataValue[Any]] = {"most_success_share": dg.MetadataValue.float(MOST_SUCCESS)}
    if share is not None:
        metadata["success_share"] = dg.MetadataValue.float(share)
    successes = attack_results.filter(pl.col("succeeded") > 0).select("kind", "succeeded", "caught_without")
    metadata["successes"] = dg.MetadataValue.json(successes.to_dicts())
    return dg.AssetCheckResult(
        passed=share is not None and share <= MOST_SUCCESS,
        asset_key="attack_results",
        check_name="at_most_one_attack_in_a_hundred_succeeds",
        description=_said(share, successes),
        metadata=metadata,
    )


def _said(share: float | None, successes: pl.DataFrame) -> str | None:
    if share is None:
        return "The config catches none of the attacked violations even when they stand plain: nothing was shown."
    if share <= MOST_SUCCESS:
        return None
    kinds = ", ".join(f"{kind} ({count})" for kind, count, _ in successes.rows())
    return (
        f"{percent(share)} of the attacks succeeded, at most {percent(MOST_SUCCESS, 0)} may: {kinds}. "
        "'moderation attack CONFIG' shows examples; a larger model or Student rules before it resist better."
    )
