"""Who would be sanctioned, for what, when, and how often wrongly: what a run means for people."""

from __future__ import annotations

import polars as pl

from moderation_pipeline.evaluation.judged import SANCTION_WORDS, SEVERITY_OF, Run, user_key

COUNTS = {"warnings": "warn", "deletions": "delete", "timeouts": "timeout", "bans": "ban"}
WORST = ("severity", "action", "duration_s", "category", "reason", "decided_by", "text", "is_shadow")
"""What is told of a user's most severe sanction, the earliest of equals."""


def sanctioned_users(comments: pl.DataFrame, run: Run) -> pl.DataFrame:
    """Return one row per user of a channel whom the run sanctions at least once, hardest hit first.

    What was written under a sanction is not counted again. A sanction is wrong where the comment is labelled
    innocent; `labelled` says how many could be checked.

    Columns: channel, user_id, user_name, sanctions, labelled, wrong, warnings, deletions, timeouts, bans,
    categories (a list, the gravest sanction's first), first_at, last_at, first_position; and of the most
    severe sanction (the earliest of equals): action, duration_s, category, reason, decided_by, text,
    is_shadow.
    """
    hits = _hits(comments, run)
    return (
        hits.group_by("channel", user_key().alias("who"), maintain_order=True)
        .agg(
            pl.col("user_id").first(),
            pl.col("user_name").last(),
            sanctions=pl.len(),
            labelled=pl.col("label_is_violation").is_not_null().sum(),
            wrong=(~pl.col("label_is_violation")).sum(),
            **{name: (pl.col("action") == action).sum() for name, action in COUNTS.items()},
            categories=pl.col("category").drop_nulls().unique(maintain_order=True),
            first_at=pl.col("sent_at").min(),
            last_at=pl.col("sent_at").max(),
            first_position=pl.col("position").min(),
            **{name: pl.col(name).first() for name in WORST},
        )
        .sort("severity", "sanctions", "first_position", descending=[True, True, False])
        .drop("severity", "who")
    )


def _hits(comments: pl.DataFrame, run: Run) -> pl.DataFrame:
    """Return the sanctions of a run with what they were for, the most severe first."""
    sanctioned = pl.col("action").is_in(SANCTION_WORDS) & ~pl.col("under_sanction").fill_null(value=False)
    said = comments.select("comment_id", "text", "label_is_violation")
    return (
        run.action_log.filter(sanctioned)
        .join(said, on="comment_id", how="left", maintain_order="left")
        .with_columns(severity=pl.col("action").replace_strict(SEVERITY_OF, return_dtype=pl.Int64))
        .sort("severity", "position", descending=[True, False])
    )
