"""What one record of a chat log can be: a comment, a moderator's act, nothing of ours, or unreadable.

The words between the readers and ingestion. How a record is parsed is in `readers/`, how acts become labels
in `acts/moderators.py`, and what is finally stored in `warehouse/tables.py`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import NamedTuple

import polars as pl
from polars.datatypes import DataType, DataTypeClass

from moderation_pipeline.warehouse.tables import SCORES

RAW_LIMIT = 1_000
"""Characters of a rejected record that are kept: a usual line whole, a monster's beginning."""


ME_SIGN = "\x01ACTION "
"""Begins what IRC writes for "/me"; another U+0001 ends it."""


def me_line(text: str) -> tuple[str, bool]:
    """Return a text without IRC's signs for "/me", and whether it had them."""
    is_me = text.startswith(ME_SIGN)
    return (text.removeprefix(ME_SIGN).removesuffix("\x01") if is_me else text), is_me


def me_lines(text: pl.Expr) -> tuple[pl.Expr, pl.Expr]:
    """Return the same of a column."""
    is_me = text.str.starts_with(ME_SIGN)
    words = text.str.strip_prefix(ME_SIGN).str.strip_suffix("\x01")
    return pl.when(is_me).then(words).otherwise(text), is_me


class Comment(NamedTuple):
    """A comment as a reader understood it. `sent_at_us` is microseconds since 1970 (UTC).

    `shared_from` is the id of the original where the line is a copy from a shared chat. `is_held` says that
    AutoMod held the comment back: without a moderator's decision it is not called allowed.
    """

    comment_id: str | None
    channel: str | None
    user_id: str | None
    user_name: str | None
    sent_at_us: int | None
    text: str
    is_moderator: bool = False
    is_broadcaster: bool = False
    is_subscriber: bool = False
    is_first_message: bool = False
    is_me: bool = False
    is_emote_only: bool = False
    reply_to: str | None = None
    shared_from: str | None = None
    is_held: bool = False


class ActKind(StrEnum):
    """What a moderator did. Only the first six label a comment.

    A `silence` is a timeout, a ban or a kick of which the log doesn't say which it was, a `lift` the end of
    one before its time, an `overturn` an appeal that was granted, a `clear` the whole chat wiped. A comment
    was `removed` where that is all that is said of it. `unknown` is an act that its reader doesn't
    understand: what it may be about is not called allowed.
    """

    BAN = "ban"
    TIMEOUT = "timeout"
    SILENCE = "silence"
    DELETE = "delete"
    WARN = "warn"
    APPROVE = "approve"
    OVERTURN = "overturn"
    LIFT = "lift"
    CLEAR = "clear"
    REMOVED = "removed"
    UNKNOWN = "unknown"
    NO_LABEL = "no_label"


class Act(NamedTuple):
    """A moderator's act, on a user of a channel or (where `comment_id` is set) on one comment.

    `quoted` is what the deleted comment said, where the log quotes it instead of giving its id; an ellipsis
    at its end says that it was cut. Without `at_us` the act is placed by its line.
    """

    kind: ActKind
    channel: str | None = None
    user_id: str | None = None
    user_name: str | None = None
    comment_id: str | None = None
    at_us: int | None = None
    quoted: str | None = None


class Acts(NamedTuple):
    """One record that tells of several acts."""

    acts: tuple[Act, ...]


class Ignored(NamedTuple):
    """A record that is neither, and what it is: a join, a room's setting, a subscription without words."""

    what: str = "other records"


class Unreadable(NamedTuple):
    """A record that could not be read, and why; `act` where it is a moderator's all the same."""

    reason: str
    act: Act | None = None


class Decided(NamedTuple):
    """One record that is both: a comment nobody had shown before, and what a moderator decided about it."""

    comment: Comment
    kind: ActKind


Parsed = Comment | Act | Acts | Decided | Ignored | Unreadable


class RejectedLine(NamedTuple):
    """A record that could not be read, as it is kept."""

    line_number: int
    reason: str
    raw: str


class PlacedAct(NamedTuple):
    """An act and its place in the log: how many comments had been read before it."""

    act: Act
    comments_before: int


_COMMENT: dict[str, DataTypeClass] = {
    "comment_id": pl.String,
    "channel": pl.String,
    "user_id": pl.String,
    "user_name": pl.String,
    "sent_at": pl.Int64,
    "text": pl.String,
    "is_moderator": pl.Boolean,
    "is_broadcaster": pl.Boolean,
    "is_subscriber": pl.Boolean,
    "is_first_message": pl.Boolean,
    "is_me": pl.Boolean,
    "is_emote_only": pl.Boolean,
    "reply_to": pl.String,
    "shared_from": pl.String,
    "is_held": pl.Boolean,
}
COMMENT_SCHEMA = pl.Schema(_COMMENT)
"""`Comment`'s fields as columns, in their order."""

CHUNK_SCHEMA = pl.Schema(
    {
        **{name: dtype for name, dtype in _COMMENT.items() if name != "shared_from"},
        "line_number": pl.Int64,
    }
)
"""The columns that every chunk has; those of OPTIONAL_SCHEMA, and a table's columns of order, may follow."""

_OPTIONAL: dict[str, DataType | DataTypeClass] = {
    "shared_from": pl.String,
    "label_action": pl.String,
    "label_category": pl.String,
    "label_is_violation": pl.Boolean,
    "label_source": pl.String,
    "split": pl.String,
    "cluster": pl.String,
    "scores": SCORES,
}
OPTIONAL_SCHEMA = pl.Schema(_OPTIONAL)
"""Columns that a chunk may have. A column of nulls would take 16 bytes a row, so the others haven't any."""


@dataclass(slots=True)
class Chunk:
    """Some consecutive records, read: comments as a frame that begins with CHUNK_SCHEMA, all else counted.

    `acts` may be more than `moderation_events`: a record that is a comment and an act counts as a comment,
    an act that could not be read as rejected. `ignored_as` says what the ignored records were.
    """

    comments: pl.DataFrame = field(default_factory=lambda: pl.DataFrame(schema=CHUNK_SCHEMA))
    acts: Sequence[PlacedAct] = ()
    rejected: Sequence[RejectedLine] = ()
    records: int = 0
    ignored: int = 0
    moderation_events: int = 0
    ignored_as: Mapping[str, int] = field(default_factory=dict)
