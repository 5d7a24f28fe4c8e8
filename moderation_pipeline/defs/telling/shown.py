"""What Dagster shows of an asset beside what it declares: columns with their meaning, where its code is, freshness.

Put on every asset in one place (`definitions.py`). Columns are `warehouse/tables.py`'s, meanings
`warehouse/column_meanings.py`'s.
"""

import warnings
from collections.abc import Iterable
from datetime import timedelta

import dagster as dg

from moderation_pipeline.warehouse.column_meanings import meaning_of
from moderation_pipeline.warehouse.folder import DataFolder
from moderation_pipeline.warehouse.tables import TABLES, Table

COLUMNS = "dagster/column_schema"

NIGHTLY_ASSETS = ("metrics", "metric_history")
EXPECTED_WITHIN, LATE_AFTER = timedelta(days=3), timedelta(days=8)
"""Of any chat, where there are nights: one in which nothing changed makes no run, a week without any is a fault."""


def columns_of(table: Table) -> dg.TableSchema:
    """Return a table's columns, each with what it means where that is written down."""
    return dg.TableSchema(
        [
            dg.TableColumn(name, str(kind), description=meaning_of(table.name, name))
            for name, kind in table.schema.items()
        ]
    )


def shown(assets: Iterable[object]) -> list[dg.AssetsDefinition]:
    """Return the assets with what is shown of them."""
    has_nights = DataFolder.find().nights.exists()
    ours = [each for each in assets if isinstance(each, dg.AssetsDefinition)]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", dg.BetaWarning)
        referenced = dg.with_source_code_references(ours)
    return [
        each.map_asset_specs(lambda spec: _shown(spec, has_nights=has_nights))
        for each in referenced
        if isinstance(each, dg.AssetsDefinition)
    ]


def _shown(spec: dg.AssetSpec, *, has_nights: bool) -> dg.AssetSpec:
    table = TABLES.get(spec.key.to_python_identifier())
    if table is not None:
        spec = spec.merge_attributes(metadata={COLUMNS: columns_of(table)})
    if has_nights and spec.key.to_python_identifier() in NIGHTLY_ASSETS:
        window = dg.FreshnessPolicy.time_window(fail_window=LATE_AFTER, warn_window=EXPECTED_WITHIN)
        spec = spec.replace_attributes(freshness_policy=window)
    return spec
