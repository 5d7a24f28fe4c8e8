"""Raw IRC lines a block at a time: the usual line of a user is cut by one pattern, for all columns at once.

`irc.py` says what a line means, one by one. Here is the same for the lines that make up nearly all of a log,
four times as fast; any line that is not exactly of the usual form is left to `parse_irc`. A property test
holds the two to one result.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import NamedTuple

import polars as pl

from moderation_pipeline.comments.readers.twitch.irc_line import is_emotes_alone, unescape
from moderation_pipeline.comments.record import me_lines

VALUE = r"([^; \n]*)"
SKIPPED = r"[^; \n]*"
TIME = r"([1-9][0-9]{0,11}|[1-3][0-9]{12})"
"""Milliseconds from 1970 to 2096, so that no time need be checked afterwards."""

REPLY = (
    *("reply-parent-display-name", "reply-parent-msg-body", "reply-parent-msg-id*", "reply-parent-user-id"),
    *("reply-parent-user-login", "reply-thread-parent-display-name", "reply-thread-parent-msg-id"),
    *("reply-thread-parent-user-id", "reply-thread-parent-user-login"),
)
TWITCH_ORDER = (
    *("badge-info", "badges*", "client-nonce?", "color", "display-name*", "emote-only?", "emotes*"),
    *("first-msg*", "flags", "id*", "mod*", REPLY, "returning-chatter", "room-id*", "subscriber*"),
    *("tmi-sent-ts*", "turbo", "user-id*", "user-type", "vip?"),
)
"""Tags as Twitch sends them (justlog keeps them so). `*`: its value is wanted; `?`: it may be missing.

Every tag that may be missing costs a line 2 %, so those of few lines (bits, rewards, shared chats) are left
to the slow way, and the nine of a reply are there or missing together.
"""

RUSTLOG_ORDER = (
    *("tmi-sent-ts*", "subscriber*?", "vip?", "mod*?", "turbo?", "first-msg*?", "returning-chatter?"),
    *("emote-only?", "id*", "room-id*", "user-id*", "client-nonce?", "display-name*", "badges*"),
    *("badge-info", "color?", "flags", "user-type", "emotes*"),
)
"""Tags as rustlog writes them again; lines with further ones behind these are left to the slow way."""

Order = Sequence[str | Sequence[str]]


class Cut(NamedTuple):
    """A block of lines, cut: the comments of the usual form, and all other lines as they are."""

    comments: pl.DataFrame
    others: Sequence[tuple[int, bytes]]
    """(line number, line)"""


class Layout:
    """One order of tags, as the pattern of a whole line; the first tag may not be missing."""

    def __init__(self, order: Order) -> None:
        flat = [tag for part in order for tag in ([part] if isinstance(part, str) else part)]
        wanted = [tag.rstrip("*?") for tag in flat if "*" in tag]
        self._columns = [*wanted, "nick", "channel", "text"]
        self._key = wanted.index("tmi-sent-ts")
        line = "".join(_part(part) for part in order).replace(";", "@", 1)
        usual = rf"{line} :([^ !\n]*)![^ \n]* PRIVMSG #([^ \n]*) :(.*)"
        # Bytes and not text: one emoji would make a block of text four times as wide, and the cut half as fast.
        self._lines = re.compile(rf"^(?:{usual}|(.*))$".encode(), re.MULTILINE)

    def cut(self, raw: bytes, first_line: int) -> Cut:
        """Cut a block of whole lines, of which the first has the number `first_line`."""
        rows = self._lines.findall(raw)
        key = self._key
        numbers = [number for number, row in enumerate(rows, first_line) if row[key]]
        if len(numbers) == len(rows):
            return Cut(self._frame(rows, numbers), [])
        others = [
            (number, line.rstrip(b"\r"))
            for number, row in enumerate(rows, first_line)
            if not row[key] and (line := row[-1]) and not line.isspace()
        ]
        return Cut(self._frame([row for row in rows if row[key]], numbers), others)

    def _frame(self, rows: Sequence[tuple[bytes, ...]], numbers: list[int]) -> pl.DataFrame:
        columns = zip(*rows, strict=True) if rows else ([] for _ in range(len(self._columns) + 1))
        given = pl.DataFrame(
            [_decoded(name, list(values)) for name, values in zip(self._columns, columns, strict=False)]
        )
        lines = pl.Series("line_number", numbers, pl.Int64)
        return _understood(given.with_columns(lines, *_absent(self._columns)))


def _decoded(name: str, values: list[bytes]) -> pl.Series:
    """Return texts; bytes that are no UTF-8 are replaced, as everywhere, though Twitch sends none."""
    try:
        return pl.Series(name, values, pl.Binary).cast(pl.String)
    except pl.exceptions.PolarsError:
        return pl.Series(name, [value.decode("utf-8", "replace") for value in values], pl.String)


def _part(part: str | Sequence[str]) -> str:
    """Return the pattern of a tag, or of several that may only be missing together."""
    if not isinstance(part, str):
        return f"(?:{''.join(map(_part, part))})?"
    name, value = part.rstrip("*?"), VALUE if "*" in part else SKIPPED
    if name == "tmi-sent-ts":
        value = TIME
    elif name in ("id", "user-id"):
        value = value.replace("*", "+")
    written = f";{name}={value}"
    return f"(?:{written})?" if "?" in part else written


def _absent(columns: Sequence[str]) -> list[pl.Expr]:
    names = ("reply-parent-msg-id", "first-msg", "mod", "subscriber")
    return [pl.lit("").alias(name) for name in names if name not in columns]


def _understood(given: pl.DataFrame) -> pl.DataFrame:
    """Return what `irc.py` says of each line, as columns of CHUNK_SCHEMA."""
    words, is_me = me_lines(pl.col("text").str.strip_chars_end("\r"))
    rows = given.with_columns(words.alias("text"), is_me.alias("is_me"))
    return rows.select(
        pl.col("id").alias("comment_id"),
        "channel",
        pl.col("user-id").alias("user_id"),
        _shown_names(rows),
        (pl.col("tmi-sent-ts").cast(pl.Int64) * 1000).alias("sent_at"),
        "text",
        ((pl.col("mod") == "1") | pl.col("badges").str.contains("moderator/", literal=True)).alias(
            "is_moderator"
        ),
        (
            pl.col("badges").str.contains("broadcaster/", literal=True)
            | (pl.col("user-id") == pl.col("room-id"))
        ).alias("is_broadcaster"),
        (pl.col("subscriber") == "1").alias("is_subscriber"),
        (pl.col("first-msg") == "1").alias("is_first_message"),
        "is_me",
        _emotes_alone(rows),
        _unless_empty("reply-parent-msg-id").alias("reply_to"),
        pl.lit(value=False).alias("is_held"),
        "line_number",
    )


def _unless_empty(column: str) -> pl.Expr:
    return pl.when(pl.col(column) != "").then(pl.col(column))


def _shown_names(rows: pl.DataFrame) -> pl.Series:
    """Return the names shown, else the logins; few have an escape, and only those are unescaped."""
    shown = rows.select(pl.coalesce(_unless_empty("display-name"), _unless_empty("nick"))).to_series()
    escaped = rows["display-name"].str.contains("\\", literal=True)
    if escaped.any():
        at = escaped.arg_true()
        some = rows.select(pl.col("display-name", "nick").gather(at)).rows()
        shown = shown.scatter(at, [unescape(name) or nick or None for name, nick in some])
    return shown.alias("user_name")


def _emotes_alone(rows: pl.DataFrame) -> pl.Series:
    """Return whether each line is emotes alone; three in four have no emote to look at."""
    flags = pl.Series("is_emote_only", [False]).new_from_index(0, rows.height)
    at = (rows["emotes"] != "").arg_true()
    if at.is_empty():
        return flags
    some = rows.select(pl.col("text", "emotes").gather(at))
    return flags.scatter(at, [is_emotes_alone(text, emotes) for text, emotes in some.rows()])
