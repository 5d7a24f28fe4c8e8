"""Judges by category of the violation: how many of its violations are found, and how well they rank above the innocent.

A category's areas hold its violations against all innocent rows; violations of other categories are in neither. A score
is of violation, whatever the kind, so that a category's areas say how well that score finds this kind. Of a category
of a few violations an area is worth little, and its interval says so.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import polars as pl

from moderation_pipeline.evaluation.copied_texts import copied_texts
from moderation_pipeline.evaluation.estimates import KEYS, Ratio
from moderation_pipeline.evaluation.run_metrics import Number, interval_of
from moderation_pipeline.evaluation.scored.judged_rows import Judge, JudgedRows
from moderation_pipeline.evaluation.scored.score_sums import areas, cells
from moderation_pipeline.evaluation.scored.slices import parts_of
from moderation_pipeline.statistics.bootstrap import Array, resample
from moderation_pipeline.statistics.ranking import Flags

OF_A_CATEGORY = ("recall", "chosen_recall", "auroc", "auprc")


def by_category(judged: JudgedRows) -> pl.DataFrame:
    """Return one row per category and judge: how many of its violations are found, and the areas."""
    names = parts_of(judged.rows.filter("label")["category"])
    if not names:
        return pl.DataFrame()
    found = {judge.name: _of_judge(judged, judge, names) for judge in judged.judges}
    rows = [found[judge.name][at] for at in range(len(names)) for judge in judged.judges]
    return pl.DataFrame(rows, infer_schema_length=None)


def _of_judge(judged: JudgedRows, judge: Judge, names: Sequence[str]) -> list[dict[str, Number]]:
    sums: dict[str, Array] = {}
    for at, name in enumerate(names):
        sums |= {f"{at}.{key}": value for key, value in _sums(judged.rows, judge, name).items()}
    frame = judged.rows.select(KEYS).hstack(pl.DataFrame(sums))
    definitions = {
        f"{at}.{name}": ratios for at in range(len(names)) for name, ratios in _definitions(f"{at}.").items()
    }
    copied = copied_texts(frame, definitions, ())
    resampled = resample(frame.drop("shared_text"), seed=judged.seed)
    rows = []
    for at, name in enumerate(names):
        hits = round(float(resampled.total[f"{at}.tp"][0]))
        row: dict[str, Number] = {"category": name, "judge": judge.name}
        row |= {"violations": int(_is(judged.rows, name).sum()), "found": hits}
        for estimate in OF_A_CATEGORY:
            key = f"{at}.{estimate}"
            value = interval_of(definitions[key], resampled, copied.added[key])
            row |= {estimate: value.estimate, f"{estimate}_low": value.low, f"{estimate}_high": value.high}
        rows.append(row)
    return rows


def _definitions(prefix: str) -> Mapping[str, tuple[Ratio, ...]]:
    def share(part: str, *whole: str) -> tuple[Ratio, ...]:
        return (Ratio({f"{prefix}{part}": 1.0}, {f"{prefix}{each}": 1.0 for each in whole}),)

    return {
        "recall": share("tp", "tp", "fn"),
        "chosen_recall": share("c_tp", "c_tp", "c_fn"),
        "auroc": share("auroc", "auroc_rows"),
        "auprc": share("auprc", "auprc_rows"),
    }


def _is(rows: pl.DataFrame, category: str) -> Flags:
    return (
        rows.select((pl.col("label") & (pl.col("category") == category)).fill_null(value=False))
        .to_series()
        .to_numpy()
        .astype(np.bool_)
    )


def _sums(rows: pl.DataFrame, judge: Judge, category: str) -> dict[str, Array]:
    """Return the sums of one category over all rows: nought where a row is neither of it nor innocent."""
    is_it = _is(rows, category)
    held = is_it | ~rows["label"].to_numpy().astype(np.bool_)
    sums = {
        f"{prefix}{cell}": value * is_it
        for prefix, column in (("", judge.flag), ("c_", judge.chosen))
        for cell, value in cells("", rows[column], rows["label"]).items()
        if cell in ("tp", "fn")
    }
    sums |= {f"{area}{end}": np.zeros(rows.height) for area in ("auroc", "auprc") for end in ("", "_rows")}
    if judge.has_scores:
        scores = rows[judge.score].cast(pl.Float64).fill_null(np.nan).to_numpy()
        for name, value in areas(scores[held], is_it[held]).items():
            sums[name][held] = value
    return sums
