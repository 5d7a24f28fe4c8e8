"""DiscordChatExporter's JSON: a channel of a server, with ids, roles and replies.

Written from its JsonMessageWriter. What moderators did is not in it: deleted messages are just missing.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from moderation_pipeline.comments.json_records import array_records
from moderation_pipeline.comments.json_values import (
    JsonObject,
    object_at,
    objects_at,
    parsed_object,
    text_at,
    words_at,
)
from moderation_pipeline.comments.log_spec import LogSpec
from moderation_pipeline.comments.readers.json_head import JsonHead
from moderation_pipeline.comments.readers.reader import LogReader
from moderation_pipeline.comments.record import Comment, Ignored, Parsed, Unreadable
from moderation_pipeline.comments.source import Record, Source
from moderation_pipeline.comments.times import us_from_iso

CHANNEL = re.compile(rb'"channel"\s*:\s*(\{[^{}]*\})')
SAID = frozenset({"Default", "Reply"})
"""The kinds of message that somebody wrote; all others are Discord's own words."""

EMOTES_ALONE = re.compile(r"(?:\s*<a?:\w+:\d+>)+\s*")


class DiscordReader(LogReader):
    """Reads the export of a channel."""

    name = "discord"
    describes = "DiscordChatExporter JSON"

    def __init__(self, spec: LogSpec | None = None) -> None:
        super().__init__(spec)
        self._channel: str | None = None

    @classmethod
    def recognises(cls, head: bytes) -> bool:
        """Whether it is a document of messages, each with content and an author, of a guild's channel."""
        looked = JsonHead.of(head)
        return looked.array_key == "messages" and (
            {"guild", "channel"} <= looked.document_keys or {"content", "author"} <= looked.record_keys
        )

    def records(self, source: Source) -> Iterator[Record]:
        """Yield the elements of `messages`."""
        found = CHANNEL.search(source.head())
        channel = parsed_object(found[1]) if found is not None else None
        if channel is not None and not isinstance(channel, Unreadable):
            self._channel = text_at(channel, "name") or text_at(channel, "id")
        return array_records(source, ["messages"])

    def parse(self, raw: bytes) -> Parsed:
        """Return what a message is. One of pictures alone has nothing to read."""
        message = parsed_object(raw)
        if isinstance(message, Unreadable):
            return message
        kind, text = text_at(message, "type") or "Default", words_at(message, "content")
        if kind not in SAID:
            return Ignored(f"{kind[:60]} messages")
        if text is None:
            return Unreadable("no text (content)")
        if not text.strip():
            # Whoever forwards a message posts its words; the message itself has none.
            text = words_at(object_at(message, "forwardedMessage"), "content") or ""
        if not text.strip():
            return Ignored("messages of attachments alone")
        sent_at_us = us_from_iso(text_at(message, "timestamp") or "")
        if sent_at_us is None:
            return Unreadable("no time that can be read (timestamp)")
        return self._comment(message, text, sent_at_us)

    def _comment(self, message: JsonObject, text: str, sent_at_us: int) -> Comment:
        author = object_at(message, "author")
        roles = {(text_at(role, "name") or "").lower() for role in objects_at(author, "roles")}
        name = text_at(author, "name")
        reference = object_at(message, "reference")
        return Comment(
            comment_id=text_at(message, "id"),
            channel=self._channel,
            user_id=text_at(author, "id") or name,
            user_name=text_at(author, "nickname") or name,
            sent_at_us=sent_at_us,
            text=text,
            is_moderator=any(
                role in ("mod", "mods", "admin", "admins") or "moderator" in role for role in roles
            ),
            is_emote_only=EMOTES_ALONE.fullmatch(text) is not None,
            reply_to=text_at(reference, "messageId") if text_at(message, "type") == "Reply" else None,
        )
