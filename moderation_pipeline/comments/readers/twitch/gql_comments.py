"""Pages of a video's comments as Twitch's GQL answers them, one page a line, an array of them, or one alone.

Written from TwitchDownloader's GqlCommentResponse. What moderators did is not in it: deleted lines are just
missing.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

import orjson

from moderation_pipeline.comments.json_records import array_records
from moderation_pipeline.comments.json_values import (
    JsonObject,
    object_at,
    objects_at,
    parsed_object,
    text_at,
    words_at,
)
from moderation_pipeline.comments.readers.json_head import JsonHead
from moderation_pipeline.comments.readers.reader import LogReader
from moderation_pipeline.comments.record import Comment, Ignored, Parsed, Unreadable
from moderation_pipeline.comments.source import DAMAGE, LINE_LIMIT, Record, Source
from moderation_pipeline.comments.times import us_from_iso

MARKS = tuple(re.compile(rf'"{name}"\s*:'.encode()) for name in ("edges", "node", "commenter", "fragments"))
HEAD = 65_536


class GqlCommentsReader(LogReader):
    """Reads the pages, and of each its comments."""

    name = "gql_comments"
    describes = "comments of a video as Twitch's GQL answers them"

    @classmethod
    def recognises(cls, head: bytes) -> bool:
        """Whether it begins as JSON in which edges hold nodes with commenters."""
        is_json = head.lstrip()[:1] in (b"{", b"[")
        return is_json and all(mark.search(head[:HEAD]) for mark in MARKS)

    def records(self, source: Source) -> Iterator[Record]:
        """Yield each comment of each page; a page without any is itself a record."""
        number = 0
        for page in _pages(source):
            parsed = parsed_object(page.raw) if page.damage is None else Unreadable(page.damage)
            if isinstance(parsed, Unreadable):
                number += 1
                yield Record(number, page.raw, parsed.reason)
                continue
            video = object_at(object_at(parsed, "data"), "video")
            creator = object_at(video, "creator")
            channel = text_at(creator, "login") or text_at(object_at(creator, "channel"), "id")
            edges = objects_at(object_at(video, "comments"), "edges")
            for edge in edges or [{"error": True}]:
                number += 1
                yield Record(number, orjson.dumps({**edge, "channel": channel}))

    def parse(self, raw: bytes) -> Parsed:
        """Return what a comment is."""
        edge = parsed_object(raw)
        if isinstance(edge, Unreadable):
            return edge
        if "error" in edge:
            return Ignored("pages without comments")
        node = object_at(edge, "node")
        fragments = objects_at(object_at(node, "message"), "fragments")
        text = "".join(words_at(fragment, "text") or "" for fragment in fragments)
        sent_at_us = us_from_iso(text_at(node, "createdAt") or "")
        if sent_at_us is None:
            return Unreadable("no time that can be read (createdAt)")
        if not text.strip():
            return Ignored("notices without words")
        return _comment(node, fragments, text, sent_at_us, text_at(edge, "channel"))


def _comment(node: JsonObject, fragments: object, text: str, sent_at_us: int, channel: str | None) -> Comment:
    commenter = object_at(node, "commenter")
    badges = {text_at(badge, "setID") for badge in objects_at(object_at(node, "message"), "userBadges")}
    assert isinstance(fragments, list | tuple)
    return Comment(
        comment_id=text_at(node, "id"),
        channel=channel,
        user_id=text_at(commenter, "id") or text_at(commenter, "login"),
        user_name=text_at(commenter, "displayName") or text_at(commenter, "login"),
        sent_at_us=sent_at_us,
        text=text,
        is_moderator=bool(badges & {"moderator", "lead_moderator"}),
        is_broadcaster="broadcaster" in badges,
        is_subscriber=bool(badges & {"subscriber", "founder"}),
        is_emote_only=all(
            object_at(each, "emote") or not (words_at(each, "text") or "").strip() for each in fragments
        ),
    )


def _pages(source: Source) -> Iterator[Record]:
    """Yield the pages: the lines, the elements of the array, or the whole document."""
    looked = JsonHead.of(source.head())
    if looked.is_array:
        yield from array_records(source, [])
    elif looked.is_lines:
        yield from source.lines()
    else:
        with source.open() as stream:
            try:
                document = stream.read(LINE_LIMIT + 1)
            except DAMAGE as error:
                yield Record(1, b"", f"the compressed file is damaged from here on ({error})")
                return
        damage = f"longer than {LINE_LIMIT:,} bytes" if len(document) > LINE_LIMIT else None
        yield Record(1, document, damage)
