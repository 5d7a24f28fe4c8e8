"""The Reader's interface, and what all readers of logs share: records in, chunks of columns out.

A reader of one format is one of its neighbours; which one reads a file is decided in `formats.py`.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Iterator

import polars as pl

from moderation_pipeline.comments.log_spec import LogSpec
from moderation_pipeline.comments.ordering import Order
from moderation_pipeline.comments.record import (
    CHUNK_SCHEMA,
    COMMENT_SCHEMA,
    RAW_LIMIT,
    Act,
    ActKind,
    Acts,
    Chunk,
    Comment,
    Decided,
    Ignored,
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
    hint: str = ""
    """What its owner may do where a file of it has no comments, such as another export of the same tool."""

    def __init__(self) -> None:
        self.notes: list[str] = []

    @property
    def order(self) -> Order:
        """How what was read comes to be a stream; to be asked when all is read."""
        return Order()

    @property
    def is_id_guessed(self) -> bool:
        """Whether what was read as the comments' id may be something else; a format's own never is."""
        return False

    @classmethod
    @abstractmethod
    def recognises(cls, head: bytes) -> bool:
        """Whether a file that begins with `head` may be of this format."""

    @abstractmethod
    def chunks(self, source: Source) -> Iterator[Chunk]:
        """Yield the file's records in their order, a few thousand at a time."""


class LogReader(Reader):
    """Reads a log record by record. A subclass says what one record means."""

    def __init__(self, spec: LogSpec | None = None) -> None:
        super().__init__()
        self.spec = spec if spec is not None else LogSpec()

    def records(self, source: Source) -> Iterator[Record]:
        """Yield the file's records: its lines, unless the format is one JSON document."""
        return source.lines()

    @abstractmethod
    def parse(self, raw: bytes) -> Parsed:
        """Return what a record is. Nothing in it may raise: garbage is Unreadable."""

    def chunks(self, source: Source) -> Iterator[Chunk]:
        """Yield the file's records in their order, a few thousand comments at a time."""
        gathered = Gathered(0)
        # This loop is the price of a line: what it needs is bound to names of its own.
        parse, comments, numbers = self.parse, gathered.comments, gathered.numbers
        for number, raw, damage in self.records(source):
            gathered.records += 1
            parsed = Unreadable(damage) if damage is not None else parse(raw)
            if type(parsed) is Comment:
                comments.append(parsed)
                numbers.append(number)
            else:
                gathered.take(parsed, number, raw)
            if len(comments) >= CHUNK_COMMENTS:
                yield gathered.chunk()
                gathered = Gathered(gathered.before + len(comments))
                comments, numbers = gathered.comments, gathered.numbers
        yield gathered.chunk()


class Gathered:
    """What has been read since the last chunk; `before` is the number of comments up to there."""

    def __init__(self, before: int) -> None:
        self.before = before
        self.comments: list[Comment] = []
        self.numbers: list[int] = []
        self.records = 0
        self.acts: list[PlacedAct] = []
        self._rejected: list[RejectedLine] = []
        self._ignored_as: Counter[str] = Counter()
        self._events = 0

    def take(self, parsed: Parsed, number: int, raw: bytes) -> None:
        """Keep or count a record."""
        match parsed:
            case Act():
                self._events += 1
                self.acts.append(PlacedAct(parsed, self.before + len(self.comments)))
            case Acts(acts):
                self._events += 1
                self.acts.extend(PlacedAct(act, self.before + len(self.comments)) for act in acts)
            case Unreadable(reason, act):
                self._rejected.append(rejected_line(number, reason, raw))
                if act is not None:
                    self.acts.append(PlacedAct(act, self.before + len(self.comments)))
            case Decided(comment, kind):
                self.comments.append(comment)
                self.numbers.append(number)
                self.acts.append(PlacedAct(_act_on(comment, kind), self.before + len(self.comments)))
            case Comment():
                self.comments.append(parsed)
                self.numbers.append(number)
            case Ignored(what):
                self._ignored_as[what] += 1

    def chunk(self) -> Chunk:
        """Return it all as a chunk."""
        frame = _as_frame(self.comments, self.numbers)
        return Chunk(
            comments=frame,
            acts=self.acts,
            rejected=self._rejected,
            records=self.records,
            ignored=self._ignored_as.total(),
            moderation_events=self._events,
            ignored_as=self._ignored_as,
        )


def _act_on(comment: Comment, kind: ActKind) -> Act:
    """Return what was decided about a comment; one without an id is its user's last."""
    act = Act(kind, comment.channel, at_us=comment.sent_at_us)
    if comment.comment_id is not None:
        return act._replace(comment_id=comment.comment_id)
    return act._replace(user_id=comment.user_id, user_name=comment.user_name)


def rejected_line(number: int, reason: str, raw: bytes) -> RejectedLine:
    """Return a rejected record as it is kept: its text cut, bytes that are no UTF-8 replaced."""
    return RejectedLine(number, reason, raw[: RAW_LIMIT * 4].decode("utf-8", "replace")[:RAW_LIMIT])


def _as_frame(comments: list[Comment], numbers: list[int]) -> pl.DataFrame:
    """Turn rows into columns: those of CHUNK_SCHEMA, and `shared_from` where there is any."""
    columns = zip(*comments, strict=True) if comments else ([] for _ in COMMENT_SCHEMA)
    series = [
        pl.Series(name, list(values), dtype)
        for (name, dtype), values in zip(COMMENT_SCHEMA.items(), columns, strict=True)
    ]
    frame = pl.DataFrame([*series, pl.Series("line_number", numbers, pl.Int64)])
    is_shared = frame["shared_from"].null_count() < frame.height
    return frame.select(*CHUNK_SCHEMA, *(["shared_from"] if is_shared else []))
