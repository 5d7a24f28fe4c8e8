"""The same judges on parts of the rows: by group of those who are spoken of. By category is `category_scores`'.

A part's intervals are its own; nothing is corrected for how many parts there are, so the worst of many looks worse
than it is.
"""

from __future__ import annotations

import polars as pl

from moderation_pipeline.evaluation.scored.judged_rows import JudgedRows
from moderation_pipeline.evaluation.scored.score_metrics import Measured, estimates_frame

MOST_PARTS = 30
"""Parts that are measured, the largest first: the rest would be a row or two each."""

OF_A_GROUP = ("precision", "recall", "f1", "false_positive_rate", "auroc", "auprc")


def by_group(judged: JudgedRows) -> pl.DataFrame:
    """Return one row per group and judge; `column` is where the group is named."""
    frames = [
        estimates_frame(Measured.of(judged.where(pl.col(f"group:{column}") == name)), OF_A_GROUP).select(
            pl.lit(column).alias("column"),
            pl.lit(name).alias("group"),
            "judge",
            "rows",
            (pl.col("tp") + pl.col("fn")).alias("violations"),
            *_spread(OF_A_GROUP),
        )
        for column in judged.groups
        for name in parts_of(judged.rows[f"group:{column}"])
    ]
    return pl.concat(frames, how="vertical_relaxed") if frames else pl.DataFrame()


def parts_of(values: pl.Series) -> list[str]:
    """Return the parts that are looked at, the largest first."""
    counted = values.drop_nulls().value_counts(name="\x00times")
    counted = counted.sort("\x00times", values.name, descending=[True, False])
    return [str(name) for name in counted.to_series(0).head(MOST_PARTS)]


def _spread(names: tuple[str, ...]) -> list[str]:
    return [f"{name}{end}" for name in names for end in ("", "_low", "_high")]
