"""Slack's exports: a channel's folder of days, each an array of messages, with ids, threads and bots.

Written from Slack's own description of its exports. What moderators did is not in them.
"""

from __future__ import annotations

import html
import re
from collections.abc import Iterator

from moderation_pipeline.comments.json_records import array_records
from moderation_pipeline.comments.json_values import (
    JsonObject,
    object_at,
    parsed_object,
    text_at,
    words_at,
)
from moderation_pipeline.comments.readers.json_head import JsonHead
from moderation_pipeline.comments.readers.reader import LogReader
from moderation_pipeline.comments.record import Comment, Ignored, Parsed, Unreadable
from moderation_pipeline.comments.source import Record, Source

SAID = frozenset({"", "me_message", "bot_message", "thread_broadcast", "file_share", "file_comment"})
"""The kinds of message that somebody wrote; all others are Slack's own words about who came, left or renamed."""

MARKED = re.compile(r"<([@#!]?)([^<>|]*)(?:\|([^<>]*))?>")
STAMP = re.compile(r"(\d{9,11})(?:\.(\d{1,6}))?", re.ASCII)


class SlackReader(LogReader):
    """Reads one day of a channel."""

    name = "slack"
    describes = "Slack's JSON of a channel's days"

    @classmethod
    def recognises(cls, head: bytes) -> bool:
        """Whether it is an array of messages, with Slack's stamps for times."""
        looked = JsonHead.of(head)
        has_author = bool({"user", "bot_id", "username"} & looked.record_keys)
        return looked.is_array and {"type", "ts", "text"} <= looked.record_keys and has_author

    def records(self, source: Source) -> Iterator[Record]:
        """Yield the elements of the array."""
        return array_records(source, [])

    def parse(self, raw: bytes) -> Parsed:
        """Return what a message is. One of files alone has nothing to read."""
        message = parsed_object(raw)
        if isinstance(message, Unreadable):
            return message
        kind = text_at(message, "subtype") or ""
        if text_at(message, "type") != "message" or kind not in SAID:
            return Ignored(f"{(kind or text_at(message, 'type') or 'nameless')[:60]} messages")
        text = words_at(message, "text")
        if text is None:
            return Unreadable("no text (text)")
        if not text.strip():
            return Ignored("messages of files alone")
        stamp = text_at(message, "ts") or ""
        found = STAMP.fullmatch(stamp)
        if found is None:
            return Unreadable("no time that can be read (ts)")
        thread = text_at(message, "thread_ts")
        user_id = text_at(message, "user") or text_at(message, "bot_id")
        return Comment(
            comment_id=stamp,
            channel=None,
            user_id=user_id or text_at(message, "username"),
            user_name=_name(message) or user_id,
            sent_at_us=int(found[1]) * 1_000_000 + int((found[2] or "").ljust(6, "0")),
            text=as_read(text),
            is_me=kind == "me_message",
            reply_to=thread if thread != stamp else None,
        )


def _name(message: JsonObject) -> str | None:
    profile = object_at(message, "user_profile")
    shown = text_at(profile, "display_name") or text_at(profile, "real_name")
    return shown or text_at(message, "username")


def as_read(text: str) -> str:
    """Return a text as people read it: `<@U1|ann>` is @ann, a link is its address, and `&amp;` is &."""
    return html.unescape(MARKED.sub(_shown, text))


def _shown(found: re.Match[str]) -> str:
    sign, what, label = found[1], found[2], found[3]
    if not sign:
        return what
    return f"{'#' if sign == '#' else '@'}{label or what.partition('^')[0]}"
