"""How many people a config would wrong in a month of such chat: counts that a moderator can feel.

What a stretch of chat shows is carried over to a month by its own time span, which is said beside the number. A
share with its interval is `estimates.py`'s; here it becomes people, and the most it could be.
"""

from __future__ import annotations

from datetime import datetime
from typing import NamedTuple

import polars as pl
from scipy.special import gammaincinv

from moderation_pipeline.evaluation.judged import SANCTION_WORDS, Run, laid_beside, user_key

SILENCING = ("timeout", "ban")
"""What keeps somebody from writing: the wrongs that are felt."""

LEAST_HOURS = 1.0
"""A shorter stretch is no part of a month that anything could be carried over from."""
LONG_HOURS = 48.0
"""From how many hours on a chat is a stretch of days; below it is an evening or two, and hours on air are counted."""
MONTH_HOURS = 30 * 24.0
ON_AIR_HOURS = 100.0
"""A month of a channel that is on air 25 hours a week."""
MONTH_COMMENTS = 100_000
"""What stands for a month where comments have no time, or are of less than `LEAST_HOURS`."""

LEAST_COMMENTS = 100
"""Of fewer, without a span of time, nothing is carried over: one timeout among six comments is no 17,000 a month."""

CHANCE = 0.025


class FeltCounts(NamedTuple):
    """What a config would do to people in a month of such chat, and at most; null where nothing can be checked.

    `channels` is how many rooms that is of together; `hours` is the span of the chat, null where its comments have no
    time or too little; `month` is what it was carried over to, in hours, or in comments where there is no such span.
    """

    silenced: float
    wronged: float | None
    wronged_at_most: float | None
    missed: float | None
    hours: float | None
    month: float
    channels: int


def felt_counts(comments: pl.DataFrame, run: Run) -> FeltCounts | None:
    """Return the timeouts and bans of a month, how many of them wrong, and the violations that nobody would act on.

    The most is the upper end of an exact 95 % interval for a count (Garwood 1936), of wronged users, for those
    wronged in one go are one event. What has no label is taken to be like what has one. None where there is neither a
    span of time nor LEAST_COMMENTS.
    """
    span = span_hours(comments)
    hours = span if span is not None and span >= LEAST_HOURS else None
    if hours is None and comments.height < LEAST_COMMENTS:
        return None
    month = MONTH_COMMENTS if hours is None else MONTH_HOURS if hours >= LONG_HOURS else ON_AIR_HOURS
    scale = month / (comments.height if hours is None else hours)
    done = run.action_log.select("comment_id", "action", pl.col("under_sanction").fill_null(value=False))
    acted = laid_beside(
        comments.select("comment_id", "label_is_violation", user_key().alias("who")), done
    ).filter(~pl.col("under_sanction"))
    silenced = acted.filter(pl.col("action").is_in(SILENCING))
    wronged, most = _wronged(silenced)
    missed = _missed(acted)
    return FeltCounts(
        silenced.height * scale,
        None if wronged is None else wronged * scale,
        None if most is None else most * scale,
        None if missed is None else missed * scale,
        hours,
        month,
        comments["channel"].n_unique(),
    )


def span_hours(comments: pl.DataFrame) -> float | None:
    """Return the hours between a chat's first and last comment; null where there are not two times."""
    first, last = comments["sent_at"].min(), comments["sent_at"].max()
    if not isinstance(first, datetime) or not isinstance(last, datetime) or first == last:
        return None
    return (last - first).total_seconds() / 3600


def _wronged(silenced: pl.DataFrame) -> tuple[float | None, float | None]:
    """Return how many timeouts and bans hit innocent comments, and at most, if the unlabelled are like the others."""
    checked = silenced.drop_nulls("label_is_violation")
    if checked.is_empty():
        return None, None
    wrong = checked.filter(~pl.col("label_is_violation"))
    people = wrong["who"].n_unique()
    each = wrong.height / people if people else 1.0
    known = checked.height / silenced.height
    return wrong.height / known, min(silenced.height, most_events(people) * each / known)


def most_events(seen: int) -> float:
    """Return the most events that a count of `seen` is compatible with, at 97.5 %: a quantile of a gamma."""
    return float(gammaincinv(seen + 1, 1 - CHANCE))


def _missed(acted: pl.DataFrame) -> float | None:
    """Return how many violations by the labels nobody acted on, if the unlabelled are like the others.

    Of what silenced users would have written (not among `acted`) nobody had to do anything.
    """
    labelled = acted.drop_nulls("label_is_violation")
    if labelled.is_empty():
        return None
    missed = labelled.filter(
        pl.col("label_is_violation") & ~pl.col("action").is_in([*SANCTION_WORDS, "reply"])
    )
    return missed.height * acted.height / labelled.height
