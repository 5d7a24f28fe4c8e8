"""One file of a chat, read: by which reader and why, its records counted, its comments as they were written.

How several files become one stream is in `one_stream.py`, what a stream's rows are in `comments/ingest.py`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import polars as pl

from moderation_pipeline.comments.chat_files import file_name, format_beside, log_files
from moderation_pipeline.comments.columns import ColumnsSpec, columns_beside
from moderation_pipeline.comments.files.contents import held_by_others
from moderation_pipeline.comments.files.rooms import in_room, rooms_of
from moderation_pipeline.comments.formats import (
    READERS,
    NoCommentsError,
    UnreadableFileError,
    made,
    reader_named,
    readers_for,
)
from moderation_pipeline.comments.log_spec import LogSpec, log_beside
from moderation_pipeline.comments.readers.own_lines import OwnLinesReader
from moderation_pipeline.comments.readers.reader import Reader
from moderation_pipeline.comments.readers.table import TableReader
from moderation_pipeline.comments.record import CHUNK_SCHEMA, Chunk, PlacedAct
from moderation_pipeline.comments.source import Source
from moderation_pipeline.errors import ModerationError
from moderation_pipeline.warehouse.tables import REJECTED_LINES

BESIDE_IT = "as the files beside it"
"""Why a file is of a format that it doesn't show itself."""


class MixedFormatsError(ModerationError):
    """Files of different formats that would be one chat."""

    def __init__(self, chat: str, formats: Mapping[str, str]) -> None:
        each = ", ".join(f"{file} is {format_name}" for format_name, file in formats.items())
        super().__init__(
            f"The files of the chat {chat!r} are of different formats: {each}. They name users and comments "
            f"differently, so that one user would be two. Make each format a chat of its own, with --name."
        )


class NoLogAmongOthersError(ModerationError):
    """A file among logs that is none."""

    def __init__(self, why: ModerationError) -> None:
        super().__init__(f"{why} If it is no log, take it out of the folder, or name the logs themselves.")


@dataclass(frozen=True, slots=True)
class Said:
    """What is said of a file beside it: its format, its columns, what a log doesn't say itself."""

    format: str | None = None
    columns: ColumnsSpec | None = None
    log: LogSpec = field(default_factory=LogSpec)

    def over(self, other: Said) -> Said:
        """Return what is said here, and for the rest what is said there."""
        return Said(
            self.format or other.format,
            self.columns if self.columns is not None else other.columns,
            other.log.model_copy(update=self.log.model_dump(exclude_unset=True)),
        )

    @classmethod
    def beside(cls, file: Path, chat: Path) -> Said:
        """Return what is said beside the file; for the rest, what is said beside the folder that is the chat."""
        own = cls(format_beside(file), columns_beside(file), log_beside(file))
        if file == chat:
            return own
        return own.over(cls(format_beside(chat), columns_beside(chat), log_beside(chat)))


@dataclass(slots=True)
class Tally:
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
        """Take in a chunk."""
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


@dataclass(slots=True)
class FileRead:
    """A file that was read. `again` names the file that holds all that is in it, and stands for both."""

    name: str
    source: Source
    said: Said
    reader: Reader
    tally: Tally
    why: str
    again: str | None = None

    @property
    def format(self) -> str:
        """The name of its format."""
        return self.reader.name


Way = tuple[type[Reader], str | None]
"""By which reader a file is read, and as which room's."""


def read_files(chat: str, path: Path, given: Said) -> list[FileRead]:
    """Read the files of a chat, in the order of their names; `given` goes before what is beside.

    A file without a comment, such as a quiet day's, is read as the others' format.

    Raises:
        ModerationError: a file can't be read, none has a comment, or they are of different formats.
    """
    files = log_files(path)
    sources = {file_name(file, path): Source(file, chat) for file in files}
    said = {name: given.over(Said.beside(source.path, path)) for name, source in sources.items()}
    if len(sources) == 1:
        return [_read(name, source, said[name], None) for name, source in sources.items()]
    rooms = rooms_of(list(sources))
    reads: dict[str, FileRead] = {}
    quiet: dict[str, ModerationError] = {}
    held = held_by_others({name: source.path for name, source in sources.items()})
    for name in sources:
        try:
            reads[name] = _read(name, sources[name], said[name], rooms[name])
        except (NoCommentsError, UnreadableFileError) as error:
            quiet[name] = error
    if not reads:
        raise next(iter(quiet.values()))
    kind = _commonest(list(reads.values()))
    for name, refused in quiet.items():
        reads[name] = _read_quiet(name, sources[name], said[name], (kind, rooms[name]), refused)
    for name, read in reads.items():
        if type(read.reader) is not kind and kind in readers_for(read.source.head(), read.said.columns):
            reads[name] = _read_as((kind, rooms[name]), name, sources[name], said[name])
    formats = {read.format: read.name for read in reads.values()}
    if len(formats) > 1:
        raise MixedFormatsError(chat, formats)
    return [replace(reads[name], again=held.get(name)) for name in sources]


def _commonest(reads: Sequence[FileRead]) -> type[Reader]:
    """Return the reader of most comments: a short file may look like several formats."""
    comments: Counter[type[Reader]] = Counter()
    for read in reads:
        comments[type(read.reader)] += read.tally.comments
    return comments.most_common(1)[0][0]


def _read_quiet(name: str, source: Source, said: Said, way: Way, error: ModerationError) -> FileRead:
    """Read a file in which no comment was found as the format of the files beside it, if it can be."""
    if not source.head().strip():
        return FileRead(name, source, said, made(way[0], None, said.log, source.path), Tally(), BESIDE_IT)
    read = _read_as(way, name, source, said)
    if read.tally.records and read.tally.unreadable == read.tally.records:
        raise NoLogAmongOthersError(error) from error
    return read


def _read_as(way: Way, name: str, source: Source, said: Said) -> FileRead:
    kind, room = way
    reader = made(kind, said.columns, said.log, source.path)
    return FileRead(name, source, said, reader, _tally(reader, source, room), BESIDE_IT)


def _read(name: str, source: Source, said: Said, room: str | None) -> FileRead:
    """Read the file by the first reader that finds comments in it."""
    named = said.format or (OwnLinesReader.name if said.log.line is not None else None)
    candidates = [reader_named(named)] if named else readers_for(source.head(), said.columns)
    tally, without_comments = Tally(), None
    for candidate in candidates:
        if without_comments is not None and issubclass(candidate, TableReader):
            # What a log's reader understands is no table, whatever its columns might be taken for.
            break
        reader = made(candidate, said.columns, said.log, source.path)
        tally = _tally(reader, source, room)
        if tally.comments:
            why = "as was said" if named else "by its content"
            return FileRead(name, source, said, reader, tally, why)
        if tally.unreadable < tally.records:
            without_comments = without_comments or NoCommentsError(source.path, candidate, tally.found())
    if without_comments is not None:
        raise without_comments
    is_known = bool(candidates)
    reason = source.why_nothing() or tally.first_reason
    raise UnreadableFileError(source.path, candidates or READERS, reason, b"" if is_known else source.head())


def _tally(reader: Reader, source: Source, room: str | None) -> Tally:
    tally = Tally()
    of_files = None if isinstance(reader, TableReader) else room
    for chunk in reader.chunks(source):
        tally.add(in_room(chunk, of_files) if of_files is not None else chunk)
    return tally
