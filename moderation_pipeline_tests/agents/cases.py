"""Cases made of a few lines of chat, as the loop makes them."""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl

from moderation_pipeline.cases.case import Case
from moderation_pipeline.cases.situation import Situation, Standing
from moderation_pipeline.moderation.stream import Stream
from moderation_pipeline.text.normalise import normalise
from moderation_pipeline.warehouse.tables import COMMENTS


def comments_of(*lines: str | tuple[str, str], **columns: object) -> pl.DataFrame:
    """Return a comments table of one channel: a line is a text, or a user and a text.

    `columns` overrides a column for every line.
    """
    users = [line[0] if isinstance(line, tuple) else f"user{n}" for n, line in enumerate(lines)]
    texts = pl.Series(
        "text", [line[1] if isinstance(line, tuple) else line for line in lines], dtype=pl.String
    )
    frame = pl.DataFrame({"text": texts, "user_id": users, "user_name": users}).with_columns(
        chat=pl.lit("test"),
        comment_id=pl.int_range(len(lines)).cast(pl.String),
        position=pl.int_range(len(lines), dtype=pl.Int64),
        channel=pl.lit("arena"),
        normalised=normalise(texts),
        user_repeats=pl.lit(0, dtype=pl.Int32),
        channel_repeats=pl.lit(0, dtype=pl.Int32),
    )
    flags = {name: pl.lit(False) for name in COMMENTS.schema if name.startswith("is_")}
    frame = frame.with_columns(**flags).with_columns(
        **{name: pl.lit(value) for name, value in columns.items()}
    )
    missing = [
        pl.lit(None, kind).alias(name) for name, kind in COMMENTS.schema.items() if name not in frame.columns
    ]
    return frame.with_columns(missing).select(
        pl.col(name).cast(kind) for name, kind in COMMENTS.schema.items()
    )


def cases_of(*lines: str | tuple[str, str], **columns: object) -> list[Case]:
    """Return the cases of the lines, each with the lines before it as its surroundings."""
    return [case for batch in Stream(comments_of(*lines, **columns)).batches(64) for case in batch]


def last_case_of(*lines: str | tuple[str, str], **columns: object) -> Case:
    """Return the case of the last line."""
    return cases_of(*lines, **columns)[-1]


def situations_of(cases: Sequence[Case]) -> list[Situation]:
    """Return situations of users against whom nothing counts, and in which nothing is recalled."""
    return [Situation(Standing(0, None)) for _ in cases]
