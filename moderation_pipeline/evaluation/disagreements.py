"""Where Student and Expert disagreed most dearly: the cases a lead moderator should read first."""

from __future__ import annotations

import polars as pl

from moderation_pipeline.evaluation.judged import NO_VIOLATION, SEVERITY_OF, Run

PLAN = ("action", "category", "confidence", "reasoning")
ABOUT = (
    "comment_id",
    "position",
    "channel",
    "user_id",
    "user_name",
    "sent_at",
    "text",
    "normalised",
    "label_is_violation",
    "label_category",
    "label_source",
)
SAME_CASE = ("normalised", "student_action", "student_category", "expert_action", "expert_category")
DEAREST_FIRST = {
    "gap": True,
    "of_violation": True,
    "repeats": True,
    "student_confidence": True,
    "position": False,
}
"""What disagreements are ranked by, and whether the largest comes first."""


def costliest_disagreements(
    comments: pl.DataFrame, run: Run, reference: pl.DataFrame | None, count: int = 10
) -> pl.DataFrame:
    """Return the `count` costliest disagreements of a run, dearest first.

    A disagreement costs the steps of severity between the two actions (allowed or banned: five); of equals,
    those about whether there is a violation at all come first, then those repeated most, then those of which
    the Student was surest. The same text with the same two plans is one row, its `repeats` counted. The
    Expert's plans are the run's audits, or where it made none the reference's.

    Columns: comment_id, position, channel, user_id, user_name, sent_at, text, label_is_violation,
    label_category, label_source; student_ and expert_ action, category, confidence, reasoning; gap, repeats.
    """
    audits = run.expert_audits if run.expert_audits.height or reference is None else reference
    student, expert = _plans(run.student_decisions, "student"), _plans(audits, "expert")
    # What few comments have comes first.
    both = (
        comments.select(ABOUT)
        .join(expert, on="comment_id", how="inner")
        .join(student, on="comment_id", how="inner")
        .select(*ABOUT, *student.columns[1:], *expert.columns[1:])
    )
    disagree = (pl.col("student_action") != pl.col("expert_action")) | (
        pl.col("student_category") != pl.col("expert_category")
    )
    return (
        both.filter(disagree)
        .sort("position")
        .with_columns(
            gap=(_severity("student") - _severity("expert")).abs(),
            of_violation=_is_violation("student") != _is_violation("expert"),
            repeats=pl.len().over(SAME_CASE),
        )
        .unique(SAME_CASE, keep="first", maintain_order=True)
        .sort(*DEAREST_FIRST, descending=list(DEAREST_FIRST.values()), nulls_last=True)
        .head(count)
        .drop("normalised", "of_violation")
    )


def _is_violation(agent: str) -> pl.Expr:
    return pl.col(f"{agent}_category") != NO_VIOLATION


def _plans(rows: pl.DataFrame, agent: str) -> pl.DataFrame:
    return rows.filter(pl.col("action").is_not_null()).select(
        "comment_id", *(pl.col(name).alias(f"{agent}_{name}") for name in PLAN)
    )


def _severity(agent: str) -> pl.Expr:
    return pl.col(f"{agent}_action").replace_strict(SEVERITY_OF, return_dtype=pl.Int64)
