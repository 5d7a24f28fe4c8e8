"""What human moderators did beside what a config would do, and how far the moderators agree with themselves.

That nobody acted may mean that nobody saw it, so a config that acts where they did not is harsher, not wrong. How they
treat the same text said again is the yardstick: no config can agree with them more than they do.
"""

from __future__ import annotations

from typing import NamedTuple

import polars as pl

from moderation_pipeline.errors import ModerationError
from moderation_pipeline.evaluation.judged import NO_VIOLATION
from moderation_pipeline.evaluation.outcome_changes import acted_against

WHO = ("both", "only the moderators", "only the config", "neither")


class NoModeratorsError(ModerationError):
    """A chat in which no human moderator's acts are known."""

    def __init__(self, chat: str, sources: list[str]) -> None:
        known = f"Its labels come from: {', '.join(sources)}." if sources else "It has no labels."
        super().__init__(
            f"What the moderators of chat {chat!r} did is not known. {known} A log with their acts labels them"
            " ('moderation add' reads timeouts, bans and deletions)."
        )


class ModeratorsCompared(NamedTuple):
    """Who acts: counts, counts by category, the comments on which only one acts, and how both treat copies.

    `again` is how many of 100 further copies of a text were acted on too, once one had been: by `moderators` and by the
    config; null where no text that was acted on was said twice.
    """

    counts: pl.DataFrame
    by_category: pl.DataFrame
    lines: pl.DataFrame
    again_by_moderators: float | None
    again_by_config: float | None
    acted: dict[str, int]


def moderators_compared(comments: pl.DataFrame, action_log: pl.DataFrame) -> ModeratorsCompared:
    """Return how a config compares with a chat's human moderators; what has no label is left out.

    Raises:
        NoModeratorsError: no label of the chat is a moderator's.
    """
    known = comments.filter(
        (pl.col("label_source") == "moderators") & pl.col("label_is_violation").is_not_null()
    )
    if known.is_empty():
        chat = str(comments["chat"][0]) if comments.height else ""
        raise NoModeratorsError(chat, sorted(comments["label_source"].drop_nulls().unique().to_list()))
    silenced = pl.col("under_sanction").fill_null(value=False)
    log = action_log.select(
        "comment_id",
        pl.when(silenced).then(pl.lit("silenced")).otherwise("action").alias("action"),
        "category",
        "reason",
    )
    both = known.join(log, on="comment_id", maintain_order="left").with_columns(
        human=pl.col("label_is_violation"),
        config=pl.col("category").fill_null(NO_VIOLATION) != NO_VIOLATION,
    )
    both = both.with_columns(who_acts=_who_acts())
    return ModeratorsCompared(
        _counted(both),
        _by_category(both),
        both.filter(pl.col("human") != pl.col("config")).sort("position").select(SHOWN),
        acted_again(both, "human"),
        acted_again(both, "config"),
        acted_against(action_log),
    )


SHOWN = (
    *("position", "channel", "user_id", "user_name", "who_acts"),
    *("label_action", "action", "category", "reason", "text", "comment_id"),
)


def _who_acts() -> pl.Expr:
    human, config = pl.col("human"), pl.col("config")
    return (
        pl.when(human & config)
        .then(pl.lit(WHO[0]))
        .when(human)
        .then(pl.lit(WHO[1]))
        .when(config)
        .then(pl.lit(WHO[2]))
        .otherwise(pl.lit(WHO[3]))
    )


def _counted(both: pl.DataFrame) -> pl.DataFrame:
    users = both.group_by("who_acts").agg(comments=pl.len(), users=pl.col("user_id").drop_nulls().n_unique())
    order = pl.DataFrame({"who_acts": WHO})
    return order.join(users, on="who_acts", how="left", maintain_order="left").fill_null(0)


def _by_category(both: pl.DataFrame) -> pl.DataFrame:
    """Return by the config's category, of which it acts: with the moderators, and alone."""
    own = both.filter("config").group_by("category")
    return own.agg(
        with_the_moderators=pl.col("human").sum(), alone=(~pl.col("human")).sum(), comments=pl.len()
    ).sort("comments", "category", descending=[True, False])


def acted_again(both: pl.DataFrame, who: str) -> float | None:
    """Return the share of other copies of a text that were acted on too, of texts that were acted on once."""
    texts = (
        both.filter(pl.col("normalised") != "")
        .group_by("normalised")
        .agg(said=pl.len().cast(pl.Int64), acted=pl.col(who).sum().cast(pl.Int64))
    )
    again, others = texts.select(
        again=(pl.col("acted") * (pl.col("acted") - 1)).sum(),
        others=(pl.col("acted") * (pl.col("said") - 1)).sum(),
    ).row(0)
    return again / others if others else None
