"""Annotators on the same scale as models: each is held against what most of the others say, and so is every judge.

An annotator is not among those he is held against, and a judge is held against the very same majorities on the very
same items, so that the two can be compared. Where the others are even, nobody is held against them.
"""

from __future__ import annotations

import polars as pl

from moderation_pipeline.evaluation.copied_texts import copied_texts
from moderation_pipeline.evaluation.run_metrics import Number, interval_of
from moderation_pipeline.evaluation.scored.judged_rows import JudgedRows
from moderation_pipeline.evaluation.scored.score_sums import CELLS, at_a_threshold, cells
from moderation_pipeline.statistics.bootstrap import NOTHING, Interval, interval, resample
from moderation_pipeline.statistics.clusters import freedom_of, of_few_users
from moderation_pipeline.statistics.rater_agreement import ALPHA_SUMS, alpha, alpha_sums

SHOWN = ("precision", "recall", "f1", "false_positive_rate")
LEAST_ITEMS = 20
"""An annotator with fewer items is shown among all, and not alone."""

EVERYBODY = "any one annotator"
"""Whom the row speaks of that pools all annotators."""


def annotators_frame(judged: JudgedRows, votes: pl.DataFrame) -> pl.DataFrame:
    """Return one row per annotator, one for any of them, and one per judge: each against the majority of the others.

    Args:
        judged: rows with their judges.
        votes: `row`, `annotator`, `vote`.
    """
    held = against_the_others(judged, votes)
    if held.is_empty():
        return pl.DataFrame()
    rows = [_measured(judged, held, EVERYBODY, "annotator", held["vote"])]
    rows += [_measured(judged, held, judge.name, judge.kind, held[judge.flag]) for judge in judged.judges]
    for (name,), own in held.group_by("annotator", maintain_order=True):
        if own.height >= LEAST_ITEMS:
            rows.append(_measured(judged, own, str(name), "annotator", own["vote"]))
    return pl.DataFrame(rows, infer_schema_length=None)


def against_the_others(judged: JudgedRows, votes: pl.DataFrame) -> pl.DataFrame:
    """Return one row per vote whose item has a majority among the others: `vote`, `label` (theirs), the verdicts."""
    counted = votes.with_columns(
        others=pl.len().over("row") - 1,
        others_yes=pl.col("vote").sum().over("row") - pl.col("vote").cast(pl.Int64),
    ).filter((pl.col("others") > 0) & (2 * pl.col("others_yes") != pl.col("others")))
    theirs = counted.select("row", "annotator", "vote", label=2 * pl.col("others_yes") > pl.col("others"))
    verdicts = judged.rows.select("row", "cluster", "shared_text", *(judge.flag for judge in judged.judges))
    return theirs.join(verdicts, on="row", how="inner", maintain_order="left")


def _measured(
    judged: JudgedRows, held: pl.DataFrame, name: str, kind: str, verdicts: pl.Series
) -> dict[str, Number]:
    sums = held.select("cluster", "shared_text").hstack(pl.DataFrame(cells("", verdicts, held["label"])))
    definitions = at_a_threshold("")
    copied = copied_texts(sums, definitions, ())
    resampled = resample(sums.drop("shared_text"), seed=judged.seed)
    row: dict[str, Number] = {"judge": name, "kind": kind, "held_against_others_on": held.height}
    row |= {cell: round(float(resampled.total[cell][0])) for cell in CELLS}
    for estimate in SHOWN:
        found = interval_of(definitions[estimate], resampled, copied.added[estimate])
        row |= {estimate: found.estimate, f"{estimate}_low": found.low, f"{estimate}_high": found.high}
    return row


def agreement_of_annotators(judged: JudgedRows, votes: pl.DataFrame) -> Interval:
    """Return Krippendorff's alpha with its interval, from resampled users (items, where nobody knows the users)."""
    counted = votes.group_by("row").agg(
        labels=pl.len().cast(pl.Float64), yes=pl.col("vote").sum().cast(pl.Float64)
    )
    items = counted.join(judged.rows.select("row", "cluster"), on="row").sort("row")
    sums = pl.DataFrame(alpha_sums(items["labels"].to_numpy(), items["yes"].to_numpy())).select(ALPHA_SUMS)
    resampled = resample(items.select("cluster").hstack(sums), seed=judged.seed)
    if not items.height:
        return NOTHING
    few = of_few_users(freedom_of(resampled.users["labels"], resampled.sizes))
    found = interval(float(alpha(resampled.total)[0]), alpha(resampled.resamples), few=few)
    return found if found.high is None else found._replace(high=min(1.0, found.high))
