"""TwitchDownloader's chat JSON (v1.4 and the older ones): a video's chat, with times of the stream."""

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

STREAMER = re.compile(rb'"streamer"\s*:\s*(\{[^{}]*\})')


class TwitchDownloaderReader(LogReader):
    """Reads the chat of a video or clip. What moderators did is not in it: deleted lines are just missing."""

    name = "twitchdownloader"
    describes = "TwitchDownloader chat JSON"

    def __init__(self, spec: LogSpec | None = None) -> None:
        super().__init__(spec)
        self._channel: str | None = None

    @classmethod
    def recognises(cls, head: bytes) -> bool:
        """Whether it is a document with `comments`, each with a commenter or a body."""
        looked = JsonHead.of(head)
        return looked.array_key == "comments" and (
            bool({"streamer", "video", "FileInfo"} & looked.document_keys)
            or {"commenter", "message"} <= looked.record_keys
        )

    def records(self, source: Source) -> Iterator[Record]:
        """Yield the elements of `comments`."""
        self._channel = _streamer(source.head())
        return array_records(source, ["comments"])

    def parse(self, raw: bytes) -> Parsed:
        """Return what a comment is; a subscription's notice without a word of the user's is ignored."""
        comment = parsed_object(raw)
        if isinstance(comment, Unreadable):
            return comment
        message = object_at(comment, "message")
        text = words_at(message, "body")
        sent_at_us = us_from_iso(text_at(comment, "created_at") or "")
        if text is None:
            return Unreadable("no text (message.body)")
        if sent_at_us is None:
            return Unreadable("no time that can be read (created_at)")
        if not text and text_at(object_at(message, "user_notice_params"), "msg_id"):
            return Ignored()
        return self._comment(comment, message, text, sent_at_us)

    def _comment(self, comment: JsonObject, message: JsonObject, text: str, sent_at_us: int) -> Comment:
        commenter = object_at(comment, "commenter")
        user_id = text_at(commenter, "_id")
        badges = {text_at(badge, "_id") for badge in objects_at(message, "user_badges")}
        return Comment(
            comment_id=text_at(comment, "_id"),
            channel=self._channel or text_at(comment, "channel_id"),
            user_id=user_id or text_at(commenter, "name"),
            user_name=text_at(commenter, "display_name") or text_at(commenter, "name"),
            sent_at_us=sent_at_us,
            text=text,
            is_moderator="moderator" in badges,
            is_broadcaster="broadcaster" in badges
            or (user_id is not None and user_id == text_at(comment, "channel_id")),
            is_subscriber=bool(badges & {"subscriber", "founder"}),
            is_me=message.get("is_action") is True,
            is_emote_only=_is_emotes_alone(objects_at(message, "fragments")),
        )


def _is_emotes_alone(fragments: object) -> bool:
    seen = False
    assert isinstance(fragments, list | tuple)
    for fragment in fragments:
        if object_at(fragment, "emoticon"):
            seen = True
        elif (words_at(fragment, "text") or "").strip():
            return False
    return seen


def _streamer(head: bytes) -> str | None:
    """Return the channel's login: v1.4 has it beside the shown name."""
    found = STREAMER.search(head)
    streamer = parsed_object(found[1]) if found is not None else None
    if streamer is None or isinstance(streamer, Unreadable):
        return None
    return text_at(streamer, "login") or (text_at(streamer, "name") or "").lower() or None
