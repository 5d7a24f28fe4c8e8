"""chat-downloader's JSON (xenova/chat-downloader), an array or one item a line; its times are µs."""

from __future__ import annotations

from collections.abc import Iterator

from moderation_pipeline.comments.json_records import array_records
from moderation_pipeline.comments.json_values import (
    JsonObject,
    number_at,
    object_at,
    objects_at,
    parsed_object,
    text_at,
    words_at,
)
from moderation_pipeline.comments.readers.json_head import JsonHead
from moderation_pipeline.comments.readers.reader import LogReader
from moderation_pipeline.comments.record import Act, ActKind, Comment, Ignored, Parsed, Unreadable
from moderation_pipeline.comments.source import Record, Source
from moderation_pipeline.comments.times import us_from_microseconds

ITEM_KEYS = frozenset({"message_id", "message_type", "action_type", "time_in_seconds", "time_text"})
SILENCES = frozenset({"ban_user"})
DELETIONS = frozenset({"delete_message", "mark_chat_item_as_deleted", "remove_chat_item"})
OF_AN_AUTHOR = frozenset({"mark_chat_items_by_author_as_deleted", "remove_chat_item_by_author"})


class ChatDownloaderReader(LogReader):
    """Reads what chat-downloader writes of Twitch and YouTube, live and recorded."""

    name = "chat_downloader"
    describes = "chat-downloader JSON"

    @classmethod
    def recognises(cls, head: bytes) -> bool:
        """Whether the first item has two of the names that only chat-downloader uses together."""
        looked = JsonHead.of(head)
        return (looked.is_array or looked.is_lines) and len(ITEM_KEYS & looked.record_keys) >= 2

    def records(self, source: Source) -> Iterator[Record]:
        """Yield lines, or the elements of the array."""
        if JsonHead.of(source.head()).is_lines:
            return source.lines()
        return array_records(source, [])

    def parse(self, raw: bytes) -> Parsed:
        """Return what an item is."""
        item = parsed_object(raw)
        if isinstance(item, Unreadable):
            return item
        kinds = {text_at(item, "message_type"), text_at(item, "action_type")}
        if kinds & DELETIONS:
            target = text_at(item, "target_message_id")
            if target is None:
                return Unreadable("a deleted message without its id (target_message_id)")
            return Act(ActKind.DELETE, _channel(item), None, None, target, _time(item))
        if kinds & (SILENCES | OF_AN_AUTHOR):
            return _silenced(item)
        text = words_at(item, "message")
        if not text:
            return Ignored() if kinds - {None, "text_message"} else Unreadable("no text (message)")
        return _comment(item, text)


def _silenced(item: JsonObject) -> Act | Unreadable:
    author = object_at(item, "author")
    user_id = text_at(item, "target_author_id") or text_at(author, "id")
    name = text_at(item, "banned_user")
    if user_id is None and name is None:
        return Unreadable("a ban without the user's name or id (banned_user)")
    is_timeout = text_at(item, "ban_type") == "timeout" or number_at(item, "ban_duration") is not None
    return Act(
        ActKind.TIMEOUT if is_timeout else ActKind.BAN, _channel(item), user_id, name, None, _time(item)
    )


def _comment(item: JsonObject, text: str) -> Parsed:
    sent_at_us = _time(item)
    if sent_at_us is None and item.get("timestamp") is not None:
        return Unreadable("no time that can be read (timestamp)")
    author = object_at(item, "author")
    badges = {
        (text_at(badge, "name") or text_at(badge, "title") or "").lower()
        for badge in objects_at(author, "badges")
    }
    return Comment(
        text_at(item, "message_id"),
        _channel(item),
        text_at(author, "id") or text_at(author, "name"),
        text_at(author, "display_name") or text_at(author, "name"),
        sent_at_us,
        text,
        "moderator" in badges or author.get("is_moderator") is True,
        bool(badges & {"broadcaster", "owner"}),
        author.get("is_subscriber") is True or bool(badges & {"subscriber", "founder", "member"}),
        item.get("is_first_message") is True,
        is_emote_only=_is_emotes_alone(item, text),
        reply_to=text_at(object_at(item, "in_reply_to"), "message_id"),
    )


def _channel(item: JsonObject) -> str | None:
    return text_at(item, "channel_id")


def _time(item: JsonObject) -> int | None:
    stamp = number_at(item, "timestamp")
    return us_from_microseconds(stamp) if stamp is not None else None


def _is_emotes_alone(item: JsonObject, text: str) -> bool:
    """Whether nothing but spaces is left when every emote's name is taken out of the words."""
    names = {text_at(emote, "name") for emote in objects_at(item, "emotes")}
    return bool(names) and all(word in names for word in text.split())
