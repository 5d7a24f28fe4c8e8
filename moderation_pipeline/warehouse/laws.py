"""What must hold between stored tables: each function returns the rows that break one law, or none.

Dagster's checks ask these questions after every materialisation (`defs/`); they need nothing but the frames.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

import polars as pl


def unaccounted_records(ingestion: pl.DataFrame) -> pl.DataFrame:
    """Return the files whose records don't add up: comments, rejected, ignored, moderation events, merged."""
    parts = pl.sum_horizontal("comments", "rejected", "ignored", "moderation_events", "merged")
    return ingestion.filter(pl.col("records") != parts)


def miscounted_tables(
    ingestion: pl.DataFrame, comments: pl.DataFrame, rejected_lines: pl.DataFrame
) -> pl.DataFrame:
    """Return the counts of `ingestion`, over a chat's files, that the tables themselves don't bear out."""
    counted = ingestion.group_by("chat", maintain_order=True).agg(pl.col("comments", "rejected").sum())
    return counted.with_columns(
        comments_stored=pl.lit(comments.height, pl.Int64),
        rejected_stored=pl.lit(rejected_lines.height, pl.Int64),
    ).filter(
        (pl.col("comments") != pl.col("comments_stored")) | (pl.col("rejected") != pl.col("rejected_stored"))
    )


def repeated(frame: pl.DataFrame, column: str) -> pl.DataFrame:
    """Return the rows whose value of `column` is null or occurs more than once."""
    return frame.filter(pl.col(column).is_duplicated() | pl.col(column).is_null())


def out_of_order(comments: pl.DataFrame) -> pl.DataFrame:
    """Return the comments whose position is not their place in the stream, counted from 0."""
    return comments.filter(pl.col("position") != pl.int_range(pl.len(), dtype=pl.Int64))


def not_decided_once(comments: pl.DataFrame, decided: pl.DataFrame) -> pl.DataFrame:
    """Return comments with no row or several in `decided` (decisions, actions), and rows of no comment."""
    counts = decided.group_by("comment_id").agg(rows=pl.len())
    joined = comments.select("comment_id").join(counts, on="comment_id", how="full", coalesce=True)
    known = comments["comment_id"].implode()
    return joined.filter((pl.col("rows").fill_null(0) != 1) | ~pl.col("comment_id").is_in(known))


def without_counterpart(rows: pl.DataFrame, counterparts: pl.DataFrame) -> pl.DataFrame:
    """Return the rows about a comment that has none in `counterparts`: actions without a decision, say."""
    return rows.join(counterparts, on="comment_id", how="anti")


def unknown_provenance(provenance: pl.DataFrame) -> pl.DataFrame:
    """Return the rows that leave open what decided a run, and all of them where a run has several."""
    return provenance.filter(pl.any_horizontal(pl.all().is_null()) | (pl.len() != 1))


def impossible_audits(audits: pl.DataFrame) -> pl.DataFrame:
    """Return the audits that don't say how likely they were (law 5: 0 < p ≤ 1)."""
    probability = pl.col("audit_probability")
    return audits.filter(probability.is_null() | (probability <= 0) | (probability > 1))


def bad_replies(student_decisions: pl.DataFrame, expert_audits: pl.DataFrame) -> pl.DataFrame:
    """Return how many replies of which part could not be used, by kind: part, asked, kind, replies; most first.

    A part whose every reply was good has one row, of no kind and no replies; one that was never asked has none.
    The kind is the code that `reply_error` begins with.
    """
    parts = [
        frame.select("backend", "reply_error").with_columns(part=pl.lit(part))
        for part, frame in (("Student", student_decisions), ("Expert", expert_audits))
    ]
    asked = pl.concat(parts).filter(pl.col("backend").is_not_null())
    totals = asked.group_by("part").agg(asked=pl.len())
    kinds = (
        asked.drop_nulls("reply_error")
        .group_by("part", kind=pl.col("reply_error").str.split(":").list.first())
        .agg(replies=pl.len())
    )
    return totals.join(kinds, on="part", how="left").sort(
        "replies", "part", "kind", descending=[True, True, False], nulls_last=True
    )


def mixed_models(student_decisions: pl.DataFrame, expert_audits: pl.DataFrame) -> pl.DataFrame:
    """Return the models, as replies named them, of every part of the run that more than one of them answered.

    A part is the Student, one of its tiers, or the Expert, with a backend: each is asked of one model, and
    another name in the replies means that another version answered, whose results are not to be pooled.
    """
    asked = ["part", "backend", "model"]
    alone = student_decisions.filter(pl.col("tiers").is_null()).with_columns(part=pl.lit("student"))
    tiers = student_decisions.select("tiers").drop_nulls().explode("tiers").unnest("tiers")
    parts = (
        alone.select(asked),
        tiers.rename({"tier": "part"}).select(asked),
        expert_audits.with_columns(part=pl.lit("expert")).select(asked),
    )
    counts = pl.concat(parts).drop_nulls("model").group_by(asked).agg(replies=pl.len())
    return counts.filter(pl.len().over("part", "backend") > 1).sort(asked)


def changed_models(history: pl.DataFrame) -> pl.DataFrame:
    """Return the parts of a run for which another model answered than the last time, under the same config.

    The rows are those of `metric_history`, oldest first: part, before, now. Nothing where it was made once.
    """
    last = history.tail(2)
    if last.height < 2 or last["config_hash"].n_unique() > 1:
        return pl.DataFrame(schema={"part": pl.String, "before": pl.String, "now": pl.String})
    parts = [
        last.select(
            part=pl.lit(part),
            before=pl.col(f"{part}_models").first().list.join(", "),
            now=pl.col(f"{part}_models").last().list.join(", "),
        ).head(1)
        for part in ("student", "expert")
    ]
    return pl.concat(parts).filter(pl.col("before") != pl.col("now"))


def differing(stored: pl.DataFrame, computed: pl.DataFrame, on: list[str]) -> pl.DataFrame:
    """Return the keys whose rows are not the same in both frames, or are in one of them only."""
    ours, theirs = stored.sort(on), computed.select(stored.columns).sort(on)
    if ours.equals(theirs):
        return ours.select(on).clear()
    one = ours.join(theirs, on=ours.columns, how="anti", nulls_equal=True)
    other = theirs.join(ours, on=ours.columns, how="anti", nulls_equal=True)
    return pl.concat([one.select(on), other.select(on)]).unique(maintain_order=True)


def outside_intervals(metrics: pl.DataFrame, estimates: Sequence[str]) -> pl.DataFrame:
    """Return the estimates that lie outside their own interval, one row each."""
    tolerance = 1e-9
    outside = [
        metrics.filter(
            (pl.col(name) < pl.col(f"{name}_low") - tolerance)
            | (pl.col(name) > pl.col(f"{name}_high") + tolerance)
        ).select(
            "chat",
            "config",
            estimate=pl.lit(name),
            value=pl.col(name),
            low=pl.col(f"{name}_low"),
            high=pl.col(f"{name}_high"),
        )
        for name in estimates
    ]
    return pl.concat(outside)


DSA_LIMITS = {
    "puid": 500,
    "incompatible_content_ground": 500,
    "incompatible_content_explanation": 2_000,
    "decision_facts": 5_000,
}
"""Characters that version 1 of the API of the EU's transparency database takes at most
(transparency.dsa.ec.europa.eu/page/api-documentation)."""


DSA_FIRST_DATES = {"content_date": date(2000, 1, 1), "application_date": date(2020, 1, 1)}
"""The earliest dates that it takes; a restriction ends on the day that it begins, or later."""


def _dsa_limits() -> dict[str, pl.Expr]:
    """Return by reason whether a statement is refused for it."""
    said = pl.col("decision_visibility").is_not_null() | pl.col("decision_provision").is_not_null()
    ends_early = pl.col("end_date_service_restriction") < pl.col("application_date")
    limits = {
        **{
            f"{name} above {most:,} characters": pl.col(name).str.len_chars() > most
            for name, most in DSA_LIMITS.items()
        },
        "no decision": ~said,
        "a puid that is none": ~pl.col("puid").str.contains(r"^[A-Za-z0-9_-]+$"),
        "a puid that is there twice": pl.col("puid").is_duplicated(),
        "no date, for the comment has no time": pl.col("content_date").is_null()
        | pl.col("application_date").is_null(),
        **{
            f"{name} before {first}": (pl.col(name) < first).fill_null(value=False)
            for name, first in DSA_FIRST_DATES.items()
        },
        "an end before its beginning": ends_early.fill_null(value=False),
    }
    return {reason: refused.fill_null(value=True) for reason, refused in limits.items()}


def beyond_dsa_limits(statements: pl.DataFrame) -> pl.DataFrame:
    """Return the statements that the transparency database would refuse.

    Those that are too long, name no decision, have a bad puid, or a date that is missing, too early or out of order.
    """
    return statements.filter(pl.any_horizontal(*_dsa_limits().values()))


def dsa_refusals(statements: pl.DataFrame) -> dict[str, int]:
    """Return how many statements the transparency database would refuse, by reason; nothing of reasons of none."""
    counted = statements.select(refused.sum().alias(reason) for reason, refused in _dsa_limits().items())
    return {reason: number for reason, number in counted.row(0, named=True).items() if number}
