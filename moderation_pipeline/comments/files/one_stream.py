"""The files of a chat as one stream: in the order of their times, what two of them hold once, acts in their place.

Each file was read before (`file_reading.py`). A chat of one file goes through here unchanged.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
import polars as pl
from numpy.typing import NDArray

from moderation_pipeline.comments.files.file_reading import FileRead
from moderation_pipeline.comments.merging import Merged, without_false_ids
from moderation_pipeline.comments.ordering import Ordered, in_order
from moderation_pipeline.comments.record import PlacedAct

FILE = "file"
"""The column that says from which file a comment is, by its number; a chat of one file has none."""

WHO_WHEN_WHAT = ("channel", "user_id", "user_name", "sent_at", "text")


class Strand(NamedTuple):
    """A file's comments and acts, and the time at which each comment has its place: never before the one above."""

    name: str
    ordered: Ordered
    times: NDArray[np.int64]


def one_stream(reads: Sequence[FileRead]) -> Ordered:
    """Return all comments in stream order, with `row` counting them, acts likewise, and what was noticed."""
    own = {number: read for number, read in enumerate(reads) if read.again is None}
    if len(own) == 1:
        ((number, read),) = own.items()
        comments, notes = _comments(read)
        if number:
            comments = comments.with_columns(pl.lit(number, pl.Int32).alias(FILE))
        ordered = in_order(comments, read.tally.acts, read.reader.order)
        return Ordered(ordered.comments, ordered.acts, [*notes, *ordered.notes])
    if next(iter(own.values())).reader.order.is_table:
        return _of_tables({number: read for number, read in own.items() if read.tally.comments})
    return _of_logs([_strand(number, read) for number, read in own.items()])


def _comments(read: FileRead) -> Merged:
    """Return a file's comments as they were written; an id that was guessed and is none is no id."""
    comments = joined(read.tally.frames)
    return without_false_ids(comments) if read.reader.is_id_guessed else Merged(comments, [])


def joined(frames: list[pl.DataFrame]) -> pl.DataFrame:
    """Return the frames as one whose columns are in one piece each, and empty them on the way.

    Column by column, so that never more than one of them is in memory twice. In pieces they may not stay:
    the first expression over columns cut differently would put them all together at once.
    """
    heights = [frame.height for frame in frames]
    dtypes = {name: dtype for frame in frames for name, dtype in frame.schema.items()}
    columns = []
    for name, dtype in dtypes.items():
        nothing = pl.Series(name, [None], dtype)
        parts = [
            frame.drop_in_place(name) if name in frame.columns else nothing.new_from_index(0, height)
            for frame, height in zip(frames, heights, strict=True)
        ]
        columns.append(pl.concat(parts, rechunk=True))
    frames.clear()
    return pl.DataFrame(columns)


def _named(comments: pl.DataFrame, number: int, name: str) -> pl.DataFrame:
    """Return a file's comments with its number; one without an id is named by its line in that file."""
    by_line = pl.format("{}:line-{}", pl.lit(name), "line_number")
    return comments.with_columns(
        pl.lit(number, pl.Int32).alias(FILE),
        pl.col("comment_id").is_null().alias("is_nameless"),
        pl.col("comment_id").fill_null(by_line),
    )


def _of_tables(reads: Mapping[int, FileRead]) -> Ordered:
    """Return the rows of tables as those of one, in the order that is said of them."""
    merged = {number: _comments(read) for number, read in reads.items()}
    frames = [_named(each.comments, number, reads[number].name) for number, each in merged.items()]
    ordered = in_order(joined(frames), [], next(iter(reads.values())).reader.order)
    comments, notes = _each_once(ordered.comments)
    of_files = [f"{reads[number].name}: {note}" for number, each in merged.items() for note in each.notes]
    return Ordered(comments, [], [*of_files, *ordered.notes, *notes])


def _strand(number: int, read: FileRead) -> Strand:
    ordered = in_order(joined(read.tally.frames), read.tally.acts, read.reader.order)
    comments = _named(ordered.comments.drop("row"), number, read.name)
    placed = comments.select(
        pl.col("sent_at").fill_null(strategy="forward").fill_null(strategy="backward").cum_max()
    ).to_series()
    # A log without times has its place at the end, after those whose place is known.
    times = placed.fill_null(np.iinfo(np.int64).max).to_numpy()
    notes = [f"{read.name}: {note}" for note in ordered.notes]
    return Strand(read.name, Ordered(comments, ordered.acts, notes), times)


def _of_logs(strands: Sequence[Strand]) -> Ordered:
    """Return the comments of logs by their times, those of one log in their own order."""
    begun = [strand for strand in strands if strand.times.size]
    begun.sort(key=lambda strand: int(strand.times[0]))
    times = np.concatenate([strand.times for strand in begun])
    comments = joined([strand.ordered.comments for strand in begun])
    order = np.argsort(times, kind="stable")
    if (order[1:] < order[:-1]).any():
        comments = comments[order]
    places = np.empty(len(order), np.int64)
    places[order] = np.arange(len(order))
    acts = _placed(strands, begun, times[order], places)
    kept, notes = _each_once(comments.with_row_index("row"))
    return Ordered(kept, acts, [*(note for each in strands for note in each.ordered.notes), *notes])


def _placed(
    strands: Sequence[Strand],
    begun: Sequence[Strand],
    times: NDArray[np.int64],
    places: NDArray[np.int64],
) -> list[PlacedAct]:
    """Return all acts with their place in the stream, in the order of that."""
    ends = np.cumsum([strand.times.size for strand in begun])
    own = {id(strand): places[end - strand.times.size : end] for strand, end in zip(begun, ends, strict=True)}
    nowhere = np.empty(0, np.int64)
    acts = [
        _in_stream(placed, own.get(id(strand), nowhere), times)
        for strand in strands
        for placed in strand.ordered.acts
    ]
    return sorted(acts, key=lambda placed: placed.comments_before)


def _in_stream(placed: PlacedAct, own: NDArray[np.int64], times: NDArray[np.int64]) -> PlacedAct:
    """Return an act at its time, but between the same two comments of its own log as before."""
    before = placed.comments_before
    earliest = int(own[before - 1]) + 1 if before else 0
    latest = int(own[before]) if before < own.size else times.size
    if placed.act.at_us is None:
        return placed._replace(comments_before=earliest if before else latest)
    at = int(np.searchsorted(times, placed.act.at_us, side="right"))
    return placed._replace(comments_before=min(max(at, earliest), latest))


def _each_once(comments: pl.DataFrame) -> tuple[pl.DataFrame, list[str]]:
    """Return the comments without what another file holds too: the same words of a user at the same time.

    Only where records have no ids, which say it better, but times. What a user said twice within one file
    they did say twice.
    """
    nth = pl.int_range(pl.len()).over(FILE, *WHO_WHEN_WHAT)
    may_be_again = pl.col("is_nameless") & pl.col("sent_at").is_not_null()
    if not comments.select(may_be_again.any()).item():
        return comments.drop("is_nameless"), []
    is_first = pl.struct(*WHO_WHEN_WHAT, nth.alias("nth")).is_first_distinct()
    kept = comments.filter(~may_be_again | is_first).drop("is_nameless")
    again = comments.height - kept.height
    if not again:
        return kept, []
    return kept, [
        f"{again:,} comments are in several files (same channel, user, time and text); each was kept once."
    ]
