from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from moderation_pipeline.comments.ingest import ingest
from moderation_pipeline.comments.log_spec import LogSpecError, log_spec
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
    "line", ["[25:00:00] Ann ann: hi", "[20:61:00] Ann ann: hi", "garbage", "[1:75] a: b", "[13:05 PM] a: b"]
)
def test_lines_of_no_time_or_form_are_rejected(line: str) -> None:
    ingested = read([BEGIN, "[20:00:01] Ann ann: hi", line], name="x.log")
    assert counts(ingested)["rejected"] == 1


@pytest.mark.parametrize(
    ("evening", "later"),
    [
        ("9:05 PM", "9:06 PM"),
        ("09:05 pm", "09:06 pm"),
        ("21:05", "21:06"),
        ("9:05:00 PM", "9:06:00 PM"),
        ("21:05:00", "21:06:00"),
        ("21:05:00.000", "21:06:00.000"),
        ("9:05:00.000 PM", "9:06:00.000 PM"),
        ("09:05:00.000 p.m.", "09:06:00.000 p.m."),
    ],
)
def test_every_time_format_that_chatterino_offers_is_read(evening: str, later: str) -> None:
    begin = BEGIN.replace("19:30:00 CET", "20:00:00 UTC")
    lines = [begin, f"[{evening}] ann: hi", f"[{later}] bob: ho", "# Stop logging at 2023-11-14 21:07:00 UTC"]
    assert times(lines, "room-41234567.log") == ["2023-11-14T21:05:00+00:00", "2023-11-14T21:06:00+00:00"]


def test_morning_hours_and_milliseconds_are_read_too() -> None:
    lines = [BEGIN.replace("19:30:00 CET", "00:00:00 UTC"), "[12:00:01.5 AM] ann: hi", "[9:00 AM] ann: ho"]
    assert times(lines) == ["2023-11-14T00:00:01.500000+00:00", "2023-11-14T09:00:00+00:00"]


def test_a_log_without_times_keeps_its_comments() -> None:
    ingested = read([BEGIN, "ann: hi: there", "bob has been timed out for 10m. ", "bob: ho"], name="a.log")
    assert ingested.comments["text"].to_list() == ["hi: there", "ho"]
    assert ingested.comments["sent_at"].to_list() == [None, None]
    assert any("without times" in note for note in ingested.notes)


def test_windows_names_of_zones_are_known() -> None:
    begin = BEGIN.replace("CET", "Eastern Standard Time")
    assert times([begin, "[20:00:01] ann: hi"]) == ["2023-11-15T01:00:01+00:00"]


def test_a_zone_may_be_said_beside_the_log(tmp_path: Path) -> None:
    path = tmp_path / "room-2023-11-14.log"
    path.write_text(f"{BEGIN.replace('CET', 'Hora local')}\n[20:00:01] ann: hi\n")
    (tmp_path / "room-2023-11-14.log.log.yaml").write_text("zone: Europe/Madrid\n")
    ingested = ingest(path, "chat")
    assert ingested.comments["sent_at"][0].isoformat() == "2023-11-14T19:00:01+00:00"


def test_a_zone_that_nobody_knows_is_an_error_with_what_is_allowed() -> None:
    with pytest.raises(LogSpecError, match="no zone 'Mars/Olympus' is known; a zone is Europe/Berlin"):
        log_spec({"zone": "Mars/Olympus"}, Path("--zone"))


def test_a_night_in_which_clocks_change_is_read_right() -> None:
    lines = [
        "# Start logging at 2024-10-27 00:00:00 CEST",
        "[02:59:58] ann: summer",
        "[02:00:10] ann: winter",
        "[03:30:00] ann: later",
    ]
    assert [time[11:19] for time in times(lines, "room-41234567.log")] == ["00:59:58", "01:00:10", "02:30:00"]


def test_a_line_of_the_evening_before_that_comes_late_stays_there() -> None:
    clocks = ("23:59:59", "00:00:02", "23:59:58", "00:01:00")
    lines = [BEGIN.replace("CET", "UTC"), *(f"[{clock}] ann: hi" for clock in clocks)]
    days = [time[8:10] for time in times(lines, "room-41234567.log")]
    assert days == ["14", "15", "14", "15"]


@pytest.mark.parametrize(
    ("line", "label"),
    [
        ("amy: amy timed out ann for 10m: be kind ", "timeout"),
        ("amy: amy timed out ann for 1h 30m. (2 times) ", "timeout"),
        ("amy: amy timed out ann for 10m in other: be kind ", "timeout"),
        ("amy: amy banned ann. ", "ban"),
        ('amy: amy banned ann: "spam". ', "ban"),
        ("amy banned ann in other. ", "ban"),
        ("amy: amy has warned ann: cut it out ", "warn"),
        ("A moderator warned ann: cut it out ", "warn"),
        ("amy: amy deleted message from ann saying: bad", "delete"),
        ("amy deleted a message from ann : bad", "delete"),
        ("amy: amy deleted message from ann in other saying: bad", "delete"),
        ("A message from Ann was deleted: bad", "delete"),
        ("amy: amy deleted message from ann saying: something else", None),
        ("amy: amy added ann as a restricted suspicious chatter. ", None),
        ("amy cleared the chat. ", None),
        ("Chat has been cleared by a moderator.", None),
        ("You were timed out for 10m by amy. ", None),
        ("", None),
    ],
)
def test_a_moderators_own_log_is_read_in_all_of_chatterinos_words(line: str, label: str | None) -> None:
    ingested = read(
        [
            BEGIN,
            "[20:00:00] cy: fine",
            "[20:05:01] ann: bad",
            f"[20:05:05] {line}",
            "[20:30:00] eve: worse",
            "[20:30:01] amy banned eve. ",
        ],
        name="x.log",
    )
    # Who is written of is not who is meant where that is not said: then nobody near is called innocent.
    assert ingested.comments["label_action"].to_list()[1:] == [label, "ban"]
    assert counts(ingested)["moderation_events"] == 2
    assert counts(ingested)["comments"] == 3


@pytest.mark.parametrize("line", ["amy: amy unbanned ann. ", "amy untimedout ann in other. "])
def test_an_act_that_is_taken_back_at_once_is_overturned(line: str) -> None:
    acts = ["[20:05:05] amy: amy timed out ann for 10m. ", f"[20:05:09] {line}"]
    ingested = read([BEGIN, "[20:05:01] ann: bad", "[20:05:02] bob: fine", *acts], name="x.log")
    assert ingested.comments["label_action"].to_list() == [None, "allow"]
    assert ingested.comments["label_is_overturned"].to_list() == [True, False]


def test_whoever_types_what_chatterino_would_write_is_not_believed() -> None:
    lines = [
        BEGIN,
        "[20:05:01] bob: fine",
        "[20:05:02] ann: bad",
        "[20:05:03] amy: amy timed out ann for 10m. ",
        "[20:05:04] eve: eve banned bob.",
        "[20:05:05] eve: amy banned bob. ",
    ]
    ingested = read(lines, name="x.log")
    labels = dict(ingested.comments.select("text", "label_action").rows())
    assert labels["bad"] == "timeout"
    assert labels["fine"] is None
    assert labels["amy banned bob. "] == "allow"


def test_what_automod_holds_is_a_comment_that_nobody_has_allowed() -> None:
    lines = [
        BEGIN,
        "[20:05:01] automod: AutoMod: Held a message for reason: swearing level 4. Allow Deny",
        "[20:05:01] ann: Ann: you there: x",
        "[20:05:02] bob: Bob: said so",
        "[20:05:03] eve: bad",
        "[20:05:04] eve has been permanently banned. ",
    ]
    ingested = read(lines, name="x.log")
    assert ingested.comments.select("user_name", "text", "label_action").rows() == [
        ("Ann", "you there: x", None),
        ("bob", "Bob: said so", "allow"),
        ("eve", "bad", "ban"),
    ]
    assert ingested.ignored["AutoMod's own lines"] == 1


@settings(max_examples=40, deadline=None)
@given(st.lists(st.text(max_size=60), max_size=5), st.sampled_from([BEGIN, ""]))
def test_lines_of_any_words_never_raise_and_always_add_up(said: list[str], first: str) -> None:
    lines = [first, "[9:05 PM] ann: hi", *(f"[21:{at:02d}] {words}" for at, words in enumerate(said))]
    ingested = read(lines, name="room-2023-11-14.log", format_name="chatterino")
    assert is_conserved(ingested)


def test_a_colon_in_a_comment_gives_it_to_nobody_else() -> None:
    lines = [BEGIN, "[20:00:00] ann: note: this", "[20:00:01] ann: hello bob: hi", "[20:00:02] raid of: many"]
    ingested = read(lines, name="x.log")
    said = ingested.comments.select("user_id", "text").rows()
    assert said == [("ann", "note: this"), ("ann", "hello bob: hi")]


@pytest.mark.parametrize("day", ["0001-01-01", "9999-12-31", "1969-12-31", "2024-02-30"])
@pytest.mark.parametrize("clock", ["00:00:00", "23:59:59", "99:99:99"])
def test_days_at_the_ends_of_time_are_rejected_in_words(day: str, clock: str) -> None:
    begin = f"# Start logging at {day} {clock} CET"
    lines = ["[20:00:00] ann: good", begin, "[00:00:01] ann: hi", "[23:59:59] bob: ho"]
    ingested = read(lines, name="room-2023-11-14.log")
    assert is_conserved(ingested)
    assert ingested.comments["text"][0] == "good"
