"""Judges measured together on labelled rows: estimates with intervals, and paired differences of any two.

All are resampled with the same users and texts, so that differences are paired and hold together (`max_t`). What the
sums are is in `score_sums`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import combinations

import polars as pl
from scipy.special import ndtri

from moderation_pipeline.evaluation.copied_texts import CopiedTexts, copied_texts
from moderation_pipeline.evaluation.run_metrics import Number, difference_of, interval_of
from moderation_pipeline.evaluation.scored.judged_rows import Judge, JudgedRows
from moderation_pipeline.evaluation.scored.score_sums import (
    CELLS,
    LEAST,
    NOT_SHARES,
    SCORE_ESTIMATES,
    score_sums,
)
from moderation_pipeline.statistics.bootstrap import Interval, Resampled, by_cluster, resample
from moderation_pipeline.statistics.max_t import Difference, of_shares, together
from moderation_pipeline.statistics.paired_tests import holm, mcnemar

COMPARED = ("f1", "auroc", "auprc", "precision", "recall", "false_positive_rate")
"""Estimates of which differences are told. Not F1 at chosen thresholds: that two thresholds were chosen is in no
interval, and two equal judges would be told apart in 10 of 100 tables instead of 5."""

PER = 1_000.0
"""Errors by weight are told for so many rows: they can't weigh more than if all of them were errors of the gravest."""

POWER = float(ndtri(0.8))
"""A difference as large as can be shown is shown in four of five tables like this one."""


@dataclass(frozen=True)
class Measured:
    """Judges measured on the same rows."""

    judged: JudgedRows
    parts: tuple[Resampled, ...]
    copied: tuple[CopiedTexts, ...]

    @classmethod
    def of(cls, judged: JudgedRows) -> Measured:
        """Resample the rows with all judges at once."""
        sums, copied = [], []
        for number, judge in enumerate(judged.judges):
            by_row = score_sums(judged.rows, judge, judged.harm)
            copied.append(copied_texts(by_row, SCORE_ESTIMATES, COMPARED))
            of_cluster = by_cluster(by_row.drop("shared_text"))
            sums.append(of_cluster.select("cluster", pl.exclude("cluster").name.prefix(f"{number}.")))
        clusters = sums[0].select("cluster")
        joint = resample(
            pl.concat([clusters, *(each.drop("cluster") for each in sums)], how="horizontal"),
            seed=judged.seed,
        )
        return cls(judged, tuple(joint.part(f"{number}.") for number in range(len(sums))), tuple(copied))

    def estimate(self, number: int, name: str) -> Interval:
        """Return an estimate of one of the judges with its interval."""
        copied = self.copied[number].added[name]
        is_share = name not in NOT_SHARES
        least = LEAST.get(name, 0.0)
        found = interval_of(SCORE_ESTIMATES[name], self.parts[number], copied, is_share=is_share, least=least)
        # A run's errors weigh as its own config has it, those of a table as was asked.
        is_asked = self.judged.judges[number].harm not in self.judged.rows.columns
        if not is_share and is_asked and found.high is not None:
            found = found._replace(high=min(found.high, PER * self.judged.harm.most))
        # Where nothing was seen, no resample of it has any: only a share has an exact bound that says otherwise.
        return found if is_share or found.estimate else Interval(found.estimate, None, None)

    def counts(self, number: int) -> dict[str, int]:
        """Return a judge's confusion table; `un` are innocent rows without a verdict."""
        return {name: round(float(self.parts[number].total[name][0])) for name in CELLS}

    def difference(self, pair: tuple[int, int], name: str) -> Difference:
        """Return an estimate of the first of two judges less that of the second."""
        one, other = pair
        copied = self.copied[one].to_difference(self.copied[other], name)
        return difference_of(SCORE_ESTIMATES[name], self.parts[one], self.parts[other], copied)

    @cached_property
    def pairs(self) -> list[tuple[int, int]]:
        """Every two judges, by their numbers."""
        return list(combinations(range(len(self.judged.judges)), 2))


def estimates_frame(measured: Measured, names: Sequence[str] = tuple(SCORE_ESTIMATES)) -> pl.DataFrame:
    """Return one row per judge: who it is, its confusion table, each estimate with its 95 % interval."""
    rows: list[dict[str, Number]] = []
    for number, judge in enumerate(measured.judged.judges):
        row: dict[str, Number] = {"judge": judge.name, "kind": judge.kind, "threshold": judge.threshold}
        row |= {"rows": measured.judged.rows.height, **measured.counts(number)}
        row["without_verdict"] = measured.judged.rows[judge.flag].null_count()
        for name in names:
            row |= _spread(name, measured.estimate(number, name))
        rows.append(row)
    return pl.DataFrame(rows, infer_schema_length=None)


def differences_frame(measured: Measured) -> pl.DataFrame:
    """Return one row per two judges and estimate: the difference, and the smallest that these rows could have shown.

    The intervals of one estimate hold for all pairs together with 95 %. McNemar's p is about which of the two is
    right more often, row by row; it is corrected for the number of pairs (Holm).
    """
    judges, right = (
        measured.judged.judges,
        [_is_right(measured.judged, each) for each in measured.judged.judges],
    )
    alone = [
        (int((right[i] & ~right[j]).sum()), int((right[j] & ~right[i]).sum())) for i, j in measured.pairs
    ]
    p_values = [mcnemar(*each) for each in alone]
    tests = list(zip(alone, p_values, holm(p_values), strict=True))
    rows: list[dict[str, Number]] = []
    for name in COMPARED:
        differences = [measured.difference(pair, name) for pair in measured.pairs]
        for pair, each, found, test in zip(
            measured.pairs, differences, together(differences), tests, strict=True
        ):
            rows.append(
                {
                    "judge": judges[pair[0]].name,
                    "other": judges[pair[1]].name,
                    "estimate": name,
                    **_spread("difference", of_shares(found)),
                    "smallest_shown": _smallest_shown(each, found),
                    "right_alone": test[0][0],
                    "other_right_alone": test[0][1],
                    "mcnemar_p": test[1],
                    "mcnemar_p_holm": test[2],
                }
            )
    return pl.DataFrame(rows, schema=DIFFERENCE_SCHEMA)


DIFFERENCE_SCHEMA = pl.Schema(
    {
        "judge": pl.String,
        "other": pl.String,
        "estimate": pl.String,
        "difference": pl.Float64,
        "difference_low": pl.Float64,
        "difference_high": pl.Float64,
        "smallest_shown": pl.Float64,
        "right_alone": pl.Int64,
        "other_right_alone": pl.Int64,
        "mcnemar_p": pl.Float64,
        "mcnemar_p_holm": pl.Float64,
    }
)


def _smallest_shown(difference: Difference, found: Interval) -> float | None:
    """Return the true difference whose interval would leave out nought in four of five tables like this one.

    The interval's half-width, and as many standard errors more as a test needs to have that power. Null where that is
    more than two shares can differ by.
    """
    if found.high is None or found.estimate is None or found.high == found.estimate:
        return None
    shown = found.high - found.estimate + POWER * difference.error * difference.stretch
    return shown if shown < 1 else None


def _is_right(judged: JudgedRows, judge: Judge) -> pl.Series:
    """Return on which rows a verdict is the label's; one that is not given is not right."""
    return (judged.rows[judge.flag] == judged.rows["label"]).fill_null(value=False)


def _spread(name: str, found: Interval) -> dict[str, Number]:
    return {name: found.estimate, f"{name}_low": found.low, f"{name}_high": found.high}
