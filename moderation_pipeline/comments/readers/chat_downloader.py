"""chat-downloader's JSON (xenova/chat-downloader), an array or one item a line, and its CSV; its times are µs.

A column of the CSV is a path into an item (`author.badges.0.name`), so that a row is an item again. Its text
is read by `chat_downloader_text.py`.
"""

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
from moderation_pipeline.comments.readers.chat_downloader_csv import csv_items, csv_names
from moderation_pipeline.comments.readers.json_head import JsonHead
from moderation_pipeline.comments.readers.reader import LogReader
from moderation_pipeline.comments.record import Act, ActKind, Comment, Ignored, Parsed, Unreadable
from moderation_pipeline.comments.source import Record, Source
from moderation_pipeline.comments.times import us_from_microseconds

TAKEN_BACK = "[message retracted]"
BY_A_MODERATOR = "[message deleted]"
"""What YouTube says in the place of a message. In another language nobody knows who took it away."""

ITEM_KEYS = frozenset({"message_id", "message_type", "action_type", "time_in_seconds", "time_text"})
SILENCES = frozenset({"ban_user"})
DELETIONS = frozenset({"delete_message", "deleted_message", "mark_chat_item_as_deleted", "remove_chat_item"})
OF_YOUTUBE = DELETIONS - {"delete_message"}
CLEARED = frozenset({"clear_chat"})
ACT_COLUMNS = frozenset({"banned_user", "ban_type", "target_message_id", "target_author_id"})
OF_AN_AUTHOR = frozenset({"mark_chat_items_by_author_as_deleted", "remove_chat_item_by_author"})


class ChatDownloaderReader(LogReader):
    """Reads what chat-downloader writes of Twitch and YouTube, live and recorded."""

    name = "chat_downloader"
    describes = "chat-downloader JSON, JSONL and CSV"

    @classmethod
    def recognises(cls, head: bytes) -> bool:
        """Whether the first item has two of the names that only chat-downloader uses together."""
        looked = JsonHead.of(head)
        names = looked.record_keys if looked.is_array or looked.is_lines else csv_names(head)
        return len(ITEM_KEYS & names) >= 2 and "message" in names

    @classmethod
    def has_acts(cls, head: bytes) -> bool:
        """Whether it is a CSV with what moderators did, which no map of columns can make something of."""
        names = csv_names(head)
        return len(ITEM_KEYS & names) >= 2 and bool(ACT_COLUMNS & names)

    def records(self, source: Source) -> Iterator[Record]:
        """Yield lines, the elements of the array, or the rows of the CSV."""
        looked = JsonHead.of(source.head())
        if looked.is_lines:
            return source.lines()
        return array_records(source, []) if looked.is_array else csv_items(source)

    def parse(self, raw: bytes) -> Parsed:
        """Return what an item is."""
        item = parsed_object(raw)
        if isinstance(item, Unreadable):
            return item
        kinds = {text_at(item, "message_type"), text_at(item, "action_type")}
        if kinds & DELETIONS:
            return _deleted(item, is_of_youtube=bool(kinds & OF_YOUTUBE))
        if kinds & (SILENCES | OF_AN_AUTHOR):
            return _silenced(item)
        if kinds & CLEARED:
            return Act(ActKind.CLEAR, _channel(item), at_us=_time(item))
        text = words_at(item, "message")
        if not text:
            other = next(iter(sorted(str(kind) for kind in kinds - {None, "text_message"})), None)
            return Ignored(f"{other[:60]} items") if other else Unreadable("no text (message)")
        return _comment(item, text)


def _deleted(item: JsonObject, *, is_of_youtube: bool) -> Parsed:
    """Return whose message was taken away by whom; on YouTube authors take back their own."""
    target, said = text_at(item, "target_message_id"), text_at(item, "message")
    if is_of_youtube and said == TAKEN_BACK:
        return Ignored("messages that their authors took back")
    is_known = not is_of_youtube or said == BY_A_MODERATOR
    act = Act(
        ActKind.DELETE if is_known and target is not None else ActKind.UNKNOWN,
        _channel(item),
        comment_id=target,
        at_us=_time(item),
    )
    if target is None:
        return Unreadable("a deleted message without its id (target_message_id)", act)
    return act


def _silenced(item: JsonObject) -> Act | Unreadable:
    author = object_at(item, "author")
    user_id = text_at(item, "target_author_id") or text_at(author, "id") or text_at(item, "author_id")
    name = text_at(item, "banned_user")
    if user_id is None and name is None:
        act = Act(ActKind.UNKNOWN, _channel(item), at_us=_time(item))
        return Unreadable("a ban without the user's name or id (banned_user)", act)
    is_timeout = text_at(item, "ban_type") == "timeout" or number_at(item, "ban_duration") is not None
    return Act(
        kind=ActKind.TIMEOUT if is_timeout else ActKind.BAN,
        channel=_channel(item),
        user_id=user_id,
        user_name=name,
        comment_id=None,
        at_us=_time(item),
    )


def _comment(item: JsonObject, text: str) -> Parsed:
    sent_at_us = _time(item)
    if sent_at_us is None and item.get("timestamp") is not None:
        return Unreadable("no time that can be read (timestamp)")
    # Before version 0.1 an author was their name and nothing else.
    author = object_at(item, "author") or {"name": item.get("author")}
    badges = {
        (text_at(badge, "name") or text_at(badge, "title") or "").lower()
        for badge in objects_at(author, "badges")
    }
    return Comment(
        comment_id=text_at(item, "message_id"),
        channel=_channel(item),
        user_id=text_at(author, "id") or text_at(author, "name"),
        user_name=text_at(author, "display_name") or text_at(author, "name"),
        sent_at_us=sent_at_us,
        text=text,
        is_moderator="moderator" in badges or author.get("is_moderator") is True,
        is_broadcaster=bool(badges & {"broadcaster", "owner"}),
        is_subscriber=author.get("is_subscriber") is True
        or bool(badges & {"subscriber", "founder", "member"}),
        is_first_message=item.get("is_first_message") is True,
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
