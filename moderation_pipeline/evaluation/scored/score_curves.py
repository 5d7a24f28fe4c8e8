"""Scores over all thresholds, and how far they are probabilities. Single estimates are `score_metrics`'."""

from __future__ import annotations

import numpy as np
import polars as pl

from moderation_pipeline.evaluation.calibration_error import LEAST_SAMPLE, GapFromTruth, calibration_error
from moderation_pipeline.evaluation.copied_texts import copied_texts
from moderation_pipeline.evaluation.estimates import KEYS, Ratio
from moderation_pipeline.evaluation.run_metrics import interval_of
from moderation_pipeline.evaluation.scored.judged_rows import Judge, JudgedRows
from moderation_pipeline.statistics.adding_up import added_up_by
from moderation_pipeline.statistics.bootstrap import resample
from moderation_pipeline.statistics.ranking import Ranking
from moderation_pipeline.statistics.wilson import wilson

POINTS = 101
"""Thresholds shown of each judge: from 0 to 1 in hundredths."""

BINS = 10


def threshold_frame(judged: JudgedRows) -> pl.DataFrame:
    """Return one row per judge and threshold: what it would flag, precision, recall, F1, each with its 95 % interval.

    An interval is of its one threshold, by users and texts; that a threshold was chosen is in none.
    """
    frames = [_curve(judged, judge) for judge in judged.judges if judge.has_scores]
    return pl.concat(frames) if frames else pl.DataFrame(schema=CURVE)


ESTIMATED = ("precision", "recall", "f1")
CURVE = {
    "judge": pl.String,
    "threshold": pl.Float64,
    "flagged": pl.Int64,
    **{f"{name}{end}": pl.Float64 for name in ESTIMATED for end in ("", "_low", "_high")},
}


def _curve(judged: JudgedRows, judge: Judge) -> pl.DataFrame:
    bounds = np.arange(POINTS) / (POINTS - 1)  # as they are written: linspace's .35 is a little more
    label = judged.rows["label"].to_numpy().astype(np.bool_)
    score = judged.rows[judge.score].cast(pl.Float64).fill_null(np.nan).to_numpy()
    known = np.sort(score[~np.isnan(score)])
    flagged = known.size - np.searchsorted(known, bounds)
    # Between two neighbouring scores nothing changes: what was resampled once stands for every threshold there.
    distinct, first, at = np.unique(flagged, return_index=True, return_inverse=True)
    sums = {"violations": label.astype(np.float64)}
    definitions: dict[str, tuple[Ratio, ...]] = {}
    for number, bound in enumerate(bounds[first]):
        above = score >= bound
        sums |= {
            f"{number}.flagged": above.astype(np.float64),
            f"{number}.caught": (above & label).astype(np.float64),
        }
        definitions |= _at_a_threshold(number)
    frame = judged.rows.select(KEYS).hstack(pl.DataFrame(sums))
    copied = copied_texts(frame, definitions, ())
    resampled = resample(frame.drop("shared_text"), seed=judged.seed)
    found = {name: interval_of(ratios, resampled, copied.added[name]) for name, ratios in definitions.items()}
    rows = [
        (
            judge.name,
            bound,
            int(distinct[number]),
            *(end for name in ESTIMATED for end in found[f"{number}.{name}"]),
        )
        for bound, number in zip(bounds, at, strict=True)
    ]
    return pl.DataFrame(rows, schema=CURVE, orient="row")


def _at_a_threshold(number: int) -> dict[str, tuple[Ratio, ...]]:
    flagged, caught = f"{number}.flagged", f"{number}.caught"
    return {
        f"{number}.precision": (Ratio({caught: 1.0}, {flagged: 1.0}),),
        f"{number}.recall": (Ratio({caught: 1.0}, {"violations": 1.0}),),
        f"{number}.f1": (Ratio({caught: 2.0}, {flagged: 1.0, "violations": 1.0}),),
    }


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
