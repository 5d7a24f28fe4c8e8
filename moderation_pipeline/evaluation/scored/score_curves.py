"""Scores over all thresholds, and how far they are probabilities. Single estimates are `score_metrics`'."""

from __future__ import annotations

import numpy as np
import polars as pl

from moderation_pipeline.evaluation.calibration_error import LEAST_SAMPLE, GapFromTruth, calibration_error
from moderation_pipeline.evaluation.scored.judged_rows import Judge, JudgedRows
from moderation_pipeline.statistics.adding_up import added_up_by
from moderation_pipeline.statistics.ranking import Ranking
from moderation_pipeline.statistics.wilson import wilson

POINTS = 101
"""Thresholds shown of each judge: from 0 to 1 in hundredths."""

BINS = 10


def threshold_frame(judged: JudgedRows) -> pl.DataFrame:
    """Return one row per judge and threshold: what it would flag, precision, recall, F1 (no intervals)."""
    bounds = np.linspace(0, 1, POINTS)
    frames = [_curve(judged, judge, bounds) for judge in judged.judges if judge.has_scores]
    return pl.concat(frames) if frames else pl.DataFrame(schema=CURVE)


CURVE = {
    "judge": pl.String,
    "threshold": pl.Float64,
    "flagged": pl.Int64,
    "precision": pl.Float64,
    "recall": pl.Float64,
    "f1": pl.Float64,
}


def _curve(
    judged: JudgedRows, judge: Judge, bounds: np.ndarray[tuple[int], np.dtype[np.float64]]
) -> pl.DataFrame:
    known = judged.rows.filter(pl.col(judge.score).is_not_null())
    scores = np.sort(known[judge.score].to_numpy())
    hits = np.sort(known.filter("label")[judge.score].to_numpy())
    flagged, caught = (each.size - np.searchsorted(each, bounds) for each in (scores, hits))
    violations = int(judged.rows["label"].sum())
    return pl.DataFrame(
        {"judge": judge.name, "threshold": bounds, "flagged": flagged, "caught": caught}
    ).select(
        "judge",
        "threshold",
        pl.col("flagged").cast(pl.Int64),
        precision=pl.when(pl.col("flagged") > 0).then(pl.col("caught") / pl.col("flagged")),
        recall=pl.when(violations > 0).then(pl.col("caught") / violations),
        f1=pl.when(pl.col("flagged") + violations > 0).then(
            2 * pl.col("caught") / (pl.col("flagged") + violations)
        ),
    )


def best_thresholds(judged: JudgedRows) -> dict[str, float | None]:
    """Return by judge from which score on F1 is highest on these very rows."""
    label = judged.rows["label"].to_numpy().astype(np.bool_)
    return {
        judge.name: Ranking.of(judged.rows[judge.score].fill_null(np.nan).to_numpy(), label).best_threshold()
        for judge in judged.judges
        if judge.has_scores
    }


def calibration_of_scores(judged: JudgedRows, judge: Judge) -> GapFromTruth | None:
    """Return how far the judge's scores are from the share of violations; null where there are too few rows."""
    known = judged.rows.filter(pl.col(judge.score).is_not_null()) if judge.has_scores else judged.rows.clear()
    label = known["label"].to_numpy().astype(np.bool_)
    if known.height < LEAST_SAMPLE or label.all() or not label.any():
        return None
    _, cluster = np.unique(known["cluster"].to_numpy(), return_inverse=True)
    return calibration_error(known[judge.score].to_numpy(), label, np.ones(known.height), cluster=cluster)


def calibration_frame(judged: JudgedRows) -> pl.DataFrame:
    """Return one row per judge and tenth of its scores: their mean, and the share of violations (Wilson's interval)."""
    rows = [row for judge in judged.judges if judge.has_scores for row in _bins(judged, judge)]
    return pl.DataFrame(rows, schema=BIN, orient="row")


BIN = {
    "judge": pl.String,
    "from_score": pl.Float64,
    "to_score": pl.Float64,
    "rows": pl.Int64,
    "mean_score": pl.Float64,
    "violation_share": pl.Float64,
    "violation_share_low": pl.Float64,
    "violation_share_high": pl.Float64,
}


def _bins(judged: JudgedRows, judge: Judge) -> list[tuple[object, ...]]:
    known = judged.rows.filter(pl.col(judge.score).is_not_null())
    bins = added_up_by(
        ["at"],
        known.select(
            at=(pl.col(judge.score) * BINS).floor().clip(0, BINS - 1).cast(pl.Int64),
            rows=pl.lit(1),
            score=judge.score,
            violations="label",
        ),
    ).sort("at")
    return [
        (
            *(judge.name, at / BINS, (at + 1) / BINS, int(rows)),
            *(score / rows, violations / rows, *wilson(violations / rows, rows)),
        )
        for at, rows, score, violations in bins.iter_rows()
    ]
