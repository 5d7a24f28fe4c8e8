"""Who fares otherwise between two ways of moderating the same comments, and which way.

Both are frames with a row per comment and what was done about it: two stored runs, or one and what it would have
been (`moderation/acting_anew.py`). Nothing here says who is right, but where a label knows.
"""

from __future__ import annotations

from typing import Literal, NamedTuple

import polars as pl

from moderation_pipeline.evaluation.judged import SANCTION_WORDS, SEVERITY_OF, Run, is_user, user_key
from moderation_pipeline.warehouse.tables import OUTCOME

NOBODY = "of nobody known"
"""Whose comments have neither a user nor a name: they are no newcomers, and nobody knows how many users they are."""

NEWCOMER_LINES = 5
"""A user's first comments in a channel, at which he is a newcomer there."""

Way = Literal["harsher", "milder", "otherwise"]


class Changes(NamedTuple):
    """The comments that fare otherwise, and their counts: one row per `way` and kind of user."""

    lines: pl.DataFrame
    counts: pl.DataFrame


def changes(comments: pl.DataFrame, before: pl.DataFrame, after: pl.DataFrame) -> Changes:
    """Return which comments fare otherwise.

    Args:
        comments: the chat's comments.
        before: comment_id, action, category, duration_s, under_sanction of every comment.
        after: the same.

    Returns:
        lines, in stream order: position, channel, user_id, user_name, is_newcomer, sent_at, text, before and after
        (action with its minutes, `silenced` where the user was under a sanction), category_before, category_after,
        way, label_is_violation, comment_id; counts: way, who, comments, users, by_label_right, by_label_wrong, where
        right is harsher on a labelled violation or milder on a comment labelled innocent.
    """
    both = (
        _known(comments)
        .join(_told(before, "before"), on="comment_id")
        .join(_told(after, "after"), on="comment_id")
    )
    gap = pl.col("rank_after") - pl.col("rank_before")
    longer = pl.col("seconds_after") - pl.col("seconds_before")
    way = (
        pl.when((gap > 0) | ((gap == 0) & (longer > 0)))
        .then(pl.lit("harsher"))
        .when((gap < 0) | ((gap == 0) & (longer < 0)))
        .then(pl.lit("milder"))
        .otherwise(pl.lit("otherwise"))
    )
    differ = (pl.col("before") != pl.col("after")) | (
        pl.col("category_before").ne_missing(pl.col("category_after"))
        & (pl.col("after") != "allow")
        & (pl.col("after") != "silenced")
    )
    lines = both.filter(differ).with_columns(way=way).sort("position")
    return Changes(lines.select(*LINES), _counted(lines))


LINES = (
    "position",
    "channel",
    "user_id",
    "user_name",
    "is_newcomer",
    "sent_at",
    "way",
    "before",
    "after",
    "category_before",
    "category_after",
    "label_is_violation",
    "text",
    "comment_id",
)


def _known(comments: pl.DataFrame) -> pl.DataFrame:
    return (
        comments.sort("position")
        .with_columns(who=user_key())
        .with_columns(nth=pl.int_range(pl.len()).over("channel", "who"))
        .select(
            "comment_id",
            "position",
            "channel",
            "user_id",
            "user_name",
            "who",
            "sent_at",
            "text",
            "label_is_violation",
            is_newcomer=(pl.col("nth") < NEWCOMER_LINES) & is_user(pl.col("who")),
        )
    )


SILENCED = SEVERITY_OF["ban"]
"""What a silenced user writes is not there at all, as if he were banned."""


def _told(outcome: pl.DataFrame, end: str) -> pl.DataFrame:
    """Return what was done in words, and its rank: of equal actions the longer timeout is harsher."""
    silenced = pl.col("under_sanction").fill_null(value=False)
    minutes = (
        (pl.col("duration_s") / 60)
        .round(1, mode="half_away_from_zero")
        .cast(pl.String)
        .str.strip_suffix(".0")
    )
    timed = (pl.col("action") == "timeout") & pl.col("duration_s").is_not_null()
    action = pl.when(timed).then(pl.format("timeout {} min", minutes)).otherwise("action")
    rank = pl.col("action").replace_strict(SEVERITY_OF, default=0, return_dtype=pl.Int64)
    return outcome.select(
        "comment_id",
        pl.when(silenced).then(pl.lit("silenced")).otherwise(action).alias(end),
        pl.col("category").alias(f"category_{end}"),
        pl.when(silenced).then(SILENCED).otherwise(rank).alias(f"rank_{end}"),
        pl.when(timed & ~silenced).then("duration_s").otherwise(0).alias(f"seconds_{end}"),
    )


def _counted(lines: pl.DataFrame) -> pl.DataFrame:
    label, harsher = pl.col("label_is_violation"), pl.col("way") == "harsher"
    judged = label.is_not_null() & (pl.col("way") != "otherwise")
    is_known = is_user(pl.col("who"))
    who = pl.when(~is_known).then(pl.lit(NOBODY)).when("is_newcomer").then(pl.lit("newcomers"))
    return (
        lines.group_by("way", who=who.otherwise(pl.lit("regulars")))
        .agg(
            comments=pl.len(),
            users=pl.struct("channel", "who").filter(is_known).n_unique(),
            by_label_right=(judged & (label == harsher)).sum(),
            by_label_wrong=(judged & (label != harsher)).sum(),
        )
        .sort("way", "who")
    )


def acted_against(outcome: pl.DataFrame) -> dict[str, int]:
    """Return how often each sanction was meted out, those of a user who was silenced by then left out."""
    free = outcome.filter(~pl.col("under_sanction").fill_null(value=False))
    counted = dict(free["action"].value_counts().iter_rows())
    return {action: int(counted.get(action, 0)) for action in SANCTION_WORDS}


def fared(outcome: pl.DataFrame) -> dict[str, int]:
    """Return how often each sanction was meted out, and how many comments of a silenced user were not there at all."""
    silenced = int(outcome["under_sanction"].fill_null(value=False).sum())
    return {**acted_against(outcome), "silenced": silenced}


def rules_that_stood(run: Run) -> pl.DataFrame:
    """Return `comment_id` and the `rule` that the plan which stood cites; null where it cites none.

    The plan is the Student's, the audit's or a precedent's, as `cases.chosen.stands` has it, whatever the ladder made
    of it.
    """
    told = pl.col("action").is_not_null()
    audits = run.expert_audits.select("comment_id", audit_told=told, audit_rule="rule")
    precedents = run.expert_audits.select(precedent="comment_id", precedent_rule="rule")
    acts = pl.lit(run.config.config.audits_act) | ~pl.col("student_told").fill_null(value=False)
    by_audit = pl.col("audit_told").fill_null(value=False) & acts
    return (
        run.action_log.select("comment_id", "precedent")
        .join(
            run.student_decisions.select("comment_id", student_told=told, student_rule="rule"),
            on="comment_id",
            how="left",
        )
        .join(audits, on="comment_id", how="left")
        .join(precedents, on="precedent", how="left")
        .select(
            "comment_id",
            # An audit of its own goes before that of a text which it copies.
            rule=pl.when(by_audit)
            .then("audit_rule")
            .when(pl.col("precedent").is_not_null())
            .then("precedent_rule")
            .otherwise("student_rule"),
        )
    )


def how_it_fared(run: Run) -> pl.DataFrame:
    """Return `comment_id` and OUTCOME of every comment of a run: what `changes` and `with_rules` ask of either side."""
    log = run.action_log.select("comment_id", *(name for name in OUTCOME if name != "rule"))
    return log.join(rules_that_stood(run), on="comment_id", how="left", maintain_order="left")


def with_rules(lines: pl.DataFrame, before: pl.DataFrame, after: pl.DataFrame) -> pl.DataFrame:
    """Return the lines of `changes` with the rules cited, of both sides' `comment_id` and `rule`."""
    for end, rules in (("before", before), ("after", after)):
        cited = rules.select("comment_id", pl.col("rule").alias(f"rule_{end}"))
        lines = lines.join(cited, on="comment_id", how="left", maintain_order="left")
    return lines


def flips_by_rule(comments: pl.DataFrame, before: pl.DataFrame, after: pl.DataFrame) -> pl.DataFrame:
    """Return how many comments of both sides (of `how_it_fared`) went from which category and rule to which."""
    return by_rule(with_rules(changes(comments, before, after).lines, before, after))


def by_rule(lines: pl.DataFrame) -> pl.DataFrame:
    """Return how many lines (of `with_rules`) went from which category and rule to which."""
    keys = ("way", "category_before", "category_after", "rule_before", "rule_after")
    label = pl.col("label_is_violation")
    return (
        lines.group_by(keys)
        .agg(comments=pl.len(), labelled_violations=label.sum(), labelled_innocent=(~label).sum())
        .sort("comments", *keys, descending=[True, *[False] * len(keys)], nulls_last=True)
    )
