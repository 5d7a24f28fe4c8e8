"""Times as logs write them, turned into microseconds since 1970 (UTC); null where they can't be read."""

from __future__ import annotations

from datetime import UTC, datetime

LATEST_US = 4_102_444_800_000_000
"""The year 2100. A time after it, or before 1970, is a misread number rather than a time."""


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
    aware = when if when.tzinfo is not None else when.replace(tzinfo=UTC)
    try:
        # Whole microseconds, without the rounding of a float of seconds.
        delta = aware - datetime(1970, 1, 1, tzinfo=UTC)
    except OverflowError:
        return None
    value = (delta.days * 86_400 + delta.seconds) * 1_000_000 + delta.microseconds
    return value if 0 < value < LATEST_US else None
