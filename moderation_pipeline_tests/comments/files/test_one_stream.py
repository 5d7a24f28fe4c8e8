"""Several files as one chat: in the order of their times, each comment once, acts where they belong, all counted."""

from __future__ import annotations

import gzip
import tempfile
from collections.abc import Mapping
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from moderation_pipeline.comments.ingest import Ingested, ingest
from moderation_pipeline.comments.log_spec import LogSpecError
from moderation_pipeline.errors import ModerationError
from moderation_pipeline.warehouse import laws
from moderation_pipeline_tests.comments.lines import cleared, said


def read(files: Mapping[str, str | bytes]) -> Ingested:
    """Return what is read of a folder of these files."""
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary, "chat")
        for name, content in files.items():
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content if isinstance(content, bytes) else content.encode())
        ingested = ingest(folder, "chat")
    assert laws.unaccounted_records(ingested.ingestion).is_empty()
    tables = (ingested.ingestion, ingested.comments, ingested.rejected_lines)
    assert laws.miscounted_tables(*tables).is_empty()
    assert laws.repeated(ingested.comments, "comment_id").is_empty()
    return ingested


def texts(ingested: Ingested) -> list[str]:
    return ingested.comments["text"].to_list()


def of_file(ingested: Ingested, name: str) -> dict[str, object]:
    return ingested.ingestion.filter(pl.col("file") == name).row(0, named=True)


def irc(*lines: str) -> str:
    return "\n".join(lines) + "\n"


def test_days_are_one_stream_whatever_their_files_are_called() -> None:
    files = {"z.log": irc(said("one", second=1)), "a.log": irc(said("two", second=90_000))}
    assert texts(read(files)) == ["one", "two"]


def test_rooms_that_were_logged_beside_each_other_are_one_stream() -> None:
    arena = irc(said("a1", second=1, channel="arena"), said("a2", second=5, channel="arena"))
    dash = irc(said("d1", second=3, channel="dash"), said("d2", second=9, channel="dash"))
    ingested = read({"arena.log": arena, "dash.log": dash})
    assert texts(ingested) == ["a1", "d1", "a2", "d2"]
    assert ingested.comments["position"].to_list() == [0, 1, 2, 3]


def test_lines_of_one_file_stay_in_their_order_though_their_times_are_a_little_out_of_it() -> None:
    one = irc(said("a", second=2), said("b", second=1), said("c", second=4))
    other = irc(said("x", second=3, user="bob"))
    assert texts(read({"one.log": one, "other.log": other})) == ["a", "b", "x", "c"]


def test_a_ban_after_midnight_is_of_the_line_before_it() -> None:
    evening = irc(said("hello", second=0), said("grr", user="bob", second=5))
    night = irc(cleared("bob", second=8), said("morning", second=9))
    labels = read({"2.log": night, "1.log": evening}).comments.select("text", "label_action").rows()
    assert labels == [("hello", "allow"), ("grr", "ban"), ("morning", "allow")]


def test_acts_in_a_file_of_their_own_are_placed_by_their_times() -> None:
    chat = irc(said("hi", second=0), said("grr", user="bob", second=5), said("grr?", user="bob", second=60))
    acts = irc(cleared("bob", second=8, duration_s=30))
    ingested = read({"chat.log": chat, "acts.log": acts})
    assert ingested.comments["label_action"].to_list() == ["allow", "timeout", "allow"]
    assert of_file(ingested, "acts.log")["moderation_events"] == 1


def test_the_same_file_twice_is_not_twice_the_chat_compressed_or_not() -> None:
    lines = "hi\nho\n"
    table = f"text\n{lines}"
    ingested = read({"a.csv": table, "b.csv.gz": gzip.compress(table.encode())})
    assert texts(ingested) == ["hi", "ho"]
    assert of_file(ingested, "b.csv.gz")["merged"] == of_file(ingested, "b.csv.gz")["records"] == 2
    assert any("All of it is in a.csv too" in note for note in ingested.notes)


def test_an_older_copy_of_a_log_that_grew_adds_nothing() -> None:
    old = "[2024-04-01 20:00] <ann> hi\n"
    ingested = read({"room.log": f"{old}[2024-04-01 20:00] <ann> hi\n", "room-old.log": old})
    assert texts(ingested) == ["hi", "hi"]


def test_two_days_that_hold_the_same_are_two_days() -> None:
    line = "[20:00:01] <ann> hi\n"
    ingested = read({"room-2024-04-01.log": line, "room-2024-04-02.log": line})
    assert [each.day for each in ingested.comments["sent_at"]] == [1, 2]


def test_what_two_logs_without_ids_both_hold_is_there_once() -> None:
    one = "[2024-04-01 20:00:01] <ann> hi\n[2024-04-01 20:00:02] <bob> ho\n[2024-04-01 20:00:02] <bob> ho\n"
    other = (
        "[2024-04-01 20:00:02] <bob> ho\n[2024-04-01 20:00:02] <bob> ho\n[2024-04-01 20:00:09] <ann> bye\n"
    )
    ingested = read({"one.log": one, "other.log": other})
    assert texts(ingested) == ["hi", "ho", "ho", "bye"]
    assert of_file(ingested, "other.log")["merged"] == 2
    assert any("2 comments are in several files" in note for note in ingested.notes)


def test_records_with_ids_in_two_files_are_there_once() -> None:
    both = said("hi", second=1)
    ingested = read({"a.log": irc(both, said("x", second=2)), "b.log": irc(both, said("y", second=3))})
    assert texts(ingested) == ["hi", "x", "y"]


def test_a_comment_without_an_id_is_named_by_its_file_and_line() -> None:
    ingested = read({"a.csv": "text\nhi\n", "b/c.csv": "text\nho\n"})
    assert ingested.comments["comment_id"].to_list() == ["a.csv:line-2", "b/c.csv:line-2"]


def test_a_quiet_day_and_an_empty_file_are_counted_and_said() -> None:
    quiet = "# Start logging at 2024-04-02 00:00:00 CEST\n[00:01:00] bob joined\n"
    day = "# Start logging at 2024-04-01 00:00:00 CEST\n[00:01:00] ann: hi\n"
    ingested = read({"1.log": day, "2.log": quiet, "3.log": ""})
    assert of_file(ingested, "2.log")["ignored"] == 2
    assert of_file(ingested, "3.log")["records"] == 0
    assert {"2.log: It has no comment.", "3.log: It has no record."} <= set(ingested.notes)


def test_a_line_that_can_not_be_read_is_kept_with_its_file() -> None:
    ingested = read({"a.log": irc(said("hi")), "b.log": irc(said("ho", second=1), "garbage")})
    assert ingested.rejected_lines.select("file", "line_number").rows() == [("b.log", 2)]


def test_a_file_that_is_no_log_is_an_error_that_names_it() -> None:
    with pytest.raises(ModerationError, match=r"notes\.bin"):
        read({"a.log": irc(said("hi")), "notes.bin": bytes(range(256)) * 4})


def test_what_is_said_beside_the_folder_holds_for_all_that_say_nothing_else(tmp_path: Path) -> None:
    folder = tmp_path / "room"
    folder.mkdir()
    (tmp_path / "room.log.yaml").write_text("zone: Europe/Berlin\n")
    for name in ("a-2024-01-01.log", "b-2024-01-02.log"):
        (folder / name).write_text("[20:00:01] <ann> hi\n")
    (folder / "b-2024-01-02.log.log.yaml").write_text("zone: UTC\n")
    assert [each.hour for each in ingest(folder, "room").comments["sent_at"]] == [19, 20]
    (folder / "b-2024-01-02.log.log.yaml").write_text("act_bound_minutes: 3\n")
    with pytest.raises(LogSpecError, match=r"10 beside a-2024-01-01\.log, 3 beside b-2024-01-02\.log"):
        ingest(folder, "room")


def test_tables_are_ordered_as_one(tmp_path: Path) -> None:
    header = "sent_at,user_id,text"
    one = f"{header}\n2024-04-01T10:00:00Z,ann,a\n2024-04-01T12:00:00Z,ann,c\n"
    other = f"{header}\n2024-04-01T11:00:00Z,bob,b\n"
    assert texts(read({"one.csv": one, "other.csv": other})) == ["a", "b", "c"]
    (tmp_path / "chat").mkdir()
    for name in ("a", "b"):
        (tmp_path / "chat" / f"{name}.csv").write_text("text\n" + "".join(f"{name}{at}\n" for at in range(9)))
    (tmp_path / "chat.columns.yaml").write_text("text: text\nshuffle_seed: 7\n")
    shuffled = texts(ingest(tmp_path / "chat", "chat"))
    assert sorted(shuffled) != shuffled == texts(ingest(tmp_path / "chat", "chat"))
    assert {text[0] for text in shuffled[:9]} == {"a", "b"}


@settings(max_examples=20, deadline=None)
@given(
    st.lists(st.tuples(st.sampled_from(["ann", "bob", "eve"]), st.booleans()), min_size=2, max_size=20),
    st.integers(0, 19),
    st.integers(0, 5),
)
def test_a_log_cut_in_two_is_read_as_the_whole_with_its_labels(
    acts: list[tuple[str, bool]], cut: int, overlap: int
) -> None:
    lines = [
        cleared(user, second=second) if is_act else said(f"line {second}", user=user, second=second)
        for second, (user, is_act) in enumerate(acts)
    ]
    lines.append(said("end", second=99))
    whole = read({"whole.log": irc(*lines)})
    parts = {"b.log": irc(*lines[: cut + overlap]), "a.log": irc(*lines[min(cut, len(lines) - 1) :])}
    try:
        together = read(parts)
    except ModerationError:  # Neither half holds a comment by which its format is told.
        return
    shown = ["comment_id", "position", "text", "sent_at", "label_action", "user_repeats"]
    assert together.comments.select(shown).equals(whole.comments.select(shown))
