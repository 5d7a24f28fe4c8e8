"""Who would be sanctioned, for what, when, and how often wrongly: what a run means for people."""

from __future__ import annotations

import polars as pl

from moderation_pipeline.agents.plan import SEVERITY
from moderation_pipeline.evaluation.judged import SANCTIONS, Run, cluster_key

SEVERITY_OF = {action.value: rank for action, rank in SEVERITY.items()}


def sanctioned_users(comments: pl.DataFrame, run: Run) -> pl.DataFrame:
    """Return one row per user of a channel whom the run sanctions at least once, hardest hit first.

    What was written under a sanction is not counted again. A sanction is wrong where the comment is labelled
    innocent; `labelled` says how many could be checked.

    Columns: channel, user_id, user_name, sanctions, labelled, wrong, warnings, deletions, timeouts, bans,
    categories (a list, most frequent first), first_at, last_at, first_position; and of the most severe
    sanction (the earliest of equals): action, duration_s, category, reason, decided_by, text, is_shadow.
    """
    log = run.action_log.filter(
        pl.col("action").is_in(SANCTIONS) & ~pl.col("under_sanction").fill_null(value=False)
    )
    said = comments.select("comment_id", "text", "label_is_violation")
    hits = (
        log.join(said, on="comment_id", how="left", maintain_order="left")
        .with_columns(severity=pl.col("action").replace_strict(SEVERITY_OF, return_dtype=pl.Int64))
        .sort("severity", "position", descending=[True, False])
    )
    counts = {"warnings": "warn", "deletions": "delete", "timeouts": "timeout", "bans": "ban"}
    return (
        hits.group_by("channel", cluster_key().alias("who"), maintain_order=True)
        .agg(
            pl.col("user_id").first(),
            pl.col("user_name").last(),
            sanctions=pl.len(),
            labelled=pl.col("label_is_violation").is_not_null().sum(),
            wrong=(~pl.col("label_is_violation")).sum(),
            **{name: (pl.col("action") == action).sum() for name, action in counts.items()},
            categories=pl.col("category").drop_nulls().value_counts(sort=True).struct.field("category"),
            first_at=pl.col("sent_at").min(),
            last_at=pl.col("sent_at").max(),
            first_position=pl.col("position").min(),
            **{
                name: pl.col(name).first()
                for name in (
                    "severity",
                    "action",
                    "duration_s",
                    "category",
                    "reason",
                    "decided_by",
                    "text",
                    "is_shadow",
                )
            },
        )
        .sort("severity", "sanctions", "first_position", descending=[True, True, False])
        .drop("severity", "who")
    )
