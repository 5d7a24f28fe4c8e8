"""What labels that err leave of the estimates: corrected where three annotators judged an item, bounded where two did.

    annotators  three or more, alike and independent given the truth (`statistics.exchangeable_raters`)
    two         two judges of the same rows: where they agree they are taken to be right, where they differ either may
                be; the estimate lies between what each row would be at worst and at best for the judge

With one label a row and nobody beside it, nothing can be said of how far the labels err, and that is said
(`report/scored_tables/evidence_sentences.py`).
"""

from __future__ import annotations

import numpy as np
import polars as pl

from moderation_pipeline.evaluation.run_metrics import Number
from moderation_pipeline.evaluation.scored.judged_rows import Judge, JudgedRows
from moderation_pipeline.statistics.bootstrap import Array, Interval, Resampled, interval, resample
from moderation_pipeline.statistics.clusters import freedom_of, of_few_users
from moderation_pipeline.statistics.exchangeable_raters import (
    LEAST_RATERS,
    Raters,
    corrected,
    raters_of,
    yes_moments,
)

LEAST_ITEMS = 100
"""Fewer items with three labels, or with two, tell nothing of how far labels err."""

NOISE = {
    "judge": pl.String,
    "basis": pl.String,
    "estimate": pl.String,
    "items": pl.Int64,
    "differ": pl.Int64,
    "value": pl.Float64,
    "low": pl.Float64,
    "high": pl.Float64,
}
"""`low` and `high` are a 95 % interval of `value` where it is corrected, and bounds without a value where it is not."""

ANNOTATOR = "any one annotator"


def noise_of_votes(judged: JudgedRows, votes: pl.DataFrame) -> pl.DataFrame:
    """Return what annotators' errors leave of the estimates; no rows where too few items have several labels.

    Args:
        judged: rows with their judges, those on which annotators are even among them.
        votes: `row`, `annotator`, `vote`.
    """
    counted = votes.group_by("row").agg(
        votes=pl.len().cast(pl.Float64), yes=pl.col("vote").sum().cast(pl.Float64)
    )
    three = counted.filter(pl.col("votes") >= LEAST_RATERS)
    if three.height >= LEAST_ITEMS:
        return _corrected(judged, three)
    pairs = votes.group_by("row").agg(
        count=pl.len(), label=pl.col("vote").first(), second=pl.col("vote").last()
    )
    two = judged.rows.drop("label").join(pairs.filter(pl.col("count") == 2).drop("count"), on="row")
    return noise_of_two(judged, two)


def noise_of_two(judged: JudgedRows, rows: pl.DataFrame) -> pl.DataFrame:
    """Return between what the estimates lie if either of two judges may be right where they differ.

    Args:
        judged: whose judges are held against both.
        rows: with `label` and `second`, the verdicts of both.
    """
    both = rows.drop_nulls(["label", "second"])
    if both.height < LEAST_ITEMS:
        return pl.DataFrame(schema=NOISE)
    found = [row for judge in judged.judges for row in _bounded(judge, both)]
    return pl.DataFrame(found, schema=NOISE, orient="row")


def _bounded(judge: Judge, rows: pl.DataFrame) -> list[tuple[Number, ...]]:
    flag = rows[judge.flag].fill_null(value=False).to_numpy()
    label, second = (rows[name].to_numpy() for name in ("label", "second"))
    open_to = label != second
    worst, best = (_scores(flag, np.where(open_to, truth, label)) for truth in (~flag, flag))
    return [
        (judge.name, "two", name, rows.height, int(open_to.sum()), None, worst[name], best[name])
        for name in worst
        if worst[name] is not None and best[name] is not None
    ]


def _scores(flag: Array, truth: Array) -> dict[str, float | None]:
    hits, flagged, violations = (float(each.sum()) for each in (flag & truth, flag, truth))  # type: ignore[operator]
    return {
        "precision": hits / flagged if flagged else None,
        "recall": hits / violations if violations else None,
        "f1": 2 * hits / (flagged + violations) if violations else None,
    }


def _corrected(judged: JudgedRows, counted: pl.DataFrame) -> pl.DataFrame:
    items = counted.join(judged.rows, on="row").sort("row")
    one, two, three = yes_moments(items["votes"].to_numpy(), items["yes"].to_numpy())
    sums: dict[str, Array] = {"n": np.ones(items.height), "one": one, "two": two, "three": three}
    for at, judge in enumerate(judged.judges):
        flag = items[judge.flag].fill_null(value=False).to_numpy().astype(np.float64)
        sums |= {f"{at}.flag": flag, f"{at}.both": flag * one}
    resampled = resample(items.select("cluster").hstack(pl.DataFrame(sums)), seed=judged.seed)
    truth, drawn = _raters(resampled.total), _raters(resampled.resamples)
    differ = int(((one > 0) & (one < 1)).sum())

    def row(name: str, estimate: str, value: Array, values: Array) -> tuple[Number, ...]:
        found = _interval(float(value[0]), values, resampled)
        return (name, "annotators", estimate, items.height, differ, *found)

    rows = [row(ANNOTATOR, *each) for each in zip(Raters._fields, truth, drawn, strict=True)]
    for at, judge in enumerate(judged.judges):
        rates = [
            corrected(raters, sums[f"{at}.flag"] / sums["n"], sums[f"{at}.both"] / sums["n"])
            for raters, sums in ((truth, resampled.total), (drawn, resampled.resamples))
        ]
        names = rates[0]._fields
        rows += [row(judge.name, *each) for each in zip(names, rates[0], rates[1], strict=True)]
    return pl.DataFrame(rows, schema=NOISE, orient="row")


def _raters(sums: dict[str, Array]) -> Raters:
    return raters_of(*(sums[name] / sums["n"] for name in ("one", "two", "three")))


def _interval(value: float, drawn: Array, resampled: Resampled) -> Interval:
    found = interval(value, drawn, few=of_few_users(freedom_of(resampled.users["n"], resampled.sizes)))
    if found.low is None or found.high is None:
        return found
    return Interval(found.estimate, max(0.0, found.low), min(1.0, found.high))
