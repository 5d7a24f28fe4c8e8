"""What a run's figures were, each time that they were made: a row is added, none is ever changed.

The figures themselves are `run_metrics.py`'s; here they get a date, and the versions of what made them.
"""

from __future__ import annotations

from datetime import datetime
from typing import NamedTuple

import polars as pl

from moderation_pipeline.warehouse.tables import METRIC_HISTORY, METRICS_COLUMNS, RUN_KEYS


class WhenMade(NamedTuple):
    """When figures were made, and by which of Dagster's runs."""

    run_id: str
    started_at: datetime
    finished_at: datetime


def with_these(
    history: pl.DataFrame,
    metrics: pl.DataFrame,
    made: WhenMade,
    *,
    provenance: pl.DataFrame,
    student_decisions: pl.DataFrame,
    expert_audits: pl.DataFrame,
) -> pl.DataFrame:
    """Return the history with the run's new row last; a step that is tried again replaces its own row.

    The row is not held against an accepted run yet: `accepted_runs.py` does that.
    """
    (code_version,) = provenance["agents_version"]
    row = metrics.select(
        *RUN_KEYS,
        pl.lit(made.run_id).alias("run_id"),
        pl.lit(made.started_at).cast(METRIC_HISTORY.schema["started_at"]).alias("started_at"),
        pl.lit(made.finished_at).cast(METRIC_HISTORY.schema["finished_at"]).alias("finished_at"),
        pl.lit(code_version).alias("code_version"),
        _served(_of_tiers(student_decisions)).alias("student_models"),
        _served(expert_audits).alias("expert_models"),
        *METRICS_COLUMNS,
    )
    row = row.with_columns(
        pl.lit(None, dtype=kind).alias(name)
        for name, kind in METRIC_HISTORY.schema.items()
        if name not in row.columns
    )
    return pl.concat(
        [history.filter(pl.col("run_id") != made.run_id), row.select(METRIC_HISTORY.schema.names())]
    )


def _of_tiers(decisions: pl.DataFrame) -> pl.DataFrame:
    """Return who was asked for decisions: every tier that was, else the one Student."""
    asked = ("backend", "model")
    tiers = decisions.select("tiers").drop_nulls().explode("tiers").unnest("tiers").select(asked)
    return pl.concat([decisions.filter(pl.col("tiers").is_null()).select(asked), tiers])


def _served(answers: pl.DataFrame) -> pl.Expr:
    """Return the models that answered, as their replies named them, behind their backends; sorted."""
    named = answers.drop_nulls("backend").select(
        pl.concat_str("backend", "model", separator=" ", ignore_nulls=True).alias("served")
    )
    return pl.lit(pl.Series([named["served"].unique().sort().to_list()], dtype=pl.List(pl.String)))
