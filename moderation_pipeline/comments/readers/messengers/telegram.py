"""Telegram Desktop's JSON: a chat's history, with ids and replies.

Written from its exports of 2019 to 2025. A text with a link, a mention or anything bold is a list of pieces. What
moderators did is not in it: deleted messages are just missing.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import orjson

from moderation_pipeline.comments.json_records import array_records
from moderation_pipeline.comments.json_values import JsonObject, parsed_object, text_at
from moderation_pipeline.comments.readers.json_head import JsonHead
from moderation_pipeline.comments.readers.reader import LogReader
from moderation_pipeline.comments.record import Comment, Ignored, Parsed, Unreadable
from moderation_pipeline.comments.source import Record, Source
from moderation_pipeline.comments.times import us_from_iso, us_from_ms
from moderation_pipeline.errors import ModerationError

NAME = re.compile(rb'"name"\s*:\s*("(?:[^"\\]++|\\.)*+")')
LOCAL = (
    "The export is of before 2021 and has local times alone, without their zone; they were taken as UTC. Export the "
    "chat again for exact ones."
)


class SeveralChatsError(ModerationError):
    """An account's export: messages of several chats have the same ids, and nothing in one tells its chat."""

    def __init__(self, path: Path) -> None:
        super().__init__(
            f"{path} is Telegram's export of a whole account. Export one chat: open it, ⋮, Export chat history, "
            "format JSON; or cut the chat out: jq '.chats.list[0]' result.json."
        )


class TelegramReader(LogReader):
    """Reads the export of one chat."""

    name = "telegram"
    describes = "Telegram Desktop's JSON of a chat"

    @classmethod
    def recognises(cls, head: bytes) -> bool:
        """Whether it is a document of messages, with who they are from as Telegram says it."""
        looked = JsonHead.of(head)
        return looked.array_key == "messages" and {"type", "date", "from_id", "text"} <= looked.record_keys

    def records(self, source: Source) -> Iterator[Record]:
        """Yield the elements of `messages`.

        Raises:
            SeveralChatsError: it is the export of an account, with all its chats.
        """
        if "chats" in JsonHead.of(source.head()).document_keys:
            raise SeveralChatsError(source.path)
        found = NAME.search(source.head().partition(b'"messages"')[0])
        self._channel = str(orjson.loads(found[1])) if found is not None else None
        return array_records(source, ["messages"])

    def parse(self, raw: bytes) -> Parsed:
        """Return what a message is. One of pictures, voice or stickers alone has nothing to read."""
        message = parsed_object(raw)
        if isinstance(message, Unreadable):
            return message
        kind = text_at(message, "type") or "message"
        if kind != "message":
            return Ignored(f"{(text_at(message, 'action') or kind)[:60]} messages")
        text = _words(message.get("text"))
        if text is None:
            return Unreadable("no text (text)")
        if not text.strip():
            return Ignored("messages of media alone")
        sent_at_us = self._time(message)
        if sent_at_us is None:
            return Unreadable("no time that can be read (date_unixtime, date)")
        name, user_id = text_at(message, "from"), text_at(message, "from_id")
        return Comment(
            comment_id=text_at(message, "id"),
            channel=self._channel,
            user_id=user_id or name,
            user_name=name or user_id,
            sent_at_us=sent_at_us,
            text=text,
            reply_to=text_at(message, "reply_to_message_id"),
        )

    def _time(self, message: JsonObject) -> int | None:
        seconds = text_at(message, "date_unixtime")
        if seconds is not None:
            return us_from_ms(f"{seconds}000")
        if LOCAL not in self.notes:
            self.notes.append(LOCAL)
        return us_from_iso(text_at(message, "date") or "")


def _words(value: object) -> str | None:
    """Return a message's text, of one piece or several; null where it is none, or a piece of it is."""
    if isinstance(value, str):
        return value
    if not isinstance(value, list) or not all(isinstance(each, str | dict) for each in value):
        return None
    return "".join(each if isinstance(each, str) else text_at(each, "text") or "" for each in value)
