from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from moderation_pipeline.comments.ingest import ingest
from moderation_pipeline.comments.log_spec import LogSpec, LogSpecError
from moderation_pipeline.comments.readers.own_lines import FIELDS, LinePatternError, compiled
from moderation_pipeline.errors import ModerationError
from moderation_pipeline_tests.comments.lines import read

LOG = "[21:05:06] <Plum> hello: there\n[21:05:07] <mint elk> <3\nserver restarts\n[21:05:09] <Plum> bye\n"


def test_lines_are_read_by_the_owners_pattern_and_what_does_not_fit_is_kept(tmp_path: Path) -> None:
    path = tmp_path / "bot.txt"
    path.write_text(LOG, "utf-8")
    log = LogSpec.model_validate(
        {"line": "[{time:%H:%M:%S}] <{user_name}> {text}", "day": "2026-03-30", "zone": "UTC"}
    )
    found = ingest(path, "bot", log=log)
    assert found.comments["text"].to_list() == ["hello: there", "<3", "bye"]
    assert found.comments["user_name"].to_list() == ["Plum", "mint elk", "Plum"]
    assert str(found.comments["sent_at"][0]) == "2026-03-30 21:05:06+00:00"
    assert found.rejected_lines["raw"].to_list() == ["server restarts"]
    assert found.ingestion["records"][0] == 4


@pytest.mark.parametrize(
    ("time", "written", "expected", "zone"),
    [
        ("%Y-%m-%d %I:%M %p", "2026-03-30 9:05 PM", "2026-03-30 21:05:00", "UTC"),
        ("%d %b %Y %H:%M:%S.%f", "30 Mar 2026 21:05:06.5", "2026-03-30 21:05:06", "UTC"),
        ("%Y/%m/%dT%H:%M:%S%z", "2026/03/30T23:05:00+02:00", "2026-03-30 21:05:00", None),
    ],
)
def test_a_time_is_written_as_strftime_spells_it(
    tmp_path: Path, time: str, written: str, expected: str, zone: str | None
) -> None:
    path = tmp_path / "bot.txt"
    path.write_text(f"{written} | ann | hi\n", "utf-8")
    spec = LogSpec(line=f"{{time:{time}}} | {{user_name}} | {{text}}", zone=zone)
    comments = ingest(path, "bot", log=spec).comments
    assert str(comments["sent_at"][0]).startswith(expected)
    assert comments["text"].to_list() == ["hi"]


@pytest.mark.parametrize(
    ("pattern", "why"),
    [
        ("<{user_name}>", r"says nowhere where the \{text\} is"),
        ("{user} {text}", "unknown field 'user'"),
        ("{text} {text}", "names 'text' twice"),
        ("{time:%Q} {text}", "'%Q' in its time"),
        ("{time:%H:%H} {text}", "a part of the time twice"),
        ("{time:%I:%M} {text}", "%I in its time, an hour up to 12, without %p"),
        ("{user_name}{text}", "nothing between 'user_name' and 'text' to part them"),
        ("{user_name:x} {text}", "only a time is written in several ways"),
        ("{ {text}", "a brace that begins or ends no field"),
    ],
)
def test_a_pattern_that_can_not_be_understood_is_told_with_an_example(pattern: str, why: str) -> None:
    with pytest.raises(LinePatternError, match=rf"{why}.*A pattern names what is where in a line: \[\{{time"):
        compiled(pattern)


def test_a_field_ends_where_what_stands_behind_it_first_stands_and_the_last_holds_the_rest() -> None:
    found = compiled('{ignore} - {user_name} says "{text}"').match('x-y - ann - b says "he said "no" to it"')
    assert found is not None
    assert (found["user_name"], found["text"]) == ("ann - b", 'he said "no" to it')


def test_a_hostile_line_is_passed_over_in_as_many_steps_as_it_has_characters() -> None:
    form = compiled("{channel} {badges} {user_name} {ignore} {ignore} {user_id}: {text}")
    assert form.match("a " * 500_000) is None


def test_the_format_without_a_pattern_says_that_it_needs_one(tmp_path: Path) -> None:
    path = tmp_path / "bot.txt"
    path.write_text(LOG, "utf-8")
    with pytest.raises(LogSpecError, match="needs a pattern: --line"):
        ingest(path, "bot", format="lines")


@given(st.text(max_size=40), st.sampled_from(sorted(FIELDS)))
def test_no_pattern_ends_otherwise_than_in_a_form_or_an_error_of_ours(text: str, field: str) -> None:
    try:
        compiled(f"{text}{{{field}}}{{text}}")
    except LinePatternError:
        return


def test_a_year_of_two_digits_is_of_this_century() -> None:
    log = LogSpec(line="{time:%m/%d/%y, %I:%M %p} - {user_name}: {text}", zone="UTC")
    ingested = read(["5/6/24, 8:01 PM - Ann: hi"], format_name="lines", log=log)
    assert ingested.comments["sent_at"][0].isoformat() == "2024-05-06T20:01:00+00:00"


def test_a_log_whose_every_line_is_one_users_says_so_and_a_servers_thread_is_nobody() -> None:
    lines = [f"[20:00:{at:02d}] [Server thread/INFO]: <Steve> hello {at}" for at in range(30)]
    with pytest.raises(ModerationError, match="Say where what is in a line"):
        read(lines)
    log = LogSpec(line="[{time:%H:%M:%S}] [{user_name}]: {text}", zone="UTC")
    notes = read(lines, name="latest-2024-05-06.log", format_name="lines", log=log).notes
    assert any("All 30 comments are one user's, 'server thread/info'" in note for note in notes)
