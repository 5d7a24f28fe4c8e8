"""Chatterino's chat logs: local time without a date, logins, no ids; what moderators did stands as text.

Written from Chatterino's LoggingChannel. The date is in the line with which a log begins, else in the name
of the file; days are counted on where the clock goes past midnight.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta, timezone

from moderation_pipeline.comments.log_spec import LogSpec
from moderation_pipeline.comments.readers.reader import LogReader
from moderation_pipeline.comments.record import Act, ActKind, Comment, Ignored, Parsed, Unreadable
from moderation_pipeline.comments.source import Record, Source
from moderation_pipeline.comments.times import us_from_datetime

BEGINS = re.compile(r"# (?:Start|Stop) logging at (\d{4}-\d\d-\d\d) (\d\d):(\d\d):(\d\d) ?(.*)")
LINE = re.compile(
    r"(?:#(?P<channel>\S+) )?\[(?P<hour>\d\d):(?P<minute>[0-5]\d):(?P<second>[0-5]\d)\] (?P<said>.*)",
    re.DOTALL,
)
BY_USER = re.compile(r"(?:(?P<shown>\S+) )?(?P<login>[A-Za-z0-9_]{1,25}): (?P<text>.*)", re.DOTALL)
FILE_NAME = re.compile(r"(?P<channel>.+?)-(?P<date>\d{4}-\d\d-\d\d)$")

DURATION = r"(?:\d+[dhms] ?)+|\d+ ?seconds?"
ACTS = (
    (re.compile(rf"(?P<user>\w+) has been timed out for (?:{DURATION})\b"), ActKind.TIMEOUT),
    (re.compile(rf"\w+ timed out (?P<user>\w+) for (?:{DURATION})\b"), ActKind.TIMEOUT),
    (re.compile(r"(?P<user>\w+) has been permanently banned\b"), ActKind.BAN),
    (re.compile(r"\w+ banned (?P<user>\w+)\b"), ActKind.BAN),
    (re.compile(r"\w+ has warned (?P<user>\w+)\b"), ActKind.WARN),
)
"""How Chatterino words what Twitch says about a user; anything else without a login is a system's line."""

ZONES = {
    **dict.fromkeys(("UTC", "GMT", "WET"), 0),
    **dict.fromkeys(("BST", "CET", "WEST"), 1),
    **dict.fromkeys(("CEST", "EET"), 2),
    **dict.fromkeys(("EEST", "MSK"), 3),
    **dict.fromkeys(("JST", "KST"), 9),
    **dict.fromkeys(("BRT", "ART"), -3),
    "AEST": 10,
    "AEDT": 11,
    "EST": -5,
    "EDT": -4,
    "CST": -6,
    "CDT": -5,
    "MST": -7,
    "MDT": -6,
    "PST": -8,
    "PDT": -7,
}
"""Hours east of UTC for the abbreviations of time zones that Chatterino's users mostly have."""

OFFSET = re.compile(r"(?:UTC|GMT)?([+-])(\d{1,2}):?(\d\d)?$")


class ChatterinoReader(LogReader):
    """Reads one day's or one stream's log of a channel."""

    name = "chatterino"
    describes = "Chatterino logs"

    def __init__(self, spec: LogSpec | None = None) -> None:
        super().__init__(spec)
        self._channel: str | None = None
        self._day: date | None = None
        self._zone: timezone | None = None
        self._clock = timedelta(0)

    @classmethod
    def recognises(cls, head: bytes) -> bool:
        """Whether an early line has a log's first line's form, or a time in brackets."""
        lines = head.decode("utf-8", "replace").split("\n")[:50]
        return any(BEGINS.match(line) or LINE.match(line) for line in lines)

    def records(self, source: Source) -> Iterator[Record]:
        """Yield the lines; what only the file's name tells is taken from there first."""
        stem = source.path.name.split(".")[0]
        named = FILE_NAME.match(stem)
        if named is not None:
            self._channel = named["channel"]
            self._day = _date(named["date"])
        return source.lines()

    def parse(self, raw: bytes) -> Parsed:
        """Return what a line is."""
        line = raw.decode("utf-8", "replace")
        begins = BEGINS.match(line)
        if begins is not None:
            return self._begin(begins)
        parts = LINE.match(line)
        if parts is None:
            return Unreadable("not a Chatterino line: no [hh:mm:ss]")
        at_us = self._time(parts)
        if at_us is None:
            return Unreadable("no time that can be read: no date before it, or no such hour")
        channel = parts["channel"] or self._channel
        by_user = BY_USER.match(parts["said"])
        if by_user is None:
            return _system_line(parts["said"], channel, at_us)
        login = by_user["login"].lower()
        return Comment(None, channel, login, by_user["shown"] or by_user["login"], at_us, by_user["text"])

    def _begin(self, begins: re.Match[str]) -> Ignored | Unreadable:
        day = _date(begins[1])
        if day is None:
            return Unreadable("no date that can be read")
        self._day = day
        self._clock = timedelta(hours=int(begins[2]), minutes=int(begins[3]), seconds=int(begins[4]))
        zone = begins[5].strip()[:40]
        if self._zone is None:
            self._zone = self._zone_of(zone)
        return Ignored()

    def _zone_of(self, name: str) -> timezone:
        zone = _zone(name)
        if zone is None:
            self.notes.append(f"The log's time zone {name!r} is not known; its times were taken as UTC.")
            return UTC
        self.notes.append(f"The log's local time was taken as {name}.")
        return zone

    def _time(self, parts: re.Match[str]) -> int | None:
        clock = timedelta(
            hours=int(parts["hour"]), minutes=int(parts["minute"]), seconds=int(parts["second"])
        )
        if self._day is None or clock >= timedelta(days=1):
            return None
        if self._clock - clock > timedelta(hours=12) and self._day < date.max:
            self._day += timedelta(days=1)
        self._clock = clock
        if self._zone is None:
            self._zone = UTC
            self.notes.append("The log doesn't say its time zone; its times were taken as UTC.")
        midnight = datetime(self._day.year, self._day.month, self._day.day, tzinfo=self._zone)
        return us_from_datetime(midnight + clock)


def _system_line(said: str, channel: str | None, at_us: int) -> Act | Ignored:
    for pattern, kind in ACTS:
        found = pattern.match(said)
        if found is not None:
            login = found["user"].lower()
            return Act(kind, channel, login, login, None, at_us)
    return Ignored()


def _date(text: str) -> date | None:
    try:
        return date.fromisoformat(text)
    except ValueError:
        return None


def _zone(name: str) -> timezone | None:
    if name in ZONES:
        return timezone(timedelta(hours=ZONES[name]))
    offset = OFFSET.match(name)
    if offset is None or int(offset[2]) > 14:
        return None
    size = timedelta(hours=int(offset[2]), minutes=int(offset[3] or 0))
    return timezone(size if offset[1] == "+" else -size)
