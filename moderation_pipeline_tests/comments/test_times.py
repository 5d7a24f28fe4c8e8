from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from moderation_pipeline.comments.times import WallClock, time_written, zone_named


@pytest.mark.parametrize(
    "text",
    [
        "2024-01-05 09:05:00 UTC",
        "2024-01-05 09:05:00.000000 UTC",
        "2024-01-05T09:05:00Z",
        "2024-01-05 11:05:00 +0200",
        "2024/01/05 9:05 GMT",
        "Fri Jan 05 09:05:00 +0000 2024",
        "Fri, 05 Jan 2024 09:05:00 GMT",
    ],
)
def test_a_time_is_read_where_its_day_can_be_told_from_its_month(text: str) -> None:
    when = time_written(text)
    assert when is not None
    assert when.timestamp() == 1_704_445_500


@pytest.mark.parametrize(
    "text", ["05/01/2024 09:05", "13.01.2024", "soon", "2024-13-05 10:00", "2024-01-05 25:00"]
)
def test_what_may_be_two_days_or_none_is_no_time(text: str) -> None:
    assert time_written(text) is None


@given(st.text(max_size=40))
def test_no_text_makes_it_raise(text: str) -> None:
    time_written(text)
    zone_named(text)


@pytest.mark.parametrize(
    ("name", "hours"),
    [
        ("Eastern Daylight Time", -4),
        ("Eastern Standard Time", -4),
        ("W. Europe Daylight Time", 2),
        ("Central European Summer Time", 2),
        ("Europe/Berlin", 2),
        ("+02:00", 2),
        ("UTC+2", 2),
        ("-0330", -3.5),
        ("UTC", 0),
    ],
)
def test_a_zone_goes_by_its_own_name_its_offset_or_what_windows_calls_it(name: str, hours: float) -> None:
    zone = zone_named(name)
    assert zone is not None
    assert datetime(2024, 7, 15, 12, tzinfo=zone).utcoffset() == timedelta(hours=hours)


@pytest.mark.parametrize("name", ["CST", "", "../Berlin", "America/", "Europe/Atlantis", "+99:00"])
def test_a_name_that_is_no_zones_or_several_is_none(name: str) -> None:
    assert zone_named(name) is None


def berlin_clock() -> WallClock:
    zone = zone_named("Europe/Berlin")
    assert zone is not None
    return WallClock(zone)


def test_the_hour_that_comes_twice_is_told_apart_by_the_order_of_the_times() -> None:
    clock = berlin_clock()
    night = [(1, 50), (2, 10), (2, 50), (2, 49), (2, 5), (2, 55), (3, 1)]
    read = [clock.read(datetime(2024, 10, 27, *each)).strftime("%H:%M") for each in night]
    assert read == ["23:50", "00:10", "00:50", "00:49", "01:05", "01:55", "02:01"]
    assert (clock.twice, clock.skipped) == (5, 0)


def test_a_time_that_the_clock_left_out_is_counted() -> None:
    clock = berlin_clock()
    assert clock.read(datetime(2024, 3, 31, 2, 30)).strftime("%H:%M") == "01:30"
    assert (clock.twice, clock.skipped) == (0, 1)
