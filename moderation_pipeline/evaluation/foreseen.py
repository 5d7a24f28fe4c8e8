"""How well a chat's moderators are foreseen by their twin: a Student that learnt from each label after it had decided.

The probability of a violation that the twin gave is held against what the moderators then did, channel by channel; and
the moderators against themselves, where the same text was written in the same channel again. Labels of acts are often
wrong, so a line that they let be is not called innocent here: the twin is only surest that they overlooked it.
"""

from __future__ import annotations

from collections.abc import Iterator
from hashlib import blake2b
from typing import NamedTuple

import numpy as np
import polars as pl

from moderation_pipeline.evaluation.judged import Run, user_key
from moderation_pipeline.statistics.resampled_ranking import RankingShown, ranking_of

QUESTION = "violation"
"""The question whose probability a learned head gives of each comment, whoever decides it."""


class ChannelForeseen(NamedTuple):
    """How well the moderators of one channel were foreseen, or of all (`channel` is then null)."""

    channel: str | None
    comments: int
    violations: int
    ranking: RankingShown


class SameText(NamedTuple):
    """What moderators did about texts that were written several times in a channel, and acted on at least once.

    `texts` were of that kind, `both_ways` of them also let be. Of the `acted_on` lines with such a text, the rest of
    the copies were acted on in the share `again`; null where there is none.
    """

    texts: int
    both_ways: int
    acted_on: int
    again: float | None


def is_twin(run: Run) -> bool:
    """Whether a run's Student learns from every label, and decides each comment itself before it is shown one."""
    config = run.config.config
    return (
        config.expert != "none"
        and config.expert.backend == "labels"
        and config.audit.policy == "all"
        and not config.audits_act
        and config.student != "none"
    )


def foreseen_lines(comments: pl.DataFrame, run: Run) -> pl.DataFrame:
    """Return the labelled comments of which the twin gave a probability, with it, in stream order."""
    asked = pl.element().struct.field("question") == QUESTION
    said = run.student_decisions.select(
        "comment_id",
        probability=pl.col("probabilities")
        .list.eval(pl.element().filter(asked).struct.field("probability"))
        .list.last(),
    )
    about = ("comment_id", "position", "channel", "user_id", "user_name", "sent_at", "text", "normalised")
    return (
        comments.select(*about, user_key().alias("who"), label="label_is_violation")
        .join(said, on="comment_id", maintain_order="left")
        .drop_nulls(["label", "probability"])
    )


def foreseen_by_channel(lines: pl.DataFrame) -> list[ChannelForeseen]:
    """Return how well all channels' moderators were foreseen, then each channel's, those who acted most first."""
    return [_foreseen(None, lines), *sorted(_each_channel(lines), key=lambda each: -each.violations)]


def _each_channel(lines: pl.DataFrame) -> Iterator[ChannelForeseen]:
    for (channel,), own in sorted(lines.group_by("channel")):
        yield _foreseen(str(channel), own)


def _foreseen(channel: str | None, lines: pl.DataFrame) -> ChannelForeseen:
    scores, outcomes = lines["probability"].to_numpy(), lines["label"].to_numpy().astype(np.bool_)
    who = lines["who"].rank("dense").cast(pl.Int64).to_numpy() - 1
    seed = int.from_bytes(blake2b(str(channel).encode(), digest_size=4).digest(), "big")
    return ChannelForeseen(
        channel, lines.height, int(outcomes.sum()), ranking_of(scores, outcomes, who, seed=seed)
    )


def overlooked(lines: pl.DataFrame, count: int = 20) -> pl.DataFrame:
    """Return the lines that no moderator acted on and of which the twin was surest; the same text of a channel once.

    Columns: as of `foreseen_lines`, and how often the text was let be there (`repeats`).
    """
    same = ["channel", _said().alias("said")]
    return (
        lines.filter(~pl.col("label"))
        .with_columns(same)
        .with_columns(repeats=pl.len().over("channel", "said"))
        .sort("probability", "position", descending=[True, False])
        .unique(["channel", "said"], keep="first", maintain_order=True)
        .head(count)
        .drop("said", "label")
    )


def same_text(comments: pl.DataFrame) -> SameText:
    """Return how alike the moderators treated the same text in the same channel, of all comments with a label."""
    texts = (
        comments.drop_nulls("label_is_violation")
        .group_by("channel", _said().alias("said"))
        .agg(lines=pl.len(), acted_on=pl.col("label_is_violation").sum())
        .filter(pl.col("lines") > 1, pl.col("acted_on") > 0)
    )
    again = pl.col("acted_on") * (pl.col("acted_on") - 1) / (pl.col("lines") - 1)
    both, acted_on, copied = texts.select(
        both=(pl.col("acted_on") < pl.col("lines")).sum(), acted=pl.col("acted_on").sum(), copied=again.sum()
    ).row(0)
    return SameText(texts.height, int(both), int(acted_on), copied / acted_on if texts.height else None)


def _said() -> pl.Expr:
    return pl.when(pl.col("normalised") == "").then("text").otherwise("normalised")
