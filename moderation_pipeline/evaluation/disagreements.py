"""Where Student and Expert disagreed most dearly: the cases a lead moderator should read first."""

from __future__ import annotations

import polars as pl

from moderation_pipeline.agents.plan import SEVERITY
from moderation_pipeline.evaluation.judged import NO_VIOLATION, Run

SEVERITY_OF = {action.value: rank for action, rank in SEVERITY.items()}

PLAN = ("action", "category", "confidence", "reasoning")


def costliest_disagreements(
    comments: pl.DataFrame, run: Run, reference: pl.DataFrame | None, count: int = 10
) -> pl.DataFrame:
    """Return the `count` costliest disagreements of a run, dearest first.

    A disagreement costs the steps of severity between the two actions (allowed or banned: five); of equals,
    those about whether there is a violation at all come first, then those repeated most, then those of which
    the Student was surest. The same text with the same two plans is one row, its `repeats` counted. The
    Expert's plans are the run's audits, or where it made none the reference's.

    Columns: comment_id, position, channel, user_name, sent_at, text, label_is_violation, label_category;
    student_ and expert_ action, category, confidence, reasoning; gap, repeats.
    """
    audits = run.expert_audits if run.expert_audits.height or reference is None else reference
    both = (
        comments.select(
            "comment_id",
            "position",
            "channel",
            "user_name",
            "sent_at",
            "text",
            "normalised",
            "label_is_violation",
            "label_category",
        )
        .join(_plans(run.student_decisions, "student"), on="comment_id", how="inner")
        .join(_plans(audits, "expert"), on="comment_id", how="inner")
    )
    disagree = (pl.col("student_action") != pl.col("expert_action")) | (
        pl.col("student_category") != pl.col("expert_category")
    )
    of_violation = (pl.col("student_category") == NO_VIOLATION) != (pl.col("expert_category") == NO_VIOLATION)
    ranked = both.filter(disagree).with_columns(
        gap=(_severity("student") - _severity("expert")).abs(), of_violation=of_violation
    )
    same = ("normalised", "student_action", "student_category", "expert_action", "expert_category")
    return (
        ranked.sort("position")
        .with_columns(repeats=pl.len().over(same))
        .unique(same, keep="first", maintain_order=True)
        .sort(
            "gap",
            "of_violation",
            "repeats",
            "student_confidence",
            "position",
            descending=[True, True, True, True, False],
            nulls_last=True,
        )
        .head(count)
        .drop("normalised", "of_violation")
    )


def _plans(rows: pl.DataFrame, agent: str) -> pl.DataFrame:
    return rows.filter(pl.col("action").is_not_null()).select(
        "comment_id", *(pl.col(name).alias(f"{agent}_{name}") for name in PLAN)
    )


def _severity(agent: str) -> pl.Expr:
    return pl.col(f"{agent}_action").replace_strict(SEVERITY_OF, return_dtype=pl.Int64)
