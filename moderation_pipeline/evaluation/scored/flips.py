"""Who decides otherwise: the rows that one of two judges flags and the other doesn't."""

from __future__ import annotations

from itertools import combinations

import polars as pl

from moderation_pipeline.evaluation.scored.judged_rows import Judge, JudgedRows

FLIPS = {
    "judge": pl.String,
    "other": pl.String,
    "flagged_alone": pl.Int64,
    "violations_among": pl.Int64,
    "other_flagged_alone": pl.Int64,
    "other_violations_among": pl.Int64,
    "share": pl.Float64,
}


def flips_frame(judged: JudgedRows) -> pl.DataFrame:
    """Return one row per two judges: how many rows each flags alone, and how many of those are violations."""
    rows = []
    for one, other in combinations(judged.judges, 2):
        alone, reverse = (_alone(judged, *pair)["label"] for pair in ((one, other), (other, one)))
        share = (len(alone) + len(reverse)) / judged.rows.height
        counts = (len(alone), int(alone.sum()), len(reverse), int(reverse.sum()))
        rows.append((one.name, other.name, *counts, share))
    return pl.DataFrame(rows, schema=FLIPS, orient="row")


def flipped_rows(judged: JudgedRows) -> pl.DataFrame:
    """Return the rows on which two judges differ, once per two of them, those of which the scores differ most first."""
    frames = [
        _shown(judged, one, other)
        for pair in combinations(judged.judges, 2)
        for one, other in (pair, pair[::-1])
    ]
    return pl.concat(frames) if frames else pl.DataFrame(schema=FLIPPED)


FLIPPED = {
    "flagged_by": pl.String,
    "not_by": pl.String,
    "row": pl.Int64,
    "text": pl.String,
    "label": pl.Boolean,
    "category": pl.String,
    "score": pl.Float64,
    "other_score": pl.Float64,
}


def _alone(judged: JudgedRows, one: Judge, other: Judge) -> pl.DataFrame:
    """Return what only the first flags; no verdict is no flag."""
    flags, theirs = (pl.col(each.flag).fill_null(value=False) for each in (one, other))
    return judged.rows.filter(flags & ~theirs)


def _shown(judged: JudgedRows, one: Judge, other: Judge) -> pl.DataFrame:
    scores = [
        (pl.col(judge.score) if judge.has_scores else pl.lit(None)).cast(pl.Float64).alias(name)
        for judge, name in ((one, "score"), (other, "other_score"))
    ]
    shown = _alone(judged, one, other).select(
        pl.lit(one.name).alias("flagged_by"),
        pl.lit(other.name).alias("not_by"),
        "row",
        "text",
        "label",
        "category",
        *scores,
    )
    return shown.sort(
        pl.col("score") - pl.col("other_score"), descending=True, nulls_last=True, maintain_order=True
    )
