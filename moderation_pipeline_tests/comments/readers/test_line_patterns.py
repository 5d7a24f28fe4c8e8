from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from moderation_pipeline.comments.formats import UnreadableFileError
from moderation_pipeline.comments.ingest import Ingested, ingest
from moderation_pipeline_tests.comments.lines import counts, is_conserved, read

JUSTLOG = [
    "[2024-05-6 20:00:01] #room ann: hi: there",
    "[2024-05-6 20:00:02] #room bob: bad",
    "[2024-05-6 20:00:05] #room bob has been timed out for 600 seconds",
    "[2024-05-6 20:00:09] #room cy subscribed at Tier 1. They've subscribed for 3 months!",
]
TWITCHDOWNLOADER = [
    "[2024-05-06 20:00:01 UTC] Ann: hi: there",
    "[2024-05-06 20:00:02.250 UTC] 名無し: yo",
]
CHAT_DOWNLOADER = [
    "-0:05 | Ann Lee: early",
    "0:09 | (Member (6 months), Moderator) Judge: welcome: all",
    "1:00:02 | *$5.00* Bob: hello",
]
IRSSI = [
    "--- Log opened Mon May 06 20:00:00 2024",
    "20:00 -!- ann [ann@host] has joined #room",
    "20:01 < ann> hi: there",
    "20:01 <@judge> welcome",
    "20:02  * ann waves",
    "20:03 -!- ann was kicked from #room by judge [enough]",
    "--- Day changed Tue May 07 2024",
    "00:05 <+bob> late",
]


def texts(ingested: Ingested) -> list[tuple[str, str, str | None]]:
    return ingested.comments.select("user_name", "text", "label_action").rows()


def times(ingested: Ingested) -> list[str]:
    return [time.strftime("%m-%d %H:%M:%S") for time in ingested.comments["sent_at"]]


def test_justlogs_plain_text_is_read_with_its_acts_in_utc() -> None:
    ingested = read(JUSTLOG)
    assert ingested.ingestion["format"].item() == "justlog_text"
    assert texts(ingested) == [("ann", "hi: there", "allow"), ("bob", "bad", "timeout")]
    assert ingested.comments["channel"].to_list() == ["room", "room"]
    assert times(ingested) == ["05-06 20:00:01", "05-06 20:00:02"]
    assert counts(ingested)["ignored"] == 1
    assert not any("time zone" in note for note in ingested.notes)


@pytest.mark.parametrize("act", ["bob has been banned", "bob: bob has been banned"])
def test_rustlogs_plain_text_ends_lines_otherwise_and_names_whom_an_act_is_on(act: str) -> None:
    lines = [*JUSTLOG[:2], f"[2024-05-06 20:00:05] #room {act}"]
    assert texts(read("\r\n".join(lines).encode()))[-1] == ("bob", "bad", "ban")


def test_a_cleared_chat_in_plain_text_leaves_what_was_in_it_unlabelled() -> None:
    lines = [*JUSTLOG[:3], "[2024-05-06 20:00:06] #room Chat has been cleared"]
    assert texts(read(lines)) == [("ann", "hi: there", None), ("bob", "bad", "timeout")]


def test_twitchdownloaders_text_is_read_in_utc() -> None:
    ingested = read(TWITCHDOWNLOADER)
    assert ingested.ingestion["format"].item() == "twitchdownloader_text"
    assert texts(ingested) == [("Ann", "hi: there", None), ("名無し", "yo", None)]
    assert ingested.comments["sent_at"][1].microsecond == 250_000


def test_times_since_a_videos_beginning_count_from_a_day_that_is_said(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_text("[0:00:03] Ann: hi\n[25:00:04] Bob: ho\n")
    without = ingest(path, "chat")
    assert without.ingestion["format"].item() == "twitchdownloader_text"
    assert any("counted from 2000-01-01" in note for note in without.notes)
    (tmp_path / "a.txt.log.yaml").write_text("day: 2024-05-06\n")
    assert times(ingest(path, "chat")) == ["05-06 00:00:03", "05-07 01:00:04"]


def test_chat_downloaders_text_is_read_with_roles() -> None:
    ingested = read(CHAT_DOWNLOADER)
    assert ingested.ingestion["format"].item() == "chat_downloader_text"
    assert [row[:2] for row in texts(ingested)] == [
        ("Ann Lee", "early"),
        ("Judge", "welcome: all"),
        ("Bob", "hello"),
    ]
    flags = ingested.comments.select("is_moderator", "is_subscriber").rows()
    assert flags == [(False, False), (True, True), (False, False)]
    assert times(ingested)[1:] == ["01-01 00:00:09", "01-01 01:00:02"]


@pytest.mark.parametrize("time", ["2024-05-06 20:00:01", "08:00 PM"])
def test_chat_downloaders_other_times_are_read_too(time: str) -> None:
    ingested = read([f"{time} | Ann: hi"], name="chat-2024-05-06.txt")
    assert times(ingested)[0].startswith("05-06 20:00")
    assert any("time zone" in note for note in ingested.notes)


def test_a_deletion_without_a_name_leaves_all_before_it_unlabelled() -> None:
    lines = [
        "0:01 | Ann: long ago",
        "20:00 | Bob: shortly before",
        "20:05 | [message deleted]",
        "20:06 | eve: worse",
        "20:07 | eve was timed out for 60 seconds.",
    ]
    assert [row[2] for row in texts(read(lines))] == ["allow", None, "timeout"]


def test_a_deletion_as_chat_downloader_words_it_on_twitch_leaves_its_user_unlabelled() -> None:
    lines = [
        "2024-05-06 20:00:01 | (Subscriber) Ann: bad",
        "2024-05-06 20:00:02 | Bob: fine",
        "2024-05-06 20:00:03 | ann: bad",
        "2024-05-06 20:00:04 | Bob: fine",
        "2024-05-06 20:00:05 | eve: worse",
        "2024-05-06 20:00:06 | eve was timed out for 60 seconds.",
        "Room state | Channel ID = 9, slow mode = False",
    ]
    ingested = read(lines)
    labels = [None, "allow", None, "allow", "timeout"]
    assert ingested.comments["label_action"].to_list() == labels
    assert ingested.comments["user_id"].to_list() == ["ann", "bob", "ann", "bob", "eve"]
    assert any("may be a deletion" in note and ".json" in note for note in ingested.notes)


def test_a_videos_lines_of_names_with_spaces_are_no_chatterino_log() -> None:
    lines = ["[4:00:00] Ann L: hi: there", "[4:00:02] -: /hide", "[4:00:33] 로라 [Laura]: hey"]
    ingested = read(lines)
    assert ingested.ingestion["format"].item() == "twitchdownloader_text"
    assert ingested.comments["user_name"].to_list() == ["Ann L", "-", "로라 [Laura]"]


def test_irssis_log_is_read_with_days_ranks_and_kicks() -> None:
    ingested = read(IRSSI)
    assert ingested.ingestion["format"].item() == "irc_text"
    assert ingested.comments.select("user_id", "text", "is_moderator", "is_me").rows() == [
        ("ann", "hi: there", False, False),
        ("judge", "welcome", True, False),
        ("ann", "waves", False, True),
        ("bob", "late", False, False),
    ]
    assert times(ingested) == ["05-06 20:01:00", "05-06 20:01:00", "05-06 20:02:00", "05-07 00:05:00"]
    # A kick puts somebody out, for how long is theirs to say: a violation, and no action of ours.
    violations = ingested.comments["label_is_violation"].to_list()
    assert violations == [None, False, True, False]
    assert ingested.comments["label_action"].to_list() == [None, "allow", None, "allow"]


@pytest.mark.parametrize(
    "line",
    [
        "[20:00:01] <Ann> hi",
        "[20:00:01] <@Ann> hi",
        "[20:00] <Ann> hi",
        "20:00 <Ann> hi",
        "20:00:01 < Ann> hi",
        "[2024-05-06 20:00:01] <Ann> hi",
        "[2024-05-06T20:00:01.250] <Ann> hi",
        "2024-05-06 20:00:01 <Ann> hi",
        "2024-05-06 20:00:01\tAnn\thi",
        "2024-05-06 20:00:01\t@Ann\thi",
        "May 06 20:00:01 <Ann>\thi",
        "[8:00 PM] <Ann> hi",
    ],
)
def test_every_clients_line_is_a_comment(line: str) -> None:
    ingested = read([line], name="#room_20240506.log")
    assert ingested.ingestion["format"].item() == "irc_text"
    assert ingested.comments.select("user_id", "user_name", "text").row(0) == ("ann", "Ann", "hi")
    assert times(ingested)[0].startswith("05-06 20:00")


@pytest.mark.parametrize(
    "line",
    [
        "[20:00:05] *** ann was kicked by judge (enough)",
        "[20:00:05] * ann was kicked by judge (enough)",
        "20:00 -!- ann was kicked from #room by judge [enough]",
        "2024-05-06 20:00:05\t<--\tjudge has kicked ann (enough)",
        "May 06 20:00:05 *\tjudge has kicked ann from #room (enough)",
        "[2024-05-06 20:00:05] * judge (j@host) kick ann enough",
        "[20:00:05] *** judge sets mode: +b ann!*@*",
        "20:00 -!- mode/#room [+b ann!*@*] by judge",
        "2024-05-06 20:00:05\t--\tMode #room [+b ann!*@*] by judge",
        "[20:00:05] *** judge sets mode: +b *!*@host",
        "[20:00:05] *** judge sets mode: +ob judge *!*@host",
        "[20:00:05] BAN: ann (600s) [enough]",
        "[20:00:05] BAN: cy, ann",
        "[20:00:05] DELETED: ann (bad)",
        "[20:00:05] DELETED: ann (something else)",
        "[20:00:05] MOD_ACTION: judge (timeout ann 600)",
        "2024-05-06 20:00:05\t<--\tjudge (~j@host) has kicked ann (enough)",
        "May 06 20:00:05 *\tjudge sets ban on ann!*@*",
        "May 06 20:00:05 *\tjudge has kicked ann from #room",
        "[20:00:05] *** judge quieted ann for 10 minutes",
        "2024-05-06 20:00:05\t--\tServices: ann was banned by judge",
    ],
)
def test_every_clients_word_for_putting_somebody_out_is_an_act(line: str) -> None:
    lines = [
        "[20:00:01] <ann> bad",
        line,
        "[20:30:00] <eve> worse",
        "[20:30:01] BAN: eve",
        "[20:31:00] <bob> fine",
    ]
    ingested = read(lines, name="#room_20240506.log")
    labels = dict(ingested.comments.select("text", "label_action").rows())
    assert labels["bad"] != "allow"
    assert (labels["worse"], labels["fine"]) == ("ban", "allow")
    assert counts(ingested)["moderation_events"] == 2


@pytest.mark.parametrize(
    "line",
    [
        "[20:00:05] *** judge sets mode: -b ann!*@*",
        "20:00 -!- mode/#room [-b ann!*@*] by judge",
        "2024-05-06 20:00:05\t--\tMode #room [-b ann!*@*] by judge",
        "May 06 20:00:05 *\tjudge removes ban on ann!*@*",
    ],
)
def test_a_ban_that_is_lifted_within_seconds_is_no_label(line: str) -> None:
    lines = ["[20:00:01] <ann> hi", "[20:00:03] *** judge sets mode: +b ann!*@*", line]
    assert read(lines, name="#room_20240506.log").comments["label_action"].to_list() == [None]


@pytest.mark.parametrize(
    "line",
    [
        "20:00 -!- cy [cy@host] has quit [Quit: who banned me]",
        "[20:00:05] *** Parts: cy (cy@host) (kick me)",
        "2024-05-06 20:00:05\t<--\tcy (cy@host) has left #room (I was banned)",
        "20:00 -!- cy is now known as banned",
    ],
)
def test_words_of_who_comes_or_goes_are_no_act(line: str) -> None:
    lines = ["[20:00:01] <ann> hi", line, "[20:00:08] <eve> bad", "[20:00:09] BAN: eve"]
    assert read(lines, name="#room_20240506.log").comments["label_action"].to_list() == ["allow", "ban"]


def test_the_day_of_a_files_name_is_that_of_its_first_line_however_late() -> None:
    lines = ["[23:59:50] <ann> late", "[23:59:40] <ann> a little out of order", "[00:00:10] <ann> after"]
    named = times(read(lines, name="2024-05-06.log"))
    assert named == ["05-06 23:59:50", "05-06 23:59:40", "05-07 00:00:10"]


def test_a_line_of_the_evening_may_follow_the_line_that_begins_the_day() -> None:
    lines = ["--- Day changed Tue May 07 2024", "23:59 <ann> late", "00:01 <ann> early"]
    assert times(read(lines)) == ["05-06 23:59:00", "05-07 00:01:00"]


def test_several_acts_in_one_line_are_one_record() -> None:
    said = ["[20:00:01] <ann> bad", "[20:00:02] <bob> fine", "[20:00:03] <cy> bad too"]
    lines = [*said, "[20:00:05] BAN: ann (60s), cy"]
    ingested = read(lines, name="#room_20240506.log")
    assert [row[2] for row in texts(ingested)] == ["timeout", "allow", "ban"]
    assert counts(ingested)["moderation_events"] == 1
    assert is_conserved(ingested)


def test_without_any_date_the_error_says_how_to_give_one(tmp_path: Path) -> None:
    path = tmp_path / "room.log"
    path.write_text("[20:00:01] <ann> hi\n[20:00:02] <bob> ho\n")
    with pytest.raises(UnreadableFileError, match=r"no date before it.*day: 2024-03-30"):
        ingest(path, "chat")


def test_a_log_over_new_year_goes_on_into_the_next() -> None:
    said = ["Dec 31 23:59:59 <ann>\tlate", "Jan 01 00:00:01 <ann>\tearly"]
    lines = ["**** BEGIN LOGGING AT Sun Dec 31 23:59:00 2023", *said]
    years = [time.year for time in read(lines).comments["sent_at"]]
    assert years == [2023, 2024]


FORMS = {
    "irc_text": ["[20:00:01] <ann> {}", "20:00 * {}", "2024-05-06 20:00:01\t{}", "[20:00] BAN: {}", "{}"],
    "justlog_text": ["[2024-05-06 20:00:01] #room {}", "[2024-05-06 20:00:01] #{}", "{}"],
    "chat_downloader_text": ["0:01 | {}", "99:59:59 | ({}", "20:00 PM | {}", "{}"],
    "twitchdownloader_text": ["[0:00:01] {}", "[2024-13-06 20:00:01 UTC] Ann: {}", "{}"],
}


@pytest.mark.parametrize("name", FORMS)
def test_lines_of_any_words_never_raise_and_always_add_up(name: str) -> None:
    first = {"irc_text": "[20:00] <a> b", "justlog_text": JUSTLOG[0]}.get(
        name, CHAT_DOWNLOADER[0] if name == "chat_downloader_text" else TWITCHDOWNLOADER[0]
    )

    @settings(max_examples=30, deadline=None)
    @given(st.lists(st.tuples(st.sampled_from(FORMS[name]), st.text(max_size=50)), max_size=5))
    def holds(lines: list[tuple[str, str]]) -> None:
        raw = "\n".join([first, *(form.replace("{}", words) for form, words in lines)]).encode(
            "utf-8", "replace"
        )
        assert is_conserved(read(raw, name="room-2024-05-06.log", format_name=name))

    holds()


def test_a_leap_day_without_a_year_never_raises() -> None:
    said = ["Dec 31 23:59:59 <ann>\tlate", "Feb 29 00:00:01 <ann>\todd"]
    lines = ["**** BEGIN LOGGING AT Tue Dec 31 23:59:00 2024", *said]
    assert is_conserved(read(lines))
