"""A chat log in, three tables out: comments, rejected lines, and the counts that must add up (law 2).

The flow of a file is here. What the records mean is in `readers/`, what moderators' acts label in
`acts/moderators.py`, which rows are one comment in `merging.py`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

import polars as pl

from moderation_pipeline.comments.acts.moderators import labelled
from moderation_pipeline.comments.chat_files import LOG_SUFFIX, format_beside
from moderation_pipeline.comments.columns import ColumnsSpec, columns_beside
from moderation_pipeline.comments.formats import (
    READERS,
    NoCommentsError,
    UnreadableFileError,
    made,
    reader_named,
    readers_for,
)
from moderation_pipeline.comments.log_spec import LogSpec, log_beside
from moderation_pipeline.comments.merging import Merged, with_unique_ids, without_copies, without_false_ids
from moderation_pipeline.comments.ordering import in_order
from moderation_pipeline.comments.readers.own_lines import OwnLinesReader
from moderation_pipeline.comments.readers.reader import Reader
from moderation_pipeline.comments.readers.table import TableReader
from moderation_pipeline.comments.record import CHUNK_SCHEMA, OPTIONAL_SCHEMA, ActKind, Chunk, PlacedAct
from moderation_pipeline.comments.repeats import with_repeats
from moderation_pipeline.comments.source import Source
from moderation_pipeline.text.normalise import normalise
from moderation_pipeline.warehouse.tables import COMMENTS, INGESTION, REJECTED_LINES, UTC

NORMALISED_AT_A_TIME = 131_072
"""Texts normalised at a time: enough that most repetitions are met, few enough to cost little memory."""


@dataclass(frozen=True, slots=True)
class Ingested:
    """A chat as it was read: frames of the warehouse's tables, and what was guessed or is odd, in words.

    `acts` counts what moderators did by its kind, `ignored` the records that are neither comment nor act.
    """

    comments: pl.DataFrame
    rejected_lines: pl.DataFrame
    ingestion: pl.DataFrame
    notes: list[str]
    acts: Mapping[str, int] = field(default_factory=dict)
    ignored: Mapping[str, int] = field(default_factory=dict)


def ingest(
    path: Path,
    chat: str,
    *,
    format: str | None = None,  # noqa: A002 - what the terminal and the tables call it too
    columns: ColumnsSpec | None = None,
    log: LogSpec | None = None,
) -> Ingested:
    """Read the chat log at `path` as the chat `chat`.

    Args:
        path: the file; plain, gzip or zstd.
        chat: the chat's slug. Comments of a format that names no channel are in a channel of this name.
        format: a name of FORMATS; left out, `<file>.format` says it, else the file's content.
        columns: what a table's columns are; left out, `<file>.columns.yaml` says it, else it is guessed.
        log: what a log doesn't say itself; left out, `<file>.log.yaml` says it.

    Raises:
        UnknownFormatError: `format` is no format's name.
        ColumnsError: a table's columns or labels can't be understood.
        LogSpecError: what is said of a log can't be understood.
        UnreadableFileError: no record of the file can be read; the message names the formats tried.
        NoCommentsError: records could be read, and none is a comment.
    """
    source = Source(path, chat)
    named = format if format is not None else format_beside(path)
    said = log if log is not None else log_beside(path)
    reader, tally = _read(source, named, columns if columns is not None else columns_beside(path), said)
    stream = _as_stream(tally, reader, said)
    comments = _finished(stream.comments, chat)
    ingestion = _counted(source, reader, tally, comments.height)
    odd = [*_judged(tally, comments, said), *_odd(tally, comments)]
    notes = [*source.oddities.notes(), *reader.notes, *stream.notes, *odd]
    return Ingested(
        comments=comments,
        rejected_lines=_rejected_frame(tally, chat),
        ingestion=ingestion,
        notes=notes,
        acts=tally.acts_by_kind(),
        ignored=tally.ignored_as,
    )


@dataclass(slots=True)
class _Tally:
    """What has been read of a file."""

    frames: list[pl.DataFrame] = field(default_factory=lambda: [pl.DataFrame(schema=CHUNK_SCHEMA)])
    acts: list[PlacedAct] = field(default_factory=list)
    rejected: list[pl.DataFrame] = field(default_factory=list)
    records: int = 0
    comments: int = 0
    ignored: int = 0
    ignored_as: Counter[str] = field(default_factory=Counter)
    moderation_events: int = 0
    unreadable: int = 0
    first_reason: str = "it has no line that is one of a chat"

    def add(self, chunk: Chunk) -> None:
        self.frames.append(chunk.comments)
        self.comments += chunk.comments.height
        self.acts.extend(chunk.acts)
        self.records += chunk.records
        self.ignored += chunk.ignored
        self.ignored_as.update(chunk.ignored_as)
        self.moderation_events += chunk.moderation_events
        self.unreadable += len(chunk.rejected)
        if chunk.rejected:
            if not self.rejected:
                first = chunk.rejected[0]
                self.first_reason = f"line {first.line_number}: {first.reason}"
            columns = list(zip(*chunk.rejected, strict=True))
            schema = {name: REJECTED_LINES.schema[name] for name in ("line_number", "reason", "raw")}
            self.rejected.append(pl.DataFrame([list(column) for column in columns], schema=schema))

    def found(self) -> dict[str, int]:
        """Count what there is beside comments, in words."""
        acts = {f"act of a moderator ({kind})": count for kind, count in self.acts_by_kind().items()}
        unreadable = {f"unreadable ({self.first_reason})": self.unreadable} if self.unreadable else {}
        return {**self.ignored_as, **acts, **unreadable}

    def acts_by_kind(self) -> dict[str, int]:
        """Count what moderators did."""
        return dict(Counter(placed.act.kind.value for placed in self.acts))


def _read(
    source: Source, format_name: str | None, columns: ColumnsSpec | None, log: LogSpec
) -> tuple[Reader, _Tally]:
    """Return the first reader that finds comments in the file, and what it read."""
    if format_name is None and log.line is not None:
        format_name = OwnLinesReader.name
    candidates = [reader_named(format_name)] if format_name else readers_for(source.head(), columns)
    tally, without_comments = _Tally(), None
    for candidate in candidates:
        if without_comments is not None and issubclass(candidate, TableReader):
            # What a log's reader understands is no table, whatever its columns might be taken for.
            break
        reader = made(candidate, columns, log, source.path)
        tally = _Tally()
        for chunk in reader.chunks(source):
            tally.add(chunk)
        if tally.comments:
            return reader, tally
        if tally.unreadable < tally.records:
            without_comments = without_comments or NoCommentsError(source.path, candidate, tally.found())
    if without_comments is not None:
        raise without_comments
    is_known = bool(candidates)
    raise UnreadableFileError(
        source.path, candidates or READERS, tally.first_reason, b"" if is_known else source.head()
    )


class _Stream(NamedTuple):
    """One row per comment, in order and labelled, and what was noticed on the way."""

    comments: pl.DataFrame
    notes: list[str]


def _as_stream(tally: _Tally, reader: Reader, log: LogSpec) -> _Stream:
    """Put what was read in order, under unique ids, with labels; copies go last, for acts may be on them."""
    joined = _joined(tally.frames)
    read = without_false_ids(joined) if reader.is_id_guessed else Merged(joined, [])
    ordered = in_order(read.comments, tally.acts, reader.order)
    unique = with_unique_ids(ordered.comments, is_table=reader.order.is_table)
    comments = without_copies(labelled(unique.comments, ordered.acts, log))
    passing = ("row", "line_number", "is_held", "shared_from")
    return _Stream(comments.drop(passing, strict=False), [*read.notes, *ordered.notes, *unique.notes])


def _joined(frames: list[pl.DataFrame]) -> pl.DataFrame:
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


def _finished(comments: pl.DataFrame, chat: str) -> pl.DataFrame:
    """Return the rows of the comments table, in stream order."""
    absent = [
        pl.lit(None, dtype).alias(name) for name, dtype in OPTIONAL_SCHEMA.items() if name not in comments
    ]
    # A column made anew is memory; most chats name every channel.
    channel = pl.col("channel").fill_null(chat) if comments["channel"].null_count() else pl.col("channel")
    normalised = _normalised(comments["text"])
    return (
        with_repeats(comments.with_columns(normalised.alias("normalised")))
        .with_columns(
            *absent,
            channel,
            pl.lit(chat).alias("chat"),
            pl.int_range(pl.len(), dtype=pl.Int64).alias("position"),
            pl.col("sent_at").cast(UTC),
            pl.col("text").str.contains(COMMAND).alias("is_command"),
            (pl.col("is_emote_only") | pl.col("text").str.contains(EMOJI_ONLY)).alias("is_emote_only"),
        )
        .select(list(COMMENTS.schema))
    )


COMMAND = r"^\s*!\w"
EMOJI = r"[\s\p{Emoji_Presentation}\p{Extended_Pictographic}\x{200D}\x{FE0F}]*"
EMOJI_ONLY = rf"^{EMOJI}\p{{Extended_Pictographic}}{EMOJI}$"


def _normalised(texts: pl.Series) -> pl.Series:
    parts: Iterable[pl.Series] = (
        normalise(texts.slice(start, NORMALISED_AT_A_TIME))
        for start in range(0, max(len(texts), 1), NORMALISED_AT_A_TIME)
    )
    return pl.concat(list(parts), rechunk=True)


def _counted(source: Source, reader: Reader, tally: _Tally, comments: int) -> pl.DataFrame:
    """Count records and what became of them; what was read as a comment and isn't one now was merged."""
    row = {
        "chat": source.chat,
        "file_hash": source.file_hash(),
        "format": reader.name,
        "records": tally.records,
        "comments": comments,
        "rejected": tally.unreadable,
        "ignored": tally.ignored,
        "moderation_events": tally.moderation_events,
        "merged": tally.comments - comments,
    }
    return pl.DataFrame([row], schema=INGESTION.schema)


ON_A_USER = {kind.value for kind in (ActKind.BAN, ActKind.TIMEOUT, ActKind.SILENCE, ActKind.WARN)}


def _judged(tally: _Tally, comments: pl.DataFrame, log: LogSpec) -> list[str]:
    """Say what became of the moderators' acts that the log holds."""
    kinds = tally.acts_by_kind()
    if not kinds:
        return []
    named = ", ".join(f"{kind} {count:,}" for kind, count in sorted(kinds.items()))
    acts = f"{len(tally.acts):,} acts of moderators ({named})"
    labels = comments["label_is_violation"]
    if labels.null_count() == comments.height:
        notes = [f"{acts}, none of which says anything about a comment: there are no labels."]
    else:
        notes = [
            f"{acts}: {int(labels.sum() or 0):,} comments are labelled as violations by them, "
            f"{labels.null_count():,} left unlabelled, the others labelled allow (not acted on)."
        ]
    if kinds.keys() & ON_A_USER:
        notes.append(
            f"An act on a user labels what they wrote last, if that was at most {log.act_bound_minutes:g} "
            f"minutes before it ({LOG_SUFFIX}: act_bound_minutes); else it is left unlabelled."
        )
    if doubtful := kinds.get(ActKind.UNKNOWN, 0):
        notes.append(
            f"{doubtful:,} of the acts are not understood, or don't say on whom they were: what they may be "
            f"about is left unlabelled."
        )
    return notes


def _odd(tally: _Tally, comments: pl.DataFrame) -> list[str]:
    """Say what could not be read and why most of it could not, and that times are missing where some are."""
    notes = []
    untimed = comments["sent_at"].null_count()
    if 0 < untimed < comments.height:
        notes.append(f"{untimed:,} of {comments.height:,} comments have no time.")
    if tally.rejected:
        commonest, count = pl.concat(tally.rejected)["reason"].value_counts(sort=True).row(0)
        notes.append(
            f"{tally.unreadable:,} of {tally.records:,} records could not be read and are in rejected_lines; "
            f"{count:,} of them: {commonest}."
        )
    return notes


def _rejected_frame(tally: _Tally, chat: str) -> pl.DataFrame:
    if not tally.rejected:
        return REJECTED_LINES.empty()
    rejected: Sequence[pl.DataFrame] = tally.rejected
    return pl.concat(rejected).select(pl.lit(chat).alias("chat"), "line_number", "reason", "raw")
