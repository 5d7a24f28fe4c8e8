"""The clock of a log whose lines have a time of day: which day it is, in which zone, and the day after.

The day is in a line with which the log begins, in the file's name, or said by its owner. What a line's
clock looks like is the readers' business, zones by their names `comments/times.py`'s.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta, timezone, tzinfo
from pathlib import Path
from zoneinfo import ZoneInfo

from moderation_pipeline.comments.chat_files import LOG_SUFFIX
from moderation_pipeline.comments.log_spec import LogSpec
from moderation_pipeline.comments.times import WallClock, us_from_datetime, zone_named

DAY = timedelta(days=1)
NEAR_MIDNIGHT = timedelta(minutes=10)
HALVES = {"a": 0, "p": 12}

NO_DAY = (
    f"no time that can be read: no date before it. Give the file a name with its date (room-2024-03-30.log), "
    f"or say day: 2024-03-30 in <file>{LOG_SUFFIX}"
)

CLOCK = (
    r"(?P<hour>\d{1,2}):(?P<minute>[0-5]\d)(?::(?P<second>[0-5]\d)(?:[.,](?P<fraction>\d{1,6}))?)?"
    r"(?:[ \u00a0\u202f]?(?P<half>[AaPp])\.?[Mm]\.?)?"
)
"""A time of day as programs offer it: 9:05 PM, 21:05, 21:05:07.123."""

NAMED_DAY = re.compile(r"(?<!\d)(\d{4})([-_.]?)(\d\d)\2(\d\d)(?!\d)")

FIXED = {
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
"""Hours east of UTC for the abbreviations of time zones that people mostly have."""

REGIONS = {
    **dict.fromkeys(("CET", "CEST"), "Europe/Berlin"),
    **dict.fromkeys(("EET", "EEST"), "Europe/Helsinki"),
    **dict.fromkeys(("WET", "WEST"), "Europe/Lisbon"),
    **dict.fromkeys(("EST", "EDT"), "America/New_York"),
    **dict.fromkeys(("CST", "CDT"), "America/Chicago"),
    **dict.fromkeys(("MST", "MDT"), "America/Denver"),
    **dict.fromkeys(("PST", "PDT"), "America/Los_Angeles"),
    **dict.fromkeys(("AEST", "AEDT"), "Australia/Sydney"),
    "BST": "Europe/London",
}
"""Where clocks change between these abbreviations, so that a log over such a night has them right."""


def day_named(path: Path) -> date | None:
    """Return the date in a file's name, if there is one: `#room_20240330.log`, `room-2024-03-30.log`."""
    found = NAMED_DAY.search(path.name)
    return date_of(found[1], found[3], found[4]) if found is not None else None


def date_of(year: str, month: str, day: str) -> date | None:
    """Return the date, or None where there is no such day."""
    try:
        return date(int(year), int(month), int(day))
    except ValueError:
        return None


def clock_of(groups: Mapping[str, str | None]) -> timedelta | None:
    """Return the time of day that the groups of CLOCK say; None where there is no such time."""
    hour, half = int(groups.get("hour") or 0), groups.get("half")
    if half is not None:
        if not 1 <= hour <= 12:
            return None
        hour = hour % 12 + HALVES[half.lower()]
    fraction = (groups.get("fraction") or "").ljust(6, "0")
    clock = timedelta(
        hours=hour,
        minutes=int(groups.get("minute") or 0),
        seconds=int(groups.get("second") or 0),
        microseconds=int(fraction),
    )
    return clock if clock < DAY else None


def zone_abbreviated(name: str, when: datetime) -> tzinfo | None:
    """Return the zone of an abbreviation, an offset or a name, where its clock stood so at that time."""
    if name in REGIONS:
        region = ZoneInfo(REGIONS[name])
        if when.replace(tzinfo=region).tzname() == name:
            return region
    if name in FIXED:
        return timezone(timedelta(hours=FIXED[name]), name)
    return zone_named(name)


class LogClock:
    """Turns a log's times into microseconds since 1970, in their order; says once what it took for granted."""

    def __init__(self, spec: LogSpec, path: Path, notes: list[str]) -> None:
        self.day = spec.day or day_named(path)
        self._said_zone = spec.clock_zone
        self._notes = notes
        self._wall: WallClock | None = None
        self._clock: timedelta | None = None

    def begin(self, day: date, clock: timedelta | None = None, zone: str | None = None) -> None:
        """Take in what a line says that begins a log or a day."""
        self.day = day
        self._clock = clock if clock is not None else timedelta(0)
        if zone is not None and self._said_zone is None:
            self._set_zone(zone, datetime(day.year, day.month, day.day) + self._clock)

    def at(self, clock: timedelta) -> int | None:
        """Return the time of a line; None without a day. The day after comes where the clock falls back.

        A day that only the file's name or its owner says is the first line's, whatever hour that has.
        """
        if self.day is None:
            return None
        day, before = self.day, self._clock if self._clock is not None else clock
        if before - clock > DAY / 2 and day < date.max:
            self.day = day = day + DAY
            self._clock = clock
        elif clock - before > DAY - NEAR_MIDNIGHT and before < NEAR_MIDNIGHT and day > date.min:
            # Lines may be a little out of order: this one still belongs to the evening before.
            day -= DAY
        else:
            self._clock = clock
        return self.on(day, clock)

    def on(self, day: date, clock: timedelta) -> int | None:
        """Return the time of a line that says its date too."""
        if self._wall is None:
            self._wall = WallClock(self._said_zone or UTC)
            if self._said_zone is None:
                self._notes.append(
                    f"The log doesn't say its time zone; its times were taken as UTC ({LOG_SUFFIX}: zone)."
                )
        try:
            return us_from_datetime(self._wall.read(datetime(day.year, day.month, day.day) + clock))
        except OverflowError:
            return None

    def exactly(self, day: date, clock: timedelta, offset: str) -> int | None:
        """Return the time of a line that says its date and how far its clock is from UTC: `+02:00`, `UTC`, `Z`."""
        zone = zone_named(offset)
        if zone is None:
            return None
        try:
            return us_from_datetime((datetime(day.year, day.month, day.day) + clock).replace(tzinfo=zone))
        except OverflowError:
            return None

    def _set_zone(self, name: str, when: datetime) -> None:
        zone = zone_abbreviated(name, when)
        if self._wall is not None and self._wall.zone == (zone or UTC):
            return
        self._wall = WallClock(zone if zone is not None else UTC)
        if zone is None:
            note = (
                f"The log's time zone {name[:40]!r} is not known; its times were taken as UTC. "
                f"Say it: zone: Europe/Berlin in <file>{LOG_SUFFIX}."
            )
        else:
            note = f"The log's local time was taken as {name}."
        if note not in self._notes:
            self._notes.append(note)
