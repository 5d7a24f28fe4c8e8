"""What one record of a chat log can be: a comment, a moderator's act, nothing of ours, or unreadable.

The words between the readers and ingestion. How a record is parsed is in `readers/`, how acts become labels
in `moderators.py`, and what is finally stored in `warehouse/tables.py`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import Enum, StrEnum
from typing import NamedTuple

import polars as pl
from polars.datatypes import DataTypeClass

RAW_LIMIT = 1_000
"""Characters of a rejected record that are kept: a usual line whole, a monster's beginning."""


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
    """What a moderator did. Only the first five label a comment."""

    BAN = "ban"
    TIMEOUT = "timeout"
    DELETE = "delete"
    WARN = "warn"
    APPROVE = "approve"
    OVERTURN = "overturn"
    NO_LABEL = "no_label"


class Act(NamedTuple):
    """A moderator's act, on a user of a channel or (where `comment_id` is set) on one comment."""

    kind: ActKind
    channel: str | None = None
    user_id: str | None = None
    user_name: str | None = None
    comment_id: str | None = None
    at_us: int | None = None


class Ignored(Enum):
    """A record that is neither: a join, a room's setting, a subscription without words."""

    IGNORED = "ignored"


class Unreadable(NamedTuple):
    """A record that could not be read, and why."""

    reason: str


class Decided(NamedTuple):
    """One record that is both: a comment nobody had shown before, and what a moderator decided about it."""

    comment: Comment
    kind: ActKind


Parsed = Comment | Act | Decided | Ignored | Unreadable


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

OPTIONAL_SCHEMA = pl.Schema(
    {
        "shared_from": pl.String,
        "label_action": pl.String,
        "label_category": pl.String,
        "label_is_violation": pl.Boolean,
        "label_source": pl.String,
        "split": pl.String,
    }
)
"""Columns that a chunk may have. A column of nulls would take 16 bytes a row, so the others haven't any."""


@dataclass(slots=True)
class Chunk:
    """Some consecutive records, read: comments as a frame that begins with CHUNK_SCHEMA, all else counted.

    `acts` may be more than `moderation_events`: a record that is a comment and an act counts as a comment.
    """

    comments: pl.DataFrame = field(default_factory=lambda: pl.DataFrame(schema=CHUNK_SCHEMA))
    acts: Sequence[PlacedAct] = ()
    rejected: Sequence[RejectedLine] = ()
    records: int = 0
    ignored: int = 0
    moderation_events: int = 0
