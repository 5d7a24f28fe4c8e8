"""The part of a report about the moderators' twin: how well they are foreseen, and what they may have overlooked."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import polars as pl

from moderation_pipeline.evaluation.foreseen import (
    ChannelForeseen,
    SameText,
    foreseen_by_channel,
    foreseen_lines,
    is_twin,
    overlooked,
    same_text,
)
from moderation_pipeline.evaluation.judged import Run
from moderation_pipeline.report.quantities import NONE, count, percent, plural
from moderation_pipeline.report.report_parts import said_where
from moderation_pipeline.rounding import rounded
from moderation_pipeline.statistics.bootstrap import Interval
from moderation_pipeline.statistics.resampled_ranking import LEAST_VIOLATIONS, TOP

OVERLOOKED = 20
ALL_CHANNELS = "all channels"


@dataclass(frozen=True, slots=True)
class ChannelShown:
    """A channel's row in words; the three measures are null where there are too few violations."""

    channel: str
    comments: str
    violations: str
    auroc: str
    average_precision: str
    in_top: str


@dataclass(frozen=True, slots=True)
class OverlookedShown:
    """A line that the twin was surest of, and that nobody acted on."""

    text: str
    where: str
    probability: str
    repeats: int


@dataclass(frozen=True, slots=True)
class TwinShown:
    """What is said of one twin."""

    config: str
    sentences: list[str]
    channels: list[ChannelShown]
    overlooked: list[OverlookedShown]


def twins(comments: pl.DataFrame, runs: Sequence[Run]) -> list[TwinShown]:
    """Return what is said of each run that is a twin, and gave probabilities."""
    shown = ((run, foreseen_lines(comments, run)) for run in runs if is_twin(run))
    return [_twin(comments, run.name, lines) for run, lines in shown if lines.height]


def _twin(comments: pl.DataFrame, config: str, lines: pl.DataFrame) -> TwinShown:
    channels = foreseen_by_channel(lines)
    found = [_foreseen_sentence(channels[0]), _yardstick_sentence(same_text(comments))]
    return TwinShown(
        config=config,
        sentences=found,
        channels=[_channel(each) for each in (channels if len(channels) > 2 else channels[1:])],
        overlooked=[
            OverlookedShown(
                text=row["text"],
                where=said_where(row),
                probability=percent(row["probability"]),
                repeats=row["repeats"],
            )
            for row in overlooked(lines, OVERLOOKED).iter_rows(named=True)
        ],
    )


def _foreseen_sentence(everything: ChannelForeseen) -> str:
    among = f"{plural(everything.violations, 'line')} acted on among {count(everything.comments)}"
    ranking = everything.ranking
    if ranking.in_top.estimate is None:
        return f"With {among} it can't be said how well the moderators are foreseen."
    return (
        f"Of {among}, {_share(ranking.in_top)} were in the {percent(TOP, 0)} that the twin was most suspicious of, each"
        " before it saw what was done."
    )


def _yardstick_sentence(same: SameText) -> str:
    if same.again is None:
        return "No text that was acted on was written twice in its channel, so nothing says how alike they decide."
    return (
        f"The yardstick is how alike the moderators decide themselves: {plural(same.texts, 'text')} that they acted on"
        f" {'was' if same.texts == 1 else 'were'} written again in the same channel, {count(same.both_ways)} of them"
        f" also let be. Where they acted on a line, they acted on {percent(same.again)} of its copies."
    )


def _channel(each: ChannelForeseen) -> ChannelShown:
    ranking = each.ranking
    few = f"too few (under {LEAST_VIOLATIONS})"
    return ChannelShown(
        channel=ALL_CHANNELS if each.channel is None else each.channel,
        comments=count(each.comments),
        violations=count(each.violations),
        auroc=_number(ranking.auroc) or few,
        average_precision=_number(ranking.average_precision) or few,
        in_top=few if ranking.in_top.estimate is None else _share(ranking.in_top),
    )


def _number(value: Interval) -> str:
    if value.estimate is None:
        return ""  # the cell then says that violations are too few
    return _between(value, lambda share: rounded(share, 3))


def _share(value: Interval) -> str:
    return _between(value, percent)


def _between(value: Interval, say: Callable[[float], str]) -> str:
    if value.estimate is None or value.low is None or value.high is None:
        return NONE if value.estimate is None else say(value.estimate)
    return f"{say(value.estimate)} [{say(value.low)}, {say(value.high)}]"
