"""What the web interfaces of justlog and rustlog return: JSON (`?json`), rustlog's basic JSON and NDJSON.

A full message carries the raw IRC line, and that is what is read. rustlog's basic one has only its tags.
"""

from __future__ import annotations

from collections.abc import Iterator

from moderation_pipeline.comments.json_records import array_records
from moderation_pipeline.comments.json_values import JsonObject, object_at, parsed_object, text_at, words_at
from moderation_pipeline.comments.readers.json_head import JsonHead
from moderation_pipeline.comments.readers.reader import LogReader
from moderation_pipeline.comments.readers.twitch.irc_line import is_emotes_alone, parse_irc, unescape
from moderation_pipeline.comments.record import Act, ActKind, Comment, Ignored, Parsed, Unreadable
from moderation_pipeline.comments.source import Record, Source
from moderation_pipeline.comments.times import us_from_iso, us_from_ms


class JustlogReader(LogReader):
    """Reads justlog's and rustlog's JSON, as one document or one message a line."""

    name = "justlog"
    describes = "justlog and rustlog JSON and NDJSON"

    @classmethod
    def recognises(cls, head: bytes) -> bool:
        """Whether the first message has text, tags and a time under the names of these programs."""
        looked = JsonHead.of(head)
        names = looked.record_keys
        is_empty = looked.array_key == "messages" and not names
        return is_empty or {"tags", "timestamp", "text"} <= names or {"raw", "tags"} <= names

    def records(self, source: Source) -> Iterator[Record]:
        """Yield lines, or the elements of `messages`."""
        if JsonHead.of(source.head()).is_lines:
            return source.lines()
        return array_records(source, ["messages"])

    def parse(self, raw: bytes) -> Parsed:
        """Return what a message is."""
        message = parsed_object(raw)
        if isinstance(message, Unreadable):
            return message
        line = words_at(message, "raw")
        if line:
            return parse_irc(line.rstrip("\r\n"))
        tags = object_at(message, "tags")
        if not tags:
            # justlog leaves an empty message where it has no form for a line of its log.
            return Ignored() if line == "" else Unreadable("neither a raw line nor tags")
        return _from_tags(message, tags)


def _from_tags(message: JsonObject, tags: JsonObject) -> Parsed:
    sent_at_us = us_from_ms(text_at(tags, "tmi-sent-ts") or "") or us_from_iso(
        text_at(message, "timestamp") or ""
    )
    if sent_at_us is None:
        return Unreadable("no time that can be read (timestamp)")
    channel = text_at(message, "channel") or text_at(tags, "room-id")
    if text_at(tags, "target-msg-id"):
        login = text_at(tags, "login")
        return Act(
            kind=ActKind.DELETE,
            channel=channel,
            user_id=None,
            user_name=login,
            comment_id=text_at(tags, "target-msg-id"),
            at_us=sent_at_us,
        )
    if text_at(tags, "target-user-id"):
        kind = ActKind.TIMEOUT if text_at(tags, "ban-duration") else ActKind.BAN
        return Act(
            kind=kind,
            channel=channel,
            user_id=text_at(tags, "target-user-id"),
            user_name=None,
            comment_id=None,
            at_us=sent_at_us,
        )
    text = words_at(message, "text")
    if text is None:
        return Unreadable("no text")
    if text_at(tags, "user-id") is None and text.startswith("Chat has been cleared"):
        return Act(ActKind.CLEAR, channel, at_us=sent_at_us)
    if text_at(tags, "msg-id") and text_at(tags, "system-msg"):
        # A notice's text is what Twitch said and then what the user said.
        text = text.removeprefix(unescape(text_at(tags, "system-msg") or "")).strip()
        if not text:
            return Ignored()
    return _comment(message, tags, text, channel, sent_at_us)


def _comment(
    message: JsonObject, tags: JsonObject, text: str, channel: str | None, sent_at_us: int
) -> Parsed:
    if text_at(tags, "user-id") is None:
        return Ignored()
    badges = text_at(tags, "badges") or ""
    emotes = text_at(tags, "emotes") or ""
    comment_id = text_at(tags, "id") or text_at(message, "id")
    source_id = text_at(tags, "source-id")
    user_id = text_at(tags, "user-id")
    return Comment(
        comment_id=comment_id,
        channel=channel,
        user_id=user_id,
        user_name=text_at(message, "displayName") or text_at(message, "username"),
        sent_at_us=sent_at_us,
        text=text,
        is_moderator=text_at(tags, "mod") == "1" or "moderator/" in badges,
        is_broadcaster="broadcaster/" in badges or user_id == text_at(tags, "room-id"),
        is_subscriber=text_at(tags, "subscriber") == "1",
        is_first_message=text_at(tags, "first-msg") == "1",
        is_emote_only=bool(emotes) and is_emotes_alone(text, emotes),
        reply_to=text_at(tags, "reply-parent-msg-id"),
        shared_from=source_id if source_id != comment_id else None,
    )
