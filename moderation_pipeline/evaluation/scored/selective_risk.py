"""What a judge gets wrong if it decides alone only what it is surest of: risk and coverage (`statistics.selective`).

How sure it is, is how far its score lies from its threshold. The rest is left to somebody else; who that is, and how
often he errs, is not asked here. What may be done alone with a guarantee is `certificates/`' to say.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import polars as pl

from moderation_pipeline.evaluation.copied_texts import copied_texts
from moderation_pipeline.evaluation.estimates import KEYS, Ratio
from moderation_pipeline.evaluation.run_metrics import interval_of
from moderation_pipeline.evaluation.scored.judged_rows import Judge, JudgedRows
from moderation_pipeline.statistics.bootstrap import Array, resample
from moderation_pipeline.statistics.ranking import Flags
from moderation_pipeline.statistics.selective import Surest

SHARES = tuple(round(0.1 * tenth, 1) for tenth in range(1, 11))
"""Of the rows, the surest first, that are decided alone; where scores are tied, a few more."""

USUAL = 0.5
"""From where on a judge without a threshold of its own says yes."""

COVERAGE = {
    "judge": pl.String,
    "asked_share": pl.Float64,
    "coverage": pl.Float64,
    "least_sureness": pl.Float64,
    "decided": pl.Int64,
    "errors": pl.Int64,
    "risk": pl.Float64,
    "risk_low": pl.Float64,
    "risk_high": pl.Float64,
}


def coverage_frame(judged: JudgedRows) -> pl.DataFrame:
    """Return one row per judge and share that it would decide alone: how often it errs there, with its interval.

    The last row is of everything that it gives a verdict on, whatever share of the rows that is.
    """
    frames = [_curve(judged, judge) for judge in judged.judges if judge.has_scores and judged.rows.height]
    return pl.concat(frames) if frames else pl.DataFrame(schema=COVERAGE)


def sureness_of(rows: pl.DataFrame, judge: Judge) -> Array:
    """Return how far each score lies from the threshold, as a share of how far it could; nan without a verdict."""
    score = rows[judge.score].cast(pl.Float64).fill_null(np.nan).to_numpy()
    if judge.kind == "config":
        return np.where(rows[judge.flag].is_null().to_numpy(), np.nan, np.maximum(score, 1 - score))
    bound = USUAL if judge.threshold is None else judge.threshold
    above, below = (score - bound) / max(1 - bound, 1e-12), (bound - score) / max(bound, 1e-12)
    return np.asarray(np.where(score >= bound, above, below), dtype=np.float64)


def errors_of(rows: pl.DataFrame, judge: Judge) -> Flags:
    """Return which verdicts are not the label's; one that is not given would be nobody's, and is no error."""
    wrong: npt.NDArray[np.bool_] = (rows[judge.flag] != rows["label"]).fill_null(value=False).to_numpy()
    return wrong


def _curve(judged: JudgedRows, judge: Judge) -> pl.DataFrame:
    sure, wrong = sureness_of(judged.rows, judge), errors_of(judged.rows, judge)
    order = Surest.of(sure, wrong)
    bounds = [order.least_sure_of(share) for share in SHARES[:-1]]
    # Rows without a verdict are in no share, so that all that have one are asked for by themselves.
    bounds.append(float(np.min(sure, where=np.isfinite(sure), initial=np.inf)))
    # Where many are as sure, several shares are one and the same.
    known = [
        (at, bound) for at, bound in enumerate(bounds) if np.isfinite(bound) and bound not in bounds[:at]
    ]
    sums: dict[str, Array] = {}
    for at, bound in known:
        alone = np.nan_to_num(sure, nan=-np.inf) >= bound
        sums |= {f"{at}.n": alone.astype(np.float64), f"{at}.e": (alone & wrong).astype(np.float64)}
    if not known:
        return pl.DataFrame(schema=COVERAGE)
    frame = judged.rows.select(KEYS).hstack(pl.DataFrame(sums))
    definitions = {f"{at}": (Ratio({f"{at}.e": 1.0}, {f"{at}.n": 1.0}),) for at, _ in known}
    copied = copied_texts(frame, definitions, ())
    resampled = resample(frame.drop("shared_text"), seed=judged.seed)
    rows = []
    for at, bound in known:
        decided, errors = (round(float(resampled.total[f"{at}.{end}"][0])) for end in "ne")
        found = interval_of(definitions[f"{at}"], resampled, copied.added[f"{at}"])
        share = decided / judged.rows.height
        rows.append((judge.name, SHARES[at], share, bound, decided, errors, *found))
    return pl.DataFrame(rows, schema=COVERAGE, orient="row")
