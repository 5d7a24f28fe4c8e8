"""The Reader's interface, and what all readers of logs share: records in, chunks of columns out.

A reader of one format is one of its neighbours; which one reads a file is decided in `formats.py`.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator

import polars as pl

from moderation_pipeline.comments.record import (
    CHUNK_SCHEMA,
    COMMENT_SCHEMA,
    RAW_LIMIT,
    Act,
    Chunk,
    Comment,
    Parsed,
    PlacedAct,
    RejectedLine,
    Unreadable,
)
from moderation_pipeline.comments.source import Record, Source

CHUNK_COMMENTS = 16_384
"""Comments held as Python objects at a time: about 10 MB, whatever the size of the file."""


class Reader(ABC):
    """Reads one format. A reader is made for one file, so that it may remember what it has read of it."""

    name: str
    """The format's name, for `--format` and the ingestion table."""
    describes: str
    """The format in words, for messages."""

    def __init__(self) -> None:
        self.notes: list[str] = []

    @classmethod
    @abstractmethod
    def recognises(cls, head: bytes) -> bool:
        """Whether a file that begins with `head` may be of this format."""

    @abstractmethod
    def chunks(self, source: Source) -> Iterator[Chunk]:
        """Yield the file's records in their order, a few thousand at a time."""


class LogReader(Reader):
    """Reads a log record by record. A subclass says what one record means."""

    def records(self, source: Source) -> Iterator[Record]:
        """Yield the file's records: its lines, unless the format is one JSON document."""
        return source.lines()

    @abstractmethod
    def parse(self, raw: bytes) -> Parsed:
        """Return what a record is. Nothing in it may raise: garbage is Unreadable."""

    def chunks(self, source: Source) -> Iterator[Chunk]:
        """Yield the file's records in their order, a few thousand comments at a time."""
        comments: list[Comment] = []
        numbers: list[int] = []
        chunk = Chunk()
        acts: list[PlacedAct] = []
        rejected: list[RejectedLine] = []
        before = 0
        for number, raw, damage in self.records(source):
            chunk.records += 1
            parsed = Unreadable(damage) if damage is not None else self.parse(raw)
            if type(parsed) is Comment:
                comments.append(parsed)
                numbers.append(number)
                if len(comments) == CHUNK_COMMENTS:
                    before += len(comments)
                    yield _filled(chunk, comments, numbers, acts, rejected)
                    comments, numbers, chunk, acts, rejected = [], [], Chunk(), [], []
            elif type(parsed) is Act:
                acts.append(PlacedAct(parsed, before + len(comments)))
            elif type(parsed) is Unreadable:
                rejected.append(rejected_line(number, parsed.reason, raw))
            else:
                chunk.ignored += 1
        yield _filled(chunk, comments, numbers, acts, rejected)


def rejected_line(number: int, reason: str, raw: bytes) -> RejectedLine:
    """Return a rejected record as it is kept: its text cut, bytes that are no UTF-8 replaced."""
    return RejectedLine(number, reason, raw[: RAW_LIMIT * 4].decode("utf-8", "replace")[:RAW_LIMIT])


def _filled(
    chunk: Chunk,
    comments: list[Comment],
    numbers: list[int],
    acts: list[PlacedAct],
    rejected: list[RejectedLine],
) -> Chunk:
    chunk.comments = _as_frame(comments, numbers)
    chunk.acts = acts
    chunk.rejected = rejected
    return chunk


def _as_frame(comments: list[Comment], numbers: list[int]) -> pl.DataFrame:
    """Turn rows into columns; the label columns are null, for acts label comments, not readers of logs."""
    columns = zip(*comments, strict=True) if comments else ([] for _ in COMMENT_SCHEMA)
    series = [
        pl.Series(name, list(values), dtype)
        for (name, dtype), values in zip(COMMENT_SCHEMA.items(), columns, strict=True)
    ]
    series.append(pl.Series("line_number", numbers, pl.Int64))
    frame = pl.DataFrame(series)
    missing = [name for name in CHUNK_SCHEMA if name not in frame.columns]
    return frame.with_columns(pl.lit(None, CHUNK_SCHEMA[name]).alias(name) for name in missing).select(
        list(CHUNK_SCHEMA)
    )
