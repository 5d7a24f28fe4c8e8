"""One row per comment: copies of shared chats and records logged twice are merged, ids made unique.

Before this an id may be missing or stand for several rows; after it, `comment_id` is a key of the chat.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import polars as pl


class Merged(NamedTuple):
    """The comments with unique ids, and what is to be said aloud about it."""

    comments: pl.DataFrame
    notes: list[str]


def with_unique_ids(comments: pl.DataFrame, *, is_table: bool = False) -> Merged:
    """Return the comments in the order given, each once, under an id that no other has.

    A record that is there twice (same id, channel, user and text) stays where it was first. Different
    comments under one id are kept, the later ones with their line number added to the id. In a table another
    time is another comment: only a service says the same message twice, held back and then shown.
    """
    named = comments
    if comments["comment_id"].null_count() > 0:
        named = comments.with_columns(_without_id("comment_id"))
    kept = _without_repetitions(named, RECORD if is_table else MESSAGE)
    kept, renamed = _with_unique_ids(kept)
    notes = []
    if again := comments.height - kept.height:
        notes.append(f"{again:,} records were in the file twice; the first of each was kept.")
    if renamed:
        notes.append(f"{renamed:,} different comments had another's id; their line number was added to it.")
    return Merged(kept, notes)


def without_false_ids(comments: pl.DataFrame) -> Merged:
    """Return the comments without ids that were guessed and are none: a user's id, a room's, a row's in a day.

    They are told by an id that is there again in another record. The same record again, to its very time, is
    one that was logged twice, and its id may be one.
    """
    ids = comments["comment_id"].drop_nulls()
    if _are_distinct(ids):
        return Merged(comments, [])
    known = comments.filter(pl.col("comment_id").is_not_null())
    told_apart = known.select("comment_id", *RECORD).unique().height
    untimed = known.filter(pl.col("sent_at").is_null())["comment_id"]
    if told_apart == ids.n_unique() and untimed.is_unique().all():
        return Merged(comments, [])
    note = (
        f"The column taken as comment_id repeats ({ids.n_unique():,} values in {ids.len():,} records), so it is "
        f"no id of comments and was not used; --column comment_id=NAME says that one is."
    )
    return Merged(comments.with_columns(pl.lit(None, pl.String).alias("comment_id")), [note])


MESSAGE = ("channel", "user_id", "text")
RECORD = (*MESSAGE, "sent_at")
"""What two records of one comment have in common besides its id."""


def without_copies(comments: pl.DataFrame) -> pl.DataFrame:
    """Return the comments without a shared chat's copies of lines that are in this chat too.

    A copy whose original was written in a channel that isn't logged here is all there is of it, and stays.
    """
    if "shared_from" not in comments.columns:
        return comments
    shared = comments["shared_from"].drop_nulls().unique()
    present = comments["comment_id"].filter(comments["comment_id"].is_in(shared.implode()))
    is_copy = pl.col("shared_from").is_in(present.unique().implode()).fill_null(value=False)
    return comments.filter(~is_copy)


def _without_id(column: str) -> pl.Expr:
    """An id for a comment that has none: its line in the file, which stays when the file grows."""
    return pl.col(column).fill_null(pl.format("line-{}", "line_number"))


def _without_repetitions(comments: pl.DataFrame, same: Sequence[str]) -> pl.DataFrame:
    if _are_distinct(comments["comment_id"]):
        return comments
    first = pl.struct("comment_id", *same).is_first_distinct()
    return comments.with_columns(first.alias("is_first")).filter("is_first").drop("is_first")


def _are_distinct(ids: pl.Series) -> bool:
    """Whether no two are equal: by their hashes, for grouping two million texts takes 100 MB.

    Two hashes that meet by chance only cost the slower look that follows.
    """
    hashes = np.sort(ids.hash().to_numpy())
    return not bool((hashes[1:] == hashes[:-1]).any())


def _with_unique_ids(comments: pl.DataFrame) -> tuple[pl.DataFrame, int]:
    """Add the line number to an id that another row has; again, should that be an id too."""
    renamed = 0
    if _are_distinct(comments["comment_id"]):
        return comments, renamed
    while (later := ~comments["comment_id"].is_first_distinct()).any():
        renamed = max(renamed, int(later.sum()))
        new_id = pl.format("{}#{}", "comment_id", "line_number")
        comments = comments.with_columns(
            pl.when(later).then(new_id).otherwise("comment_id").alias("comment_id")
        )
    return comments, renamed
