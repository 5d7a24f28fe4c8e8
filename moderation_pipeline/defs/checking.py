"""What every stage declares alike: whose its assets are, and how a check reports its culprits.

What is checked is in `warehouse/laws.py`, and which asset has which checks in the file of its stage.
"""

import warnings
from collections.abc import Sequence
from typing import Any

import dagster as dg
import polars as pl

from moderation_pipeline.rounding import rounded
from moderation_pipeline.warehouse.check_advice import told

OWNERS = ["team:moderation"]
"""Whose every asset is."""

CULPRITS = 10
"""How many culprits a failed check shows."""


def declared(
    asset: str,
    name: str,
    description: str,
    *,
    of: dg.PartitionsDefinition[str],
    reads: Sequence[dg.AssetDep] = (),
    blocking: bool = False,
) -> dg.AssetCheckSpec:
    """Declare a check of one truth about an asset, which reads other assets too.

    It is asked of the partition at hand alone: without `partitions_def` Dagster would load all of them. That
    argument is a preview, and says so whenever it is used; this place is where we know.
    """
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Specifying a partitions_def", dg.PreviewWarning)
        return dg.AssetCheckSpec(
            name,
            asset=asset,
            description=description,
            additional_deps=[each for each in reads if each.asset_key != dg.AssetKey(asset)],
            blocking=blocking,
            partitions_def=of,
        )


def holds(
    asset: str,
    name: str,
    culprits: pl.DataFrame,
    severity: dg.AssetCheckSeverity = dg.AssetCheckSeverity.ERROR,
) -> dg.AssetCheckResult:
    """Report that a law holds, or the rows that break it, with what that means and what to do."""
    metadata: dict[str, dg.MetadataValue[Any]] = {"culprits": dg.MetadataValue.int(culprits.height)}
    if culprits.height:
        rows = culprits.head(CULPRITS).iter_rows(named=True)
        metadata["first_culprits"] = dg.MetadataValue.json(
            [{key: None if value is None else str(value) for key, value in row.items()} for row in rows]
        )
    return dg.AssetCheckResult(
        passed=culprits.is_empty(),
        asset_key=asset,
        check_name=name,
        description=told(name, culprits),
        severity=severity,
        metadata=metadata,
    )


def within(asset: str, name: str, share: float | None, bound: float, more: str = "") -> dg.AssetCheckResult:
    """Report, as a warning, whether a share stays within its bound; a share of nothing does.

    `more` is said of one that doesn't.
    """
    explained = f" {more}" if more and share is not None and share > bound else ""
    return dg.AssetCheckResult(
        passed=share is None or share <= bound,
        asset_key=asset,
        check_name=name,
        description=None
        if share is None
        else f"The share is {rounded(share, 1, times=100)} %; at most {100 * bound:g} % is allowed.{explained}",
        severity=dg.AssetCheckSeverity.WARN,
        metadata={"bound": bound} if share is None else {"share": share, "bound": bound},
    )
