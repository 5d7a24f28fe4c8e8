"""Times as logs write them, turned into microseconds since 1970 (UTC); null where they can't be read.

Zones are here too, by whatever name a log or its owner calls them. Which column is a time, and what becomes
of one that can't be read, is in `values.py` and in the readers.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta, timezone, tzinfo
from email.utils import parsedate_to_datetime
from functools import lru_cache
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from tzlocal.windows_tz import win_tz

LATEST_US = 4_102_444_800_000_000
"""The year 2100. A time after it, or before 1970, is a misread number rather than a time."""


EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
EPOCH_WITHOUT_ZONE = EPOCH.replace(tzinfo=None)


def us_from_ms(text: str) -> int | None:
    """Return microseconds for a whole number of milliseconds, as `tmi-sent-ts` has it."""
    if not text.isascii() or not text.isdigit() or len(text) > 15:
        return None
    value = int(text) * 1000
    return value if 0 < value < LATEST_US else None


def us_from_microseconds(value: float) -> int | None:
    """Return whole microseconds for a number of them, as chat-downloader has it."""
    return int(value) if 0 < value < LATEST_US else None


def us_from_iso(text: str) -> int | None:
    """Return microseconds for an ISO 8601 time; one without an offset is taken as UTC."""
    try:
        when = datetime.fromisoformat(text)
    except ValueError:
        return None
    return us_from_datetime(when)


def us_from_datetime(when: datetime) -> int | None:
    """Return microseconds for a time; one without an offset is taken as UTC."""
    try:
        # Whole microseconds, without the rounding of a float of seconds.
        delta = when - (EPOCH if when.tzinfo is not None else EPOCH_WITHOUT_ZONE)
    except OverflowError:
        return None
    value = (delta.days * 86_400 + delta.seconds) * 1_000_000 + delta.microseconds
    return value if 0 < value < LATEST_US else None


def time_written(text: str) -> datetime | None:
    """Return a time whose day can be told from its month; without an offset where the text has none.

    That is ISO 8601 and what is near it (`2024/1/5 9:05 UTC`), and the times of mail and of Twitter's
    archives, which spell the month. `5/1/2024` is two days, so it is none: its format must be said.
    """
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        return _near_iso(text) or _with_spelt_month(text)


NEAR_ISO = re.compile(
    r"(\d{4})[-/.](\d{1,2})[-/.](\d{1,2})(?:[T ]+(\d{1,2}):(\d\d)(?::(\d\d)(?:[.,](\d{1,9}))?)?)?"
    r"(?: ?(Z|UTC|GMT|[+-]\d\d:?(?:\d\d)?))?",
    re.ASCII,
)
SPELT_MONTH = re.compile(r"(?:[A-Z][a-z]{2}, )?\d{1,2} [A-Z][a-z]{2} \d{4} \d\d:\d\d", re.ASCII)
TWITTERS = re.compile(r"[A-Z][a-z]{2} ([A-Z][a-z]{2} \d\d) (\d\d:\d\d:\d\d) ([+-]\d{4}) (\d{4})", re.ASCII)


def _near_iso(text: str) -> datetime | None:
    found = NEAR_ISO.fullmatch(text)
    if found is None:
        return None
    *parts, fraction, zone = found.groups(default="")
    year, month, day, hour, minute, second = (int(part or 0) for part in parts)
    microsecond = int(fraction[:6].ljust(6, "0")) if fraction else 0
    try:
        return datetime(
            year, month, day, hour, minute, second, microsecond, zone_named(zone) if zone else None
        )
    except ValueError:
        return None


def _with_spelt_month(text: str) -> datetime | None:
    if found := TWITTERS.fullmatch(text):
        month_and_day, clock, offset, year = found.groups()
        text = f"{month_and_day[4:]} {month_and_day[:3]} {year} {clock} {offset}"
    if SPELT_MONTH.match(text) is None:
        return None
    try:
        return parsedate_to_datetime(text)
    except (ValueError, TypeError, IndexError, OverflowError):
        return None


OFFSET = re.compile(r"(?:UTC|GMT)?([+-])(\d{1,2})(?::?(\d\d))?", re.ASCII | re.IGNORECASE)
UNIVERSAL = ("z", "utc", "gmt", "coordinated universal time", "greenwich mean time")
NOT_WINDOWS = {"british summer time": "Europe/London", "irish standard time": "Europe/Dublin"}
"""Names that systems other than Windows have for zones, where they don't follow the pattern of its names."""


@lru_cache(maxsize=256)
def zone_named(name: str) -> tzinfo | None:
    """Return the zone of that name: `Europe/Berlin`, `+02:00`, `UTC`, or what Windows calls it; else None.

    Windows' names are those of Unicode's CLDR, as tzlocal keeps them. A name for the summer (`Eastern
    Daylight Time`) is the whole zone's: a log that goes on into the winter has its clock changed. Three
    letters are no name: CST is a zone of America and of China.
    """
    plain = " ".join(name.split())
    if plain.lower() in UNIVERSAL:
        return UTC
    if (offset := OFFSET.fullmatch(plain)) is not None:
        size = timedelta(hours=int(offset[2]), minutes=int(offset[3] or 0))
        return timezone(size if offset[1] == "+" else -size) if size < timedelta(hours=24) else None
    standard = re.sub(r" (?:daylight|summer) time$", " standard time", plain.lower())
    key = NOT_WINDOWS.get(plain.lower()) or WINDOWS.get(standard) or (plain if "/" in plain else "")
    try:
        return ZoneInfo(key) if key else None
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return None


WINDOWS = {windows.lower(): iana for windows, iana in win_tz.items()}

SLACK = timedelta(minutes=5)
"""How far lines may be out of order: several servers' lines are, by seconds."""


class WallClock:
    """Local times, in the order in which they were written: the hour that comes twice is told apart by it.

    `twice` counts the times in such an hour, `skipped` those in one that the clock left out.
    """

    def __init__(self, zone: tzinfo) -> None:
        self.zone = zone
        self.twice = 0
        self.skipped = 0
        self._latest: datetime | None = None

    def read(self, local: datetime) -> datetime:
        """Return a time without an offset as one with it.

        In an hour that comes twice it is the first, unless a later time of the same night went before.
        """
        first = local.replace(tzinfo=self.zone)
        second = first.replace(fold=1)
        gained = (first.utcoffset() or timedelta()) - (second.utcoffset() or timedelta())
        if gained:
            self.twice += gained > timedelta()
            self.skipped += gained < timedelta()
        when = self._told_apart(first, second) if gained > timedelta() else first
        utc = when.astimezone(UTC)
        if self._latest is None or utc > self._latest:
            self._latest = utc
        return utc

    def _told_apart(self, first: datetime, second: datetime) -> datetime:
        begun, again = first.astimezone(UTC), second.astimezone(UTC)
        is_again = self._latest is not None and begun + SLACK < self._latest < again + 2 * (again - begun)
        return second if is_again else first
