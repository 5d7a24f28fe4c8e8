"""What came of judging a table: frames, and what has to be said with them. Made by `contest/`, shown by `report/`."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import TYPE_CHECKING

import polars as pl

from moderation_pipeline.evaluation.scored.category_scores import by_category
from moderation_pipeline.evaluation.scored.false_alarms import fairness_frame
from moderation_pipeline.evaluation.scored.flips import flipped_rows, flips_frame
from moderation_pipeline.evaluation.scored.judged_rows import JudgedRows, LabelSource
from moderation_pipeline.evaluation.scored.score_curves import (
    best_thresholds,
    calibration_frame,
    calibration_of_scores,
    threshold_frame,
)
from moderation_pipeline.evaluation.scored.score_metrics import Measured, differences_frame, estimates_frame
from moderation_pipeline.evaluation.scored.selective_risk import coverage_frame
from moderation_pipeline.evaluation.scored.slices import by_group

if TYPE_CHECKING:
    from collections.abc import Iterator


@dataclass(frozen=True, slots=True)
class Evaluation:
    """Several judges of one labelled table, as Polars frames.

    Attributes:
        judges: one row per score and config: its confusion table at its threshold, estimates with the bounds of
            their 95 % intervals (`f1`, `f1_low`, `f1_high`), `chosen_…` at a threshold that was chosen on nine
            tenths of the users and judged on the last (its intervals are a little too narrow, for the choice is not in
            them), `best_threshold` on these very rows, calibration, dollars for 1,000 rows.
        differences: one row per two judges and estimate, with the smallest difference that could have been shown.
        flips: one row per two judges: what each flags alone.
        flipped: those rows.
        categories: how many violations of each category are found, and how well they rank above the innocent.
        groups: the estimates by group.
        calibration: scores in tenths, and how many violations are in each.
        thresholds: precision, recall and F1 over all thresholds.
        coverage: how often a judge errs if it decides alone only what it is surest of, by share of the rows.
        fairness: how often each judge flags innocent rows, by group named and by language, against the rest.
        noise: what labels that err leave of the estimates, where somebody judged the rows besides.
        annotators: each annotator held against the others, beside the judges; empty where there is one label.
        facts: `name`, `rows`, `violations`, `clusters`, who labelled.
        notes: what was read, left out and taken for granted.
    """

    judges: pl.DataFrame
    differences: pl.DataFrame
    flips: pl.DataFrame
    flipped: pl.DataFrame
    categories: pl.DataFrame
    groups: pl.DataFrame
    calibration: pl.DataFrame
    thresholds: pl.DataFrame
    coverage: pl.DataFrame
    fairness: pl.DataFrame
    noise: pl.DataFrame
    annotators: pl.DataFrame
    facts: Facts
    notes: tuple[str, ...]

    def frames(self) -> Iterator[tuple[str, pl.DataFrame]]:
        """Yield the frames by their names."""
        for each in fields(self):
            value = getattr(self, each.name)
            if isinstance(value, pl.DataFrame):
                yield each.name, value


@dataclass(frozen=True, slots=True)
class Facts:
    """What the rows are: of which table, how many, labelled by whom; what errors weigh; who judged them besides.

    `data` is the SHA-256 of a table's file, or the version of a chat's comments; null of a frame.
    """

    name: str
    rows: int
    violations: int
    clusters: int
    has_users: bool
    label_source: LabelSource
    data: str | None = None
    harm: str = ""
    second: str | None = None
    alpha: float | None = None
    alpha_low: float | None = None
    alpha_high: float | None = None


def evaluation_of(
    judged: JudgedRows, facts: Facts, notes: tuple[str, ...], annotators: pl.DataFrame, noise: pl.DataFrame
) -> Evaluation:
    """Return all that is asked of judged rows; what their annotators say is asked of more rows, beforehand."""
    measured = Measured.of(judged)
    return Evaluation(
        judges=_with_calibration(judged, estimates_frame(measured)),
        differences=differences_frame(measured),
        flips=flips_frame(judged),
        flipped=flipped_rows(judged),
        categories=by_category(judged),
        groups=by_group(judged),
        calibration=calibration_frame(judged),
        thresholds=threshold_frame(judged),
        coverage=coverage_frame(judged),
        fairness=fairness_frame(judged),
        noise=noise,
        annotators=annotators,
        facts=facts,
        notes=notes,
    )


def _with_calibration(judged: JudgedRows, judges: pl.DataFrame) -> pl.DataFrame:
    best = best_thresholds(judged)
    found = [calibration_of_scores(judged, judge) for judge in judged.judges]
    ends = ("", "_low", "_high")
    columns = [
        pl.Series(f"calibration_error{end}", [None if gap is None else gap[at] for gap in found], pl.Float64)
        for at, end in enumerate(ends)
    ]
    return judges.with_columns(
        pl.Series("best_threshold", [best.get(judge.name) for judge in judged.judges], pl.Float64),
        *columns,
        pl.Series("usd_per_1000", [judge.usd_per_1000 for judge in judged.judges], pl.Float64),
        pl.Series("what", [judge.what for judge in judged.judges], pl.String),
    )
