"""What the recent-messages service answers: a document with raw IRC lines as texts under `messages`."""

from __future__ import annotations

import re
from collections.abc import Iterator

import orjson

from moderation_pipeline.comments.json_records import array_strings
from moderation_pipeline.comments.readers.reader import LogReader
from moderation_pipeline.comments.readers.twitch.irc_line import parse_irc
from moderation_pipeline.comments.record import Parsed, Unreadable
from moderation_pipeline.comments.source import Record, Source

MESSAGES = re.compile(rb'"messages"\s*:\s*\[\s*"[@:]')


class RecentMessagesReader(LogReader):
    """Reads the lines one by one."""

    name = "recent_messages"
    describes = "answers of the recent-messages API"

    @classmethod
    def recognises(cls, head: bytes) -> bool:
        """Whether `messages` are texts that begin as IRC does."""
        return head.lstrip().startswith(b"{") and MESSAGES.search(head) is not None

    def records(self, source: Source) -> Iterator[Record]:
        """Yield the texts, still as JSON."""
        return array_strings(source, "messages")

    def parse(self, raw: bytes) -> Parsed:
        """Return what a line is."""
        try:
            line: object = orjson.loads(raw)
        except orjson.JSONDecodeError as error:
            return Unreadable(f"not valid JSON: {error}")
        return parse_irc(line.rstrip("\r\n")) if isinstance(line, str) else Unreadable("not a text")
