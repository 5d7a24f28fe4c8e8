"""What is estimated of a judge from labelled rows, and from which sums: everything is a ratio of sums over rows.

Sums of one judge (per row):
    tp, fp, fn, tn, un: its verdict against the label, as in `evaluation.estimates`: a violation without a verdict was
        missed, an innocent row without one counts in `un` alone
    c_tp … c_un: the same at the threshold that does best on other clusters
    auroc, auroc_rows, auprc, auprc_rows: pseudo-values of the areas (`statistics.ranking`)
    kappa, kappa_rows: those of Cohen's kappa, over the rows that have a verdict
    aurc, aurc_rows: those of the area under risk and coverage (`statistics.selective`), over the same
    harm: what its error at the row weighs (`evaluation.harm`), harm_rows 1
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import polars as pl

from moderation_pipeline.chance import draw
from moderation_pipeline.evaluation.estimates import KEYS, Ratio, confusion_ratios
from moderation_pipeline.evaluation.harm import Weights, harm_of_missing
from moderation_pipeline.evaluation.scored.judged_rows import Judge
from moderation_pipeline.evaluation.scored.selective_risk import errors_of, sureness_of
from moderation_pipeline.statistics.bootstrap import Array
from moderation_pipeline.statistics.kappa import cohens_kappa
from moderation_pipeline.statistics.ranking import Flags, Ranking, pseudo_values
from moderation_pipeline.statistics.selective import Surest

CELLS = ("tp", "fp", "fn", "tn", "un")


def at_a_threshold(prefix: str) -> dict[str, tuple[Ratio, ...]]:
    """Return what is estimated from one confusion table."""
    fp, tn, un = (f"{prefix}{name}" for name in ("fp", "tn", "un"))
    alarms = {"false_positive_rate": (Ratio({fp: 1.0}, {fp: 1.0, tn: 1.0, un: 1.0}),)}
    return {**confusion_ratios(prefix), **alarms}


SCORE_ESTIMATES: dict[str, tuple[Ratio, ...]] = {
    **at_a_threshold(""),
    **{f"chosen_{name}": ratios for name, ratios in at_a_threshold("c_").items()},
    "auroc": (Ratio({"auroc": 1.0}, {"auroc_rows": 1.0}),),
    "auprc": (Ratio({"auprc": 1.0}, {"auprc_rows": 1.0}),),
    "kappa": (Ratio({"kappa": 1.0}, {"kappa_rows": 1.0}),),
    "aurc": (Ratio({"aurc": 1.0}, {"aurc_rows": 1.0}),),
    "harm_per_1000": (Ratio({"harm": 1000.0}, {"harm_rows": 1.0}),),
}
"""Every estimate of a judge: the mean of its ratios."""

AREAS = ("auroc", "auprc")
SCORE_SUMS = (
    *CELLS,
    *(f"c_{name}" for name in CELLS),
    *(f"{area}{end}" for area in (*AREAS, "kappa", "aurc", "harm") for end in ("", "_rows")),
)


NOT_SHARES = ("harm_per_1000",)
"""Estimates that may be above 1."""

LEAST = {"kappa": -1.0}
"""Estimates that may be below 0, and how far: who disagrees with the labels more than by chance has such a kappa."""


def score_sums(rows: pl.DataFrame, judge: Judge, harm: Weights) -> pl.DataFrame:
    """Return KEYS and SCORE_SUMS of one judge, a row each."""
    label = _flags(rows["label"])
    sums = cells("", rows[judge.flag], rows["label"]) | cells("c_", rows[judge.chosen], rows["label"])
    sums |= _kappa(rows[judge.flag], label)
    sums |= {"harm": _harm(rows, judge, harm), "harm_rows": np.ones(rows.height)}
    sums |= {name: np.zeros(rows.height) for name in SCORE_SUMS if name not in sums}
    if judge.has_scores:
        sums |= areas(rows[judge.score].cast(pl.Float64).fill_null(np.nan).to_numpy(), label)
        sums |= _selective(rows, judge)
    return rows.select(KEYS).hstack(pl.DataFrame(sums).select(SCORE_SUMS))


FOLDS = 10
"""A threshold is chosen on nine tenths of the clusters, and judged by the last."""


def with_chosen(rows: pl.DataFrame, judges: Sequence[Judge], seed: str) -> pl.DataFrame:
    """Return the rows with what each judge flags at the threshold that does best on nine tenths without the row.

    Chosen on the rows that it is then judged by, a threshold is too good; chosen on a half of them, too bad (F1 by .02
    where there are few violations). Intervals don't know of the choice, and hold the truth in 90 to 94 of 100 tables.
    """
    fold, label = _folds(rows["cluster"], seed), _flags(rows["label"])
    columns = []
    for judge in judges:
        flags = pl.Series(judge.chosen, [None], dtype=pl.Boolean).new_from_index(0, rows.height)
        if judge.has_scores:
            scores = rows[judge.score].cast(pl.Float64).fill_null(np.nan).to_numpy()
            chosen = [Ranking.of(scores[fold != k], label[fold != k]).best_threshold() for k in range(FOLDS)]
            known = [bound for bound in chosen if bound is not None]
            if len(known) == FOLDS:
                flags = pl.Series(judge.chosen, scores >= np.array(known)[fold])
                flags = flags.set(pl.Series(np.isnan(scores)), None)
        columns.append(flags)
    return rows.with_columns(columns)


def _folds(clusters: pl.Series, seed: str) -> npt.NDArray[np.int64]:
    """Return in which fold each row is; a cluster's rows are in one, drawn by chance."""
    names = clusters.unique(maintain_order=True)
    drawn = [int(FOLDS * draw(0, f"fold of {seed}", name)) for name in names]
    return clusters.replace_strict(names, drawn, return_dtype=pl.Int64).to_numpy()


def _flags(values: pl.Series) -> Flags:
    return values.to_numpy().astype(np.bool_)


def areas(scores: Array, label: Flags) -> dict[str, Array]:
    """Return the sums of the areas, a row each; nothing where there are not both violations and other rows."""
    ranking = Ranking.of(scores, label)
    if not ranking.has_both:
        return {}
    rarer = label if 2 * label.sum() <= label.size else ~label
    areas = {"auroc": (ranking.auroc(label), rarer), "auprc": (ranking.average_precision(label), label)}
    return {
        name: array
        for area, (found, counted) in areas.items()
        for name, array in (
            (area, pseudo_values(found, counted)),
            (f"{area}_rows", counted.astype(np.float64)),
        )
    }


def _harm(rows: pl.DataFrame, judge: Judge, weights: Weights) -> Array:
    """Return what each error weighs: as the run that judged it has it, else a flag is all that is done."""
    if judge.harm in rows.columns:
        return rows[judge.harm].to_numpy().astype(np.float64)
    missing = harm_of_missing(weights, "category")
    flag = pl.col(judge.flag).fill_null(value=False)
    weight = (
        pl.when(pl.col("label"))
        .then(pl.when(flag).then(0.0).otherwise(missing))
        .otherwise(flag * weights.wrongful)
    )
    return rows.select(weight).to_series().to_numpy().astype(np.float64)


def _selective(rows: pl.DataFrame, judge: Judge) -> dict[str, Array]:
    decided = _flags(rows[judge.flag].is_not_null())
    if not decided.any():
        return {}
    held = rows.filter(pl.Series(decided))
    wrong = errors_of(held, judge)
    found = Surest.of(sureness_of(held, judge), wrong).area(wrong)
    values = np.zeros(rows.height)
    values[decided] = pseudo_values(found, np.ones(held.height, np.bool_))
    return {"aurc": values, "aurc_rows": decided.astype(np.float64)}


def _kappa(verdicts: pl.Series, label: Flags) -> dict[str, Array]:
    """Return the sums of kappa, a row each; nothing where the labels are of one kind: it would be 0 whoever judges."""
    decided = _flags(verdicts.is_not_null())
    if label[decided].all() or not label[decided].any():
        return {}
    found = cohens_kappa(_flags(verdicts.drop_nulls()), label[decided])
    if found is None:
        return {}
    values = np.zeros(label.size)
    values[decided] = pseudo_values(found, np.ones(int(decided.sum()), np.bool_))
    return {"kappa": values, "kappa_rows": decided.astype(np.float64)}


def cells(prefix: str, verdicts: pl.Series, labels: pl.Series) -> dict[str, Array]:
    """Return the cells of verdicts (null: none) and labels; of a judge who never gives a verdict, nothing."""
    label = _flags(labels)
    if verdicts.null_count() == len(verdicts):
        return {f"{prefix}{name}": np.zeros(len(verdicts)) for name in CELLS}
    flagged, is_open = _flags(verdicts.fill_null(value=False)), _flags(verdicts.is_null())
    found = {
        "tp": flagged & label,
        "fp": flagged & ~label,
        "fn": ~flagged & label,
        "tn": ~flagged & ~is_open & ~label,
        "un": is_open & ~label,
    }
    return {f"{prefix}{name}": cell.astype(np.float64) for name, cell in found.items()}
