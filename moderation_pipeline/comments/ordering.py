"""The order of the stream: a table's as its spec says, a log's as it was written (forwards)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import polars as pl

from moderation_pipeline.chance import draw
from moderation_pipeline.comments.mapping import ORDER
from moderation_pipeline.comments.record import PlacedAct


@dataclass(frozen=True, slots=True)
class Order:
    """How a file's rows come to be a stream. A table without more to say is in the order of its times."""

    is_table: bool = False
    shuffle_seed: int | None = None


class Ordered(NamedTuple):
    """The comments in stream order, with `row` counting them; acts in the same order; what was noticed."""

    comments: pl.DataFrame
    acts: Sequence[PlacedAct]
    notes: list[str]


def in_order(read: pl.DataFrame, acts: Sequence[PlacedAct], order: Order) -> Ordered:
    """Put what was read in the order of the stream."""
    by = [name for name in read.columns if name.startswith(ORDER)]
    if by:
        keys = [_number_where_it_is_one(read[name]) for name in by]
        ordered = read.with_columns(keys).sort(by, maintain_order=True).drop(by)
    elif order.shuffle_seed is not None:
        ordered = _shuffled(read, order.shuffle_seed)
    elif order.is_table:
        ordered = read.sort("sent_at", nulls_last=True, maintain_order=True)
    elif _is_backwards(read["sent_at"]):
        turned = [PlacedAct(act, read.height - before) for act, before in reversed(acts)]
        note = "The log was written with the latest line first; it was turned round."
        return Ordered(read.reverse().with_row_index("row"), turned, [note])
    else:
        ordered = read
    return Ordered(ordered.with_row_index("row"), acts, [])


def _number_where_it_is_one(values: pl.Series) -> pl.Series:
    """Return a column of texts as numbers where all are, so that 10 comes after 9."""
    if values.dtype != pl.String:
        return values
    numbers = values.cast(pl.Float64, strict=False)
    return numbers if numbers.null_count() == values.null_count() else values


def _shuffled(read: pl.DataFrame, seed: int) -> pl.DataFrame:
    """Return the rows in an order that only the seed, their files and their lines decide."""
    names = pl.format("{}:{}", "file", "line_number") if "file" in read else pl.col("line_number")
    draws = [draw(seed, "shuffle", name) for name in read.select(names.cast(pl.String)).to_series()]
    return read.with_columns(pl.Series("draw", draws, pl.Float64)).sort("draw").drop("draw")


def _is_backwards(times: pl.Series) -> bool:
    """Whether the latest line comes first. Several servers' lines are a little out of order, and left so."""
    known = times.drop_nulls()
    if known.len() < 2 or known[0] - known[-1] < LEAST_FALL_US:
        return False
    steps = known.diff()
    return int((steps < 0).sum()) > 3 * int((steps > 0).sum())


LEAST_FALL_US = 10 * 1_000_000
