from __future__ import annotations

import pytest

from moderation_pipeline_tests.comments.lines import counts, is_conserved, read

BEGIN = "# Start logging at 2023-11-14 19:30:00 CET"


def times(lines: list[str], name: str = "room-2023-11-14.log") -> list[str]:
    return [each.isoformat() for each in read(lines, name=name).comments["sent_at"]]


def test_a_days_log_is_read() -> None:
    ingested = read(
        [BEGIN, "[20:00:01] Ann ann: hi there: you", "[20:00:02] bob: ho", "[20:00:03] 名無し nanashi: yo"],
        name="room-2023-11-14.log",
    )
    assert ingested.ingestion["format"].item() == "chatterino"
    assert ingested.comments.select("channel", "user_id", "user_name", "text").rows() == [
        ("room", "ann", "Ann", "hi there: you"),
        ("room", "bob", "bob", "ho"),
        ("room", "nanashi", "名無し", "yo"),
    ]
    assert ingested.comments["comment_id"].to_list() == ["line-2", "line-3", "line-4"]


def test_local_time_is_turned_to_utc_and_said_aloud() -> None:
    ingested = read([BEGIN, "[20:00:01] Ann ann: hi"], name="room-2023-11-14.log")
    assert ingested.comments["sent_at"][0].isoformat() == "2023-11-14T19:00:01+00:00"
    assert any("CET" in note for note in ingested.notes)


@pytest.mark.parametrize(
    ("zone", "hour"),
    [("UTC", 20), ("EST", 1), ("UTC+05:30", 15), ("-03", 23), ("Mitteleuropäische Zeit", 20)],
)
def test_zones_by_abbreviation_and_by_offset_are_known_others_are_utc(zone: str, hour: int) -> None:
    ingested = read(
        [f"# Start logging at 2023-11-14 19:30:00 {zone}", "[20:30:00] Ann ann: hi"], name="a.log"
    )
    assert ingested.comments["sent_at"][0].hour == hour
    assert any(zone in note for note in ingested.notes)


def test_a_stream_s_log_goes_past_midnight() -> None:
    lines = [BEGIN.replace("CET", "UTC"), "[23:59:59] Ann ann: late", "[00:00:01] Ann ann: early"]
    assert times(lines, "room-41234567.log") == ["2023-11-14T23:59:59+00:00", "2023-11-15T00:00:01+00:00"]


def test_without_a_first_line_the_file_s_name_has_the_date() -> None:
    assert times(["[20:00:01] Ann ann: hi"]) == ["2023-11-14T20:00:01+00:00"]


def test_a_line_before_any_date_is_rejected() -> None:
    ingested = read(["[20:00:01] Ann ann: hi", BEGIN, "[20:00:02] Ann ann: ho"], name="room.log")
    assert ingested.rejected_lines["line_number"].to_list() == [1]
    assert is_conserved(ingested)


def test_mentions_name_their_channel() -> None:
    ingested = read([BEGIN, "#arena [20:00:01] Ann ann: hi @you"], name="x.log")
    assert ingested.comments["channel"].to_list() == ["arena"]


@pytest.mark.parametrize(
    "line",
    [
        "ann subscribed at Tier 1. They've subscribed for 3 months!",
        "A message from ann was deleted: so what",
        "Announcement",
        "connected",
        "ann is live!",
    ],
)
def test_a_system_s_line_without_a_login_is_ignored(line: str) -> None:
    ingested = read([BEGIN, f"[20:00:00] {line}", "[20:00:01] Ann ann: hi"], name="x.log")
    assert counts(ingested)["ignored"] == 2


@pytest.mark.parametrize(
    ("line", "label"),
    [
        ("ann has been timed out for 10m.", "timeout"),
        ("ann has been timed out for 600s (2 times).", "timeout"),
        ("mod timed out ann for 1h 30m.", "timeout"),
        ("ann has been permanently banned.", "ban"),
        ("mod banned ann.", "ban"),
        ("mod has warned ann: cut it out", "warn"),
    ],
)
def test_what_moderators_did_is_read_out_of_the_system_s_words(line: str, label: str) -> None:
    ingested = read([BEGIN, "[20:00:01] Ann ann: bad", f"[20:00:05] {line}"], name="x.log")
    assert ingested.comments["label_action"].to_list() == [label]
    assert counts(ingested)["moderation_events"] == 1


def test_a_user_who_says_such_words_is_no_moderator() -> None:
    ingested = read([BEGIN, "[20:00:01] Bob bob: ann has been permanently banned."], name="x.log")
    assert ingested.comments["label_action"].to_list() == [None]


@pytest.mark.parametrize(
    "line", ["[25:00:00] Ann ann: hi", "[20:61:00] Ann ann: hi", "garbage", "[20:00] a: b"]
)
def test_lines_of_no_time_or_form_are_rejected(line: str) -> None:
    ingested = read([BEGIN, "[20:00:01] Ann ann: hi", line], name="x.log")
    assert counts(ingested)["rejected"] == 1
