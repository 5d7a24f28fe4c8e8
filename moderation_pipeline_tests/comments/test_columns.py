from __future__ import annotations

from pathlib import Path

import pytest

from moderation_pipeline.comments.columns import (
    ColumnsError,
    ColumnsSpec,
    columns_beside,
    columns_from_arguments,
)
from moderation_pipeline.comments.guessing import guessed_columns
from moderation_pipeline.comments.ingest import Ingested, ingest
from moderation_pipeline_tests.comments.lines import is_conserved

YAML = """
text: {column: message, separator: "[SEP]"}
user_id: author
channel: match
sent_at: {column: offset_s, seconds_after: 2020-01-01T00:00:00Z}
order_by: [match, seq]
label_is_violation: {column: intent, true_for: [E, I], null_for: [""]}
label_category: {column: kind, map: {insult: harassment}}
"""
ARGUMENTS = [
    "text={column: message, separator: '[SEP]'}",
    "user_id=author",
    "channel=match",
    "sent_at={column: offset_s, seconds_after: 2020-01-01T00:00:00Z}",
    "order_by=[match, seq]",
    "label_is_violation={column: intent, true_for: [E, I], null_for: ['']}",
    "label_category={column: kind, map: {insult: harassment}}",
]
CSV = """message,author,match,offset_s,seq,intent,kind
second [SEP] and more,a,m1,5,10,O,
first,b,m1,-8,9,E,insult
other match,c,m0,3,1,,
last,c,m1,9,11,I,
"""


def chat(folder: Path, text: str, *, name: str = "table.csv", columns: str | None = None) -> Ingested:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    if columns is not None:
        (folder / f"{name}.columns.yaml").write_text(columns, encoding="utf-8")
    return ingest(path, "chat")


def test_a_columns_file_says_everything_about_a_table(tmp_path: Path) -> None:
    ingested = chat(tmp_path, CSV, columns=YAML)
    rows = ingested.comments.select(
        "text", "user_id", "channel", "sent_at", "label_is_violation", "label_category", "label_source"
    )
    assert [(*row[:3], row[3].isoformat(), *row[4:]) for row in rows.rows()] == [
        ("other match", "c", "m0", "2020-01-01T00:00:03+00:00", None, None, None),
        ("first", "b", "m1", "2019-12-31T23:59:52+00:00", True, "harassment", "dataset"),
        ("second\nand more", "a", "m1", "2020-01-01T00:00:05+00:00", False, "none", "dataset"),
        ("last", "c", "m1", "2020-01-01T00:00:09+00:00", True, None, "dataset"),
    ]


def test_arguments_say_the_same_and_can_be_written_down(tmp_path: Path) -> None:
    spec = columns_from_arguments(ARGUMENTS)
    chat(tmp_path, CSV, columns=YAML)
    assert spec == columns_beside(tmp_path / "table.csv")
    (tmp_path / "again.csv.columns.yaml").write_text(spec.as_yaml(), encoding="utf-8")
    assert columns_beside(tmp_path / "again.csv") == spec


def test_a_column_may_have_any_name(tmp_path: Path) -> None:
    path = tmp_path / "table.csv"
    path.write_text("1,true\nhi,ann\n")
    spec = columns_from_arguments(["text=1", "user_id=true"])
    assert ingest(path, "chat", columns=spec).comments.select("text", "user_id").rows() == [("hi", "ann")]


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ("texts: message", ["no such key", "Did you mean 'text'?", "label_category"]),
        ("user_id: author", ["text", "missing"]),
        ("text: {colum: message}", ["text.colum", "no such key", "Allowed here: column, separator"]),
        ("text: message\norder_by: [a]\nshuffle_seed: 7", ["order_by and shuffle_seed exclude each other"]),
        ("text: message\nsent_at: {column: t, seconds_after: noon}", ["sent_at.seconds_after", "noon"]),
        ("text: message\nlabel_is_violation: [a]", ["label_is_violation"]),
        ("- text", ["holds list"]),
        ("text: [", ["not valid YAML"]),
    ],
)
def test_what_is_wrong_is_named_with_what_is_allowed(
    tmp_path: Path, content: str, expected: list[str]
) -> None:
    with pytest.raises(ColumnsError) as caught:
        chat(tmp_path, "message\nhi\n", columns=content)
    assert "table.csv.columns.yaml" in str(caught.value)
    for part in expected:
        assert part in str(caught.value)


@pytest.mark.parametrize("argument", ["text", "text=", "=message"])
def test_an_argument_that_is_no_pair_is_an_error(argument: str) -> None:
    with pytest.raises(ColumnsError):
        columns_from_arguments([argument])


def test_a_column_that_isn_t_there_is_named_with_those_that_are(tmp_path: Path) -> None:
    with pytest.raises(ColumnsError, match=r"no column 'mesage' Did you mean 'message'\?.*message, author"):
        chat(tmp_path, "message,author\nhi,ann\n", columns="text: mesage")


def test_our_own_names_need_no_saying(tmp_path: Path) -> None:
    ingested = chat(tmp_path, "text,user_id,label_category,sent_at\nhi,ann,spam,2024-01-01T00:00:00Z\n")
    row = ingested.comments.row(0, named=True)
    assert (row["label_category"], row["label_is_violation"], row["label_source"]) == (
        "spam",
        True,
        "dataset",
    )
    assert ingested.notes == []


def test_what_is_guessed_is_said_aloud(tmp_path: Path) -> None:
    ingested = chat(tmp_path, "Message,Author,toxic\nhi,ann,1\n")
    assert ingested.comments.select("text", "user_id").rows() == [("hi", "ann")]
    assert "The column 'Message' was taken as text." in ingested.notes
    assert "The column 'Author' was taken as user_id." in ingested.notes
    assert "Columns that were not read: toxic." in ingested.notes
    assert ingested.comments["label_is_violation"].to_list() == [None]


def test_a_table_without_anything_like_a_text_is_an_error_that_lists_its_columns() -> None:
    with pytest.raises(ColumnsError, match=r"a, b\. Say which it is: --column text=NAME"):
        guessed_columns(["a", "b"], Path("table.parquet"))


def test_foreign_labels_are_an_error_that_lists_them_all_and_shows_how_to_map(tmp_path: Path) -> None:
    rows = "text,label_category\nhi,insult\nho,insult\nhe,rude\nhu,spam\n"
    with pytest.raises(ColumnsError) as caught:
        chat(tmp_path, rows)
    for part in ("'insult' (2 times)", "'rude' (1 times)", "harassment", "map: {insult: other}"):
        assert part in str(caught.value)


def test_a_flag_that_is_neither_true_nor_false_rejects_its_row(tmp_path: Path) -> None:
    ingested = chat(tmp_path, "text,is_moderator\nhi,yes\nho,perhaps\nhe,\n")
    assert ingested.comments.select("text", "is_moderator").rows() == [("hi", True), ("he", False)]
    assert ingested.rejected_lines.select("line_number", "reason").rows() == [
        (3, "is_moderator is neither true nor false")
    ]
    assert is_conserved(ingested)


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("2024-01-01T00:00:00Z", "2024-01-01T00:00:00+00:00"),
        ("2024-01-01 01:00:00+01:00", "2024-01-01T00:00:00+00:00"),
        ("2024-01-01", "2024-01-01T00:00:00+00:00"),
        ("1704067200", "2024-01-01T00:00:00+00:00"),
        ("1704067200000", "2024-01-01T00:00:00+00:00"),
        ("1704067200000000", "2024-01-01T00:00:00+00:00"),
    ],
)
def test_times_are_read_however_they_are_written(tmp_path: Path, written: str, read: str) -> None:
    comments = chat(tmp_path, f"text,sent_at\nhi,{written}\n").comments
    assert comments["sent_at"][0].isoformat() == read


def test_a_time_that_can_t_be_read_rejects_its_row_and_none_is_null(tmp_path: Path) -> None:
    ingested = chat(tmp_path, "text,sent_at\nhi,2024-01-01T00:00:00Z\nho,soon\nhe,\n")
    assert ingested.comments.select("text", "sent_at").height == 2
    assert ingested.comments["sent_at"].null_count() == 1
    assert ingested.rejected_lines.height == 1


def test_a_table_is_in_the_order_of_its_times(tmp_path: Path) -> None:
    rows = "text,sent_at\nlate,2024-01-02T00:00:00Z\nearly,2024-01-01T00:00:00Z\n"
    assert chat(tmp_path, rows).comments["text"].to_list() == ["early", "late"]


def test_a_shuffle_is_the_same_for_the_same_seed_and_another_for_another(tmp_path: Path) -> None:
    table = "text\n" + "".join(f"line {at}\n" for at in range(50))
    orders = [
        tuple(chat(tmp_path, table, columns=f"text: text\nshuffle_seed: {seed}").comments["text"])
        for seed in (7, 7, 8)
    ]
    assert orders[0] == orders[1] != orders[2]
    assert sorted(orders[0]) == sorted(orders[2]) != list(orders[0])


def test_numbers_order_as_numbers(tmp_path: Path) -> None:
    ingested = chat(tmp_path, "text,n\nten,10\nnine,9\n", columns="text: text\norder_by: n")
    assert ingested.comments["text"].to_list() == ["nine", "ten"]


def test_columns_of_a_log_are_an_error(tmp_path: Path) -> None:
    path = tmp_path / "log.txt"
    path.write_text("PING :tmi.twitch.tv\n")
    with pytest.raises(ColumnsError, match="which is no table"):
        ingest(path, "chat", format="irc", columns=ColumnsSpec.model_validate({"text": "a"}))
