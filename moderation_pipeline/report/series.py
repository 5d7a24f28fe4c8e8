"""What a run looks like along the stream, as plain frames to plot: at most POINTS rows per config.

Pure summaries of judged comments (`judged`); how they are drawn is in `figures`.
"""

from __future__ import annotations

from collections.abc import Mapping

import polars as pl

from moderation_pipeline.evaluation.estimates import agreement_basis
from moderation_pipeline.evaluation.judged import NO_VIOLATION, Run
from moderation_pipeline.plan import UNDECIDED, Action

POINTS = 120
WINDOWS = 20
LEAST_AUDITS = 25
"""A window of fewer audits than this says nothing about agreement: windows are made longer instead."""

LEAST_COMMENTS = 50
UNDER_SANCTION = "under sanction"
ACTIONS = (*(action.value for action in Action), UNDECIDED, UNDER_SANCTION)
"""The order of an action distribution: by severity, then what is counted apart."""

AGREEMENT = pl.Schema(
    {
        "config": pl.String,
        "basis": pl.String,
        "window": pl.Int64,
        "position": pl.Float64,
        "comments": pl.UInt32,
        "compared": pl.UInt32,
        "agreement_rate": pl.Float64,
    }
)


def agreement_over_time(judged: Mapping[str, pl.DataFrame], runs: Mapping[str, Run]) -> pl.DataFrame:
    """Return the Student's agreement with the Expert in equal windows of the stream (schema AGREEMENT).

    Against the reference's plans where there are any, for then every comment is compared; else against the
    run's audits, each weighted by 1 / its probability, in windows of LEAST_AUDITS and more. `position` is a
    window's middle. A run with nothing to compare has no rows.
    """
    frames = [_agreement(name, frame, runs[name]) for name, frame in judged.items()]
    return pl.concat([AGREEMENT.to_frame(), *frames])


def _agreement(name: str, judged: pl.DataFrame, run: Run) -> pl.DataFrame:
    basis = agreement_basis(run, judged)
    has_reference = judged["reference_action"].null_count() < judged.height
    if basis is None:
        return AGREEMENT.to_frame()
    other = "reference" if has_reference else "audit"
    compared = pl.col("student_action").is_not_null() & pl.col(f"{other}_action").is_not_null()
    count = judged.select(compared.sum()).item()
    least = LEAST_AUDITS if other == "audit" else LEAST_COMMENTS
    windows = max(1, min(WINDOWS, count // least))
    weight = pl.when(compared).then(1 / pl.col("audit_probability") if other == "audit" else pl.lit(1.0))
    same = (pl.col("student_action") == pl.col(f"{other}_action")) & (
        pl.col("student_category") == pl.col(f"{other}_category")
    )
    return (
        judged.with_columns(
            window=pl.int_range(pl.len()) * windows // pl.len(), weight=weight, same=weight * same
        )
        .group_by("window", maintain_order=True)
        .agg(
            position=pl.col("position").mean(),
            comments=pl.len(),
            compared=pl.col("weight").is_not_null().sum(),
            agreement_rate=pl.col("same").sum() / pl.col("weight").sum(),
        )
        .filter(pl.col("compared") > 0)
        .select(
            pl.lit(name).alias("config"),
            pl.lit("reference" if other == "reference" else "audits").alias("basis"),
            pl.exclude("config", "basis"),
        )
        .cast(AGREEMENT)
    )


def memory_growth(runs: Mapping[str, Run]) -> pl.DataFrame:
    """Return how many memories each run had learnt by each position: config, position, memories.

    A run without memory has no rows; one that learnt nothing has two, at nought. What was there from the
    start (`start_from`) counts from position 0. Memories retired since are counted too: when is not recorded.
    """
    frames = []
    for name, run in runs.items():
        if run.config.config.memory is None:
            continue
        own = (pl.col("source_config") == name) & (pl.col("source_chat") == pl.col("chat"))
        learnt = run.memory_snapshot.select(
            position=pl.when(own).then(pl.col("learnt_at_position")).otherwise(0).fill_null(0)
        ).sort("position")
        ends = run.action_log.select(pl.col("position").max().fill_null(0))
        grown = (
            learnt.with_columns(memories=pl.int_range(1, pl.len() + 1))
            .group_by("position")
            .agg(pl.col("memories").max())
        )
        start = pl.DataFrame({"position": [0], "memories": [0]})
        end = ends.with_columns(memories=pl.lit(learnt.height, dtype=pl.Int64))
        points = pl.concat([start, grown.sort("position"), end]).unique(
            "position", keep="last", maintain_order=True
        )
        frames.append(_thinned(points).select(pl.lit(name).alias("config"), "position", "memories"))
    empty = pl.DataFrame(schema={"config": pl.String, "position": pl.Int64, "memories": pl.Int64})
    return pl.concat([empty, *frames])


def cumulative_cost(judged: Mapping[str, pl.DataFrame]) -> pl.DataFrame:
    """Return what each run had paid by each position.

    Columns: config, position, cost_usd, list_cost_usd, audits, replies. Dollars are null from the first
    reply on whose price is unknown.
    """
    frames = []
    for name, frame in judged.items():
        paid = frame.select(
            "position",
            *(
                _running(pl.col(f"student_{amount}") + pl.col(f"audit_{amount}")).alias(amount)
                for amount in ("cost_usd", "list_cost_usd")
            ),
            audits=pl.col("audited").cast(pl.Int64).cum_sum(),
            replies=(pl.col("student_asked").cast(pl.Int64) + pl.col("audit_asked").cast(pl.Int64)).cum_sum(),
        )
        frames.append(_thinned(paid).select(pl.lit(name).alias("config"), pl.all()))
    return pl.concat(frames) if frames else pl.DataFrame()


def _running(amount: pl.Expr) -> pl.Expr:
    unknown = amount.is_null().cum_sum() > 0
    return pl.when(~unknown).then(amount.cum_sum())


def action_distribution(judged: Mapping[str, pl.DataFrame]) -> pl.DataFrame:
    """Return config, action (ACTIONS), comments, share: every comment once, zeros included."""
    frames = []
    for name, frame in judged.items():
        done = frame.select(
            action=pl.when(pl.col("under_sanction").fill_null(value=False))
            .then(pl.lit(UNDER_SANCTION))
            .otherwise("action")
        )
        counts = pl.DataFrame({"action": ACTIONS}).join(
            done.group_by("action").agg(comments=pl.len()), on="action", how="left", maintain_order="left"
        )
        frames.append(
            counts.select(
                pl.lit(name).alias("config"),
                "action",
                pl.col("comments").fill_null(0).cast(pl.Int64),
            ).with_columns(share=pl.col("comments") / max(1, frame.height))
        )
    return pl.concat(frames) if frames else pl.DataFrame()


def confusion(judged: Mapping[str, pl.DataFrame]) -> pl.DataFrame:
    """Return config, label and flagged (whether a violation), comments: the four cells of each scored run."""
    cells = pl.DataFrame({"label": [True, True, False, False], "flagged": [True, False, True, False]})
    frames = []
    for name, frame in judged.items():
        flagged = (pl.col("scored_category") != NO_VIOLATION) & ~pl.col("scored_open")
        scored = frame.select("label", flagged=flagged).drop_nulls()
        if scored.height:
            counted = cells.join(
                scored.group_by("label", "flagged").agg(comments=pl.len()),
                on=["label", "flagged"],
                how="left",
                maintain_order="left",
            )
            frames.append(
                counted.select(
                    pl.lit(name).alias("config"),
                    "label",
                    "flagged",
                    pl.col("comments").fill_null(0).cast(pl.Int64),
                )
            )
    empty = pl.DataFrame(
        schema={"config": pl.String, "label": pl.Boolean, "flagged": pl.Boolean, "comments": pl.Int64}
    )
    return pl.concat([empty, *frames])


UNTOLD_CATEGORY = "no category"
"""What a violation is labelled whose kind nobody said."""


def category_confusion(judged: pl.DataFrame) -> pl.DataFrame:
    """Return label_category, final_category, comments of one run: what was labelled so and judged so.

    Labelled comments alone; what is labelled a violation without saying which is UNTOLD_CATEGORY, what is none `none`.
    """
    labelled = (
        pl.when(~pl.col("label"))
        .then(pl.lit(NO_VIOLATION))
        .otherwise(pl.col("label_category").fill_null(UNTOLD_CATEGORY))
    )
    return (
        judged.filter(pl.col("label").is_not_null() & pl.col("scored_category").is_not_null())
        .with_columns(final_category="scored_category")
        .group_by(labelled.alias("label_category"), "final_category")
        .agg(comments=pl.len().cast(pl.Int64))
        .sort("label_category", "final_category")
    )


LEARNING = pl.Schema(
    {"config": pl.String, "position": pl.Int64, "audit_share": pl.Float64, "who": pl.String, "f1": pl.Float64}
)
LEAST_VIOLATIONS = 20
"""A window with fewer labelled violations than this has no F1: windows are made longer instead."""


def learning_curve(judged: Mapping[str, pl.DataFrame]) -> pl.DataFrame:
    """Return F1 of violation, of Student and system, in a sliding window, by the share audited until then.

    Schema LEARNING; of runs that have a Student, audits and labels. A window is a fifth of the labelled comments,
    long enough for LEAST_VIOLATIONS on average; `audit_share` is what was audited up to its end, of all comments of the
    chat, so that it never falls.
    """
    return pl.concat([LEARNING.to_frame(), *(_learning(name, frame) for name, frame in judged.items())])


def _learning(name: str, judged: pl.DataFrame) -> pl.DataFrame:
    known = judged.with_columns(audit_share=pl.col("audited").cast(pl.Int64).cum_sum() / pl.len()).filter(
        pl.col("label").is_not_null()
    )
    violations = int(known["label"].sum())
    has_student = judged["student_category"].null_count() < judged.height
    if not (violations and has_student and judged["audited"].any()):
        return LEARNING.to_frame()
    window = learning_window(known.height, violations)
    parts = [
        _thinned(
            known.select("position", "audit_share", f1=_sliding_f1(f"{column}_category", window)).drop_nulls(
                "f1"
            )
        ).select(pl.lit(name).alias("config"), "position", "audit_share", pl.lit(who).alias("who"), "f1")
        for who, column in (("Student", "student"), ("system", "scored"))
    ]
    return pl.concat(parts).cast(LEARNING)


def learning_window(labelled: int, violations: int) -> int:
    """Return over how many of the labelled comments, of which some are violations, F1 slides."""
    return min(labelled, max(labelled // 5, -(-labelled * LEAST_VIOLATIONS // violations)))


def _sliding_f1(category: str, window: int) -> pl.Expr:
    """Return 2 TP / (flagged + violations) over the window that ends here; null before one is full, or of nothing."""
    flagged = (pl.col(category) != NO_VIOLATION).fill_null(value=False)
    hits, predicted, actual = (
        each.cast(pl.Int64).rolling_sum(window)
        for each in (flagged & pl.col("label"), flagged, pl.col("label"))
    )
    return pl.when(predicted + actual > 0).then(2 * hits / (predicted + actual))


def _thinned(points: pl.DataFrame) -> pl.DataFrame:
    """Return at most POINTS rows, evenly, the first and the last always among them."""
    if points.height <= POINTS:
        return points
    kept = [round(i * (points.height - 1) / (POINTS - 1)) for i in range(POINTS)]
    return points[kept]
