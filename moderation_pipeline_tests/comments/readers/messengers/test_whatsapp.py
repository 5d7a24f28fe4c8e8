from __future__ import annotations

import pytest

from moderation_pipeline.comments.log_spec import LogSpec
from moderation_pipeline_tests.comments.lines import counts, is_conserved, read

IOS = """[06.05.24, 20:00:00] Den: \u200eMessages and calls are end-to-end encrypted.
[06.05.24, 20:01:05] Ann: hi
[06.05.24, 20:02:05] ~\u202fBob Lee: you: idiot
second line: with a colon
\u200e[06.05.24, 20:03:05] +49 170 1234567: \u200eimage omitted
[06.05.24, 20:04:05] Ann: bye\u200e<This message was edited>
"""
ANDROID = """5/6/24, 8:00\u202fPM - Messages and calls are end-to-end encrypted.
5/6/24, 8:01\u202fPM - Ann: hi
5/6/24, 8:02\u202fPM - Bob Lee: you: idiot
second line: with a colon
5/6/24, 8:03\u202fPM - Ann: <Media omitted>
5/6/24, 8:04\u202fPM - Ann added Cy
5/13/24, 8:04\u202fPM - Ann: bye
"""


@pytest.mark.parametrize("written", [IOS, ANDROID])
def test_an_export_is_read_with_names_times_and_messages_of_several_lines(written: str) -> None:
    ingested = read(written.encode(), log=LogSpec(zone="Europe/Berlin"))
    assert ingested.ingestion["format"].item() == "whatsapp"
    assert ingested.comments.select("user_name", "text").rows() == [
        ("Ann", "hi"),
        ("Bob Lee", "you: idiot\nsecond line: with a colon"),
        ("Ann", "bye"),
    ]
    assert ingested.comments["sent_at"][0].strftime("%Y-%m-%d %H:%M") == "2024-05-06 18:01"
    assert counts(ingested)["ignored"] == len(written.split("\n")) - 5
    assert is_conserved(ingested)


@pytest.mark.parametrize(
    ("dates", "day", "is_said"),
    [
        (["13/5/24", "14/5/24"], "2024-05-13", False),
        (["5/6/24", "5/13/24"], "2024-05-06", False),
        (["28/5/2024", "5/6/2024"], "2024-05-28", False),
        (["11/5/24", "2/6/24"], "2024-05-11", False),
        (["5/11/24", "6/2/24"], "2024-05-11", False),
        (["5/6/24"], "2024-06-05", True),
        (["2024-05-06"], "2024-05-06", False),
        (["06.05.2024"], "2024-05-06", False),
    ],
)
def test_day_and_month_are_told_by_what_the_file_holds_and_where_nothing_tells_that_is_said(
    dates: list[str], day: str, is_said: bool
) -> None:
    lines = "".join(f"{each}, 21:05 - Ann: hi {number}\n" for number, each in enumerate(dates))
    ingested = read(lines.encode(), log=LogSpec(zone="UTC"))
    assert ingested.comments["sent_at"][0].date().isoformat() == day
    assert any("taken as the day first" in note for note in ingested.notes) == is_said


def test_a_log_with_dates_in_brackets_and_no_comma_is_another_programs() -> None:
    ingested = read(b"[2024-05-06 20:01:05] #room ann: hi\n[2024-05-06 20:01:06] #room bob: ho\n")
    assert ingested.ingestion["format"].item() == "justlog_text"
