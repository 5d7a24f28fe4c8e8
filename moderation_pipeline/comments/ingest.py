"""A chat log in, three tables out: comments, rejected lines, and the counts that must add up (law 2).

The flow of a chat is here. What the records mean is in `readers/`, how files are read and become one stream in
`files/`, what moderators' acts label in `acts/moderators.py`, which rows are one comment in `merging.py`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

import polars as pl

from moderation_pipeline.comments.acts.moderators import labelled
from moderation_pipeline.comments.acts.ranks import with_ranks
from moderation_pipeline.comments.chat_files import LOG_SUFFIX
from moderation_pipeline.comments.columns import ColumnsSpec
from moderation_pipeline.comments.files.file_reading import FileRead, Said, read_files
from moderation_pipeline.comments.files.one_stream import FILE, one_stream
from moderation_pipeline.comments.log_spec import LogSpec, LogSpecError
from moderation_pipeline.comments.merging import with_unique_ids, without_copies
from moderation_pipeline.comments.record import OPTIONAL_SCHEMA, ActKind
from moderation_pipeline.comments.repeats import with_repeats
from moderation_pipeline.text.language import languages
from moderation_pipeline.text.normalise import normalise
from moderation_pipeline.warehouse.tables import COMMENTS, INGESTION, REJECTED_LINES, UTC
from moderation_pipeline.warehouse.versions import comments_version

TEXTS_AT_A_TIME = 131_072
"""Texts normalised, and looked at for their language, at a time: enough that most repetitions are met, few enough to
cost little memory."""


@dataclass(frozen=True, slots=True)
class Ingested:
    """A chat as it was read: frames of the warehouse's tables, and what was guessed or is odd, in words.

    `acts` counts what moderators did by its kind, `ignored` the records that are neither comment nor act.
    `why` is how the format was told, `said` what was said of the chat beside it.
    """

    comments: pl.DataFrame
    rejected_lines: pl.DataFrame
    ingestion: pl.DataFrame
    notes: list[str]
    acts: Mapping[str, int] = field(default_factory=dict)
    ignored: Mapping[str, int] = field(default_factory=dict)
    why: str = ""
    said: Said = field(default_factory=Said)


def ingest(
    path: Path,
    chat: str,
    *,
    format: str | None = None,  # noqa: A002 - what the terminal and the tables call it too
    columns: ColumnsSpec | None = None,
    log: LogSpec | None = None,
) -> Ingested:
    """Read the chat log at `path`, a file or a folder of files, as the chat `chat`.

    Args:
        path: the file, or the folder of files; plain, gzip or zstd.
        chat: the chat's slug. Comments of a format that names no channel are in a channel of this name.
        format: a name of FORMATS; left out, `<file>.format` says it, else the file's content.
        columns: what a table's columns are; left out, `<file>.columns.yaml` says it, else it is guessed.
        log: what a log doesn't say itself; left out, `<file>.log.yaml` says it.

    Raises:
        UnknownFormatError: `format` is no format's name.
        ColumnsError: a table's columns or labels can't be understood.
        LogSpecError: what is said of a log can't be understood.
        UnreadableFileError: no record of a file can be read; the message names the formats tried.
        NoCommentsError: records could be read, and none is a comment.
        MixedFormatsError: the files of a folder are of different formats.
    """
    given = Said(format, columns, log if log is not None else LogSpec())
    reads = read_files(chat, path, given)
    own = [read for read in reads if read.again is None]
    first = next(read for read in own if read.tally.comments)
    log = _only_log(chat, own)
    stream = _as_stream(reads, log)
    acts = _sums(read.tally.acts_by_kind() for read in own)
    comments = finished(stream.comments.drop(FILE, strict=False), chat)
    notes = [
        *_of_files(reads),
        *stream.notes,
        *_judged(acts, comments, log),
        *_odd(own, comments),
    ]
    return Ingested(
        comments,
        _rejected_frame(own, chat),
        _counted(chat, reads, stream.comments, comments_version(comments)),
        notes,
        acts,
        _sums(read.tally.ignored_as for read in own),
        first.why,
        first.said,
    )


def _only_log(chat: str, reads: Sequence[FileRead]) -> LogSpec:
    """Return what is said of all files; how far back an act reaches can be said only of the chat."""
    bounds = {read.said.log.act_bound_minutes: read.name for read in reads}
    if len(bounds) > 1:
        each = ", ".join(f"{minutes:g} beside {name}" for minutes, name in bounds.items())
        raise LogSpecError(
            f"act_bound_minutes of the chat {chat!r} is {each}: it holds for a whole chat. Say it in "
            f"{chat}{LOG_SUFFIX} beside the folder, or the same beside each file."
        )
    return reads[0].said.log


def _sums(counts: Iterable[Mapping[str, int]]) -> dict[str, int]:
    """Return counts added up by their names."""
    total: Counter[str] = Counter()
    for each in counts:
        total.update(each)
    return dict(total)


class _Stream(NamedTuple):
    """One row per comment, in order and labelled, and what was noticed on the way."""

    comments: pl.DataFrame
    notes: list[str]


def _as_stream(reads: Sequence[FileRead], log: LogSpec) -> _Stream:
    """Put what was read in order, under unique ids, with labels; copies go last, for acts may be on them."""
    ordered = one_stream(reads)
    unique = with_unique_ids(ordered.comments, is_table=reads[0].reader.order.is_table)
    comments = without_copies(labelled(unique.comments, ordered.acts, log))
    passing = ("row", "line_number", "is_held", "shared_from")
    ranked = with_ranks(comments.drop(passing, strict=False), _moderators(reads))
    return _Stream(ranked.comments, [*ordered.notes, *unique.notes, *ranked.notes])


def _moderators(reads: Sequence[FileRead]) -> list[str]:
    """Return who is named as a moderator beside any of the files."""
    return [name for read in reads for name in read.said.log.moderators]


def finished(comments: pl.DataFrame, chat: str) -> pl.DataFrame:
    """Return the rows of the comments table, in stream order."""
    absent = [
        pl.lit(None, dtype).alias(name) for name, dtype in OPTIONAL_SCHEMA.items() if name not in comments
    ]
    # A column made anew is memory; most chats name every channel.
    channel = pl.col("channel").fill_null(chat) if comments["channel"].null_count() else pl.col("channel")
    normalised = _a_part_at_a_time(normalise, comments["text"]).alias("normalised")
    language = _a_part_at_a_time(languages, comments["text"])
    return (
        with_repeats(comments.with_columns(normalised, language))
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
EMOJI_ONLY = rf"^{EMOJI}[\p{{Extended_Pictographic}}\p{{Regional_Indicator}}]{EMOJI}$"


def _a_part_at_a_time(worked: Callable[[pl.Series], pl.Series], texts: pl.Series) -> pl.Series:
    """Return what is made of each text."""
    parts = (
        worked(texts.slice(start, TEXTS_AT_A_TIME)) for start in range(0, max(len(texts), 1), TEXTS_AT_A_TIME)
    )
    return pl.concat(list(parts), rechunk=True)


def _counted(chat: str, reads: Sequence[FileRead], comments: pl.DataFrame, version: str) -> pl.DataFrame:
    """Count each file's records and what became of them.

    What was read as a comment and isn't one now was merged, as was all of a file that was there twice.
    """
    of_file = dict(comments[FILE].value_counts().rows()) if FILE in comments else {0: comments.height}
    rows = [_counted_file(chat, read, of_file.get(number, 0)) for number, read in enumerate(reads)]
    return pl.DataFrame(rows, schema=INGESTION.schema).with_columns(data_version=pl.lit(version))


def _counted_file(chat: str, read: FileRead, comments: int) -> dict[str, object]:
    tally, is_again = read.tally, read.again is not None
    return {
        "chat": chat,
        "file": read.name,
        "file_hash": read.source.file_hash(),
        "format": read.format,
        "records": tally.records,
        "comments": 0 if is_again else comments,
        "rejected": 0 if is_again else tally.unreadable,
        "ignored": 0 if is_again else tally.ignored,
        "moderation_events": 0 if is_again else tally.moderation_events,
        "merged": tally.records if is_again else tally.comments - comments,
    }


MANY = 20
"""So many comments are seldom all one user's."""

ON_A_USER = {kind.value for kind in (ActKind.BAN, ActKind.TIMEOUT, ActKind.SILENCE, ActKind.WARN)}


def _judged(kinds: Mapping[str, int], comments: pl.DataFrame, log: LogSpec) -> list[str]:
    """Say what became of the moderators' acts that the log holds."""
    if not kinds:
        return []
    named = ", ".join(f"{kind} {count:,}" for kind, count in sorted(kinds.items()))
    acts = f"{sum(kinds.values()):,} acts of moderators ({named})"
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


def _of_files(reads: Sequence[FileRead]) -> list[str]:
    """Return what was noticed of each file; what was noticed of several is said once."""
    if len(reads) == 1:
        return [*reads[0].source.oddities.notes(), *reads[0].reader.notes]
    files: dict[str, list[str]] = {}
    for read in reads:
        for note in _of_one(read):
            files.setdefault(note, []).append(read.name)
    return [f"{_files(names, len(reads))}: {note}" for note, names in files.items()]


def _of_one(read: FileRead) -> list[str]:
    if read.again is not None:
        return [f"All of it is in {read.again} too, so it was left out."]
    if not read.tally.records:
        return ["It has no record."]
    none = [] if read.tally.comments else ["It has no comment."]
    return [*read.source.oddities.notes(), *read.reader.notes, *none]


def _files(names: Sequence[str], of: int) -> str:
    if len(names) == of:
        return f"All {of:,} files"
    return names[0] if len(names) == 1 else f"{names[0]} and {len(names) - 1:,} more files"


def _odd(reads: Sequence[FileRead], comments: pl.DataFrame) -> list[str]:
    """Say what could not be read and why most of it could not, and that times are missing where some are."""
    notes = []
    untimed = comments["sent_at"].null_count()
    if 0 < untimed < comments.height:
        notes.append(f"{untimed:,} of {comments.height:,} comments have no time.")
    users = comments["user_id"]
    if comments.height >= MANY and not users.null_count() and users.n_unique() == 1:
        notes.append(
            f"All {comments.height:,} comments are one user's, {str(users[0])[:60]!r}. If that is nobody's name, say "
            "where the name is: --line for lines, --column user_id=NAME for a table."
        )
    rejected = [frame for read in reads for frame in read.tally.rejected]
    if rejected:
        commonest, count = pl.concat(rejected)["reason"].value_counts(sort=True).row(0)
        unreadable = sum(read.tally.unreadable for read in reads)
        records = sum(read.tally.records for read in reads)
        notes.append(
            f"{unreadable:,} of {records:,} records could not be read and are in rejected_lines; "
            f"{count:,} of them: {commonest}."
        )
    return notes


def _rejected_frame(reads: Sequence[FileRead], chat: str) -> pl.DataFrame:
    rejected = [
        frame.select(
            pl.lit(chat).alias("chat"), pl.lit(read.name).alias("file"), "line_number", "reason", "raw"
        )
        for read in reads
        for frame in read.tally.rejected
    ]
    return pl.concat(rejected) if rejected else REJECTED_LINES.empty()
