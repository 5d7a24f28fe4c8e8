from __future__ import annotations

import unicodedata
from pathlib import Path

import polars as pl
import pytest

from moderation_pipeline.comments.columns import (
    ColumnsError,
    ColumnsSpec,
    columns_beside,
    columns_from_arguments,
)
from moderation_pipeline.comments.guessing import guessed_columns
from moderation_pipeline.comments.ingest import Ingested, ingest
from moderation_pipeline.errors import ModerationError
from moderation_pipeline_tests.comments.lines import is_conserved, read, written

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


def test_a_table_says_that_its_labels_are_what_moderators_did(tmp_path: Path) -> None:
    comments = chat(tmp_path, CSV, columns=f"{YAML}labelled_by: moderators\n").comments
    labelled = comments.drop_nulls("label_is_violation")
    assert set(labelled["label_source"]) == {"moderators"}
    assert comments.height > labelled.height
    assert comments["label_source"].null_count() == comments.height - labelled.height
    with pytest.raises(ColumnsError, match="labelled_by"):
        chat(tmp_path, CSV, name="other.csv", columns=f"{YAML}labelled_by: somebody\n")


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
    with pytest.raises(ColumnsError, match=r"no column 'mesage'\. Did you mean 'message'\?.*message, author"):
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


@pytest.mark.parametrize(
    ("listed", "held", "others"),
    [
        ("[OFF]", "OFF", "NOT"),
        ("[yes]", "yes", "no"),
        ("[True]", "True", "False"),
        ("[true]", "True", "False"),
        ("[1, 2]", "1.0", "2.00"),
        ("1", "1.0", "0.0"),
        ("[01]", "1", "0"),
        ("['1']", "1", "0"),
        ("[2024-01-05]", "2024-01-05", "never"),
        ("[0x1F]", "0x1F", "0"),
    ],
)
def test_listed_values_are_what_the_owner_wrote_whatever_yaml_makes_of_it(
    tmp_path: Path, listed: str, held: str, others: str
) -> None:
    label = f"label_is_violation: {{column: bad, true_for: {listed}, null_for: [none of both]}}"
    rows = f"message,bad\nhi,{held}\nho,{others}\nhe,\nhu,none of both\n"
    ingested = chat(tmp_path, rows, columns=f"text: message\n{label}\n")
    expected = [True, listed == "[1, 2]", None, None]
    assert ingested.comments["label_is_violation"].to_list() == expected
    argument = label.replace(": ", "=", 1)
    spec = columns_from_arguments(["text=message", argument])
    assert spec == columns_beside(tmp_path / "table.csv")


@pytest.mark.parametrize("suffix", ["csv", "jsonl", "json", "parquet"])
def test_a_listed_value_that_occurs_nowhere_is_an_error_that_shows_those_that_do(
    tmp_path: Path, suffix: str
) -> None:
    path = written(
        pl.DataFrame({"text": ["hi", "ho", "he"], "bad": ["OFF", "NOT", "NOT"]}), tmp_path / f"table.{suffix}"
    )
    spec = columns_from_arguments(["text=text", "label_is_violation={column: bad, true_for: [OFF, HATE]}"])
    with pytest.raises(ColumnsError) as caught:
        ingest(path, "chat", columns=spec)
    for part in ("'HATE'", "true_for", "'NOT' (2 times), 'OFF' (1 times)"):
        assert part in str(caught.value)


@pytest.mark.parametrize("key", ["true_for", "null_for"])
def test_a_listed_value_that_is_there_in_another_spelling_too_is_an_error(tmp_path: Path, key: str) -> None:
    table = pl.DataFrame({"text": ["hi", "ho", "he"], "bad": ["hate", "Hate ", "ok"]})
    others = "true_for: [ok], " if key == "null_for" else ""
    for listed, is_read in (("[hate]", False), ("[hate, Hate]", True)):
        path = written(table, tmp_path / "table.csv")
        spec = columns_from_arguments(
            ["text=text", f"label_is_violation={{column: bad, {others}{key}: {listed}}}"]
        )
        if is_read:
            labels = ingest(path, "chat", columns=spec).comments["label_is_violation"].to_list()
            assert labels == ([True, True, False] if key == "true_for" else [None, None, True])
        else:
            with pytest.raises(ColumnsError, match=r"holds 'Hate ' \(1 times\), which differs from 'hate'"):
                ingest(path, "chat", columns=spec)


def test_no_value_of_a_label_is_proposed_as_the_violation(tmp_path: Path) -> None:
    path = written(
        pl.DataFrame({"text": ["hi", "ho", "he"], "bad": ["ok", "ok", "hate"]}), tmp_path / "table.csv"
    )
    with pytest.raises(ColumnsError, match=r"true_for: \[VALUE\]"):
        ingest(path, "chat", columns=columns_from_arguments(["text=text", "label_is_violation=bad"]))


def test_ids_that_a_spreadsheet_rounded_are_said(tmp_path: Path) -> None:
    ids = ["1.08418E+17", "1,08418E+17", "108418273645092864"]
    path = written(pl.DataFrame({"text": ["hi", "ho", "he"], "user_id": ids}), tmp_path / "table.tsv")
    notes = ingest(path, "chat").notes
    assert any("2 values of user_id (column 'user_id') are rounded numbers" in note for note in notes)


@pytest.mark.parametrize("suffix", ["csv", "jsonl", "json", "parquet"])
def test_a_mapped_column_that_isn_t_there_is_the_same_error_in_every_kind_of_table(
    tmp_path: Path, suffix: str
) -> None:
    path = written(pl.DataFrame({"text": ["hi"], "who": ["ann"]}), tmp_path / f"table.{suffix}")
    with pytest.raises(ColumnsError, match=r"has no column 'woh'\. Did you mean 'who'\?.*text, who"):
        ingest(path, "chat", columns=columns_from_arguments(["text=text", "user_id=woh"]))


SCORES = "text,rude,threat,score\nhi,0,0,0.1\nho,1,0,0.5\nhe,0,,\nhu,,1,0.93\n"


@pytest.mark.parametrize(
    ("label", "expected"),
    [
        ("{any_of: [rude, threat]}", [False, True, None, True]),
        ("{column: [rude, threat], true_for: [1]}", [False, True, None, True]),
        ("{column: score, at_least: 0.5}", [False, True, None, True]),
        ("{any_of: [rude, score], at_least: 0.9}", [False, True, None, True]),
    ],
)
def test_a_label_may_be_any_of_several_columns_or_a_score(
    tmp_path: Path, label: str, expected: list[bool | None]
) -> None:
    ingested = chat(tmp_path, SCORES, columns=f"text: text\nlabel_is_violation: {label}\n")
    assert ingested.comments["label_is_violation"].to_list() == expected


def test_a_score_without_a_threshold_is_an_error_that_shows_how_to_say_one(tmp_path: Path) -> None:
    with pytest.raises(ColumnsError, match=r"at_least: 0\.5"):
        chat(tmp_path, SCORES, columns="text: text\nlabel_is_violation: score\n")


def test_a_score_that_is_no_number_is_an_error_that_shows_it(tmp_path: Path) -> None:
    columns = "text: text\nlabel_is_violation: {column: score, at_least: 0.5}\n"
    with pytest.raises(ColumnsError, match=r"'much' \(1 times\)\. With at_least it must hold numbers"):
        chat(tmp_path, SCORES + "ha,0,0,much\n", columns=columns)


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        (
            "text,user_id,label_is_violation\nhi,,0\nho,,0\n",
            "user_id (column 'user_id') is null in all 2 rows",
        ),
        ("text,label_is_violation\nhi,0\nho,0\n", "The column holds '0' (2 times)."),
        ("text,label_action\nhi,allow\nho,\n", "label_action (column 'label_action') is allow in every row"),
    ],
)
def test_a_user_or_label_that_comes_to_nothing_is_said(tmp_path: Path, rows: str, said: str) -> None:
    assert any(said in note for note in chat(tmp_path, rows).notes)


def test_a_map_of_what_never_comes_is_said_and_no_error(tmp_path: Path) -> None:
    """Whatever a map doesn't list is an error by itself, so one that lists more can't be silently wrong."""
    columns = "text: text\nlabel_category: {column: kind, map: {rude: harassment, 2: spam}}\n"
    ingested = chat(tmp_path, "text,kind\nhi,2.0\nho,\n", columns=columns)
    assert ingested.comments["label_category"].to_list() == ["spam", None]
    assert any("maps 'rude', but its column never holds that" in note for note in ingested.notes)


@pytest.mark.parametrize(
    ("header", "ours"),
    [
        ("user-id", "user_id"),
        ("User.ID", "user_id"),
        ("userId", "user_id"),
        ("author id", "user_id"),
        ("display-name", "user_name"),
        ("tmi-sent-ts", "sent_at"),
        ("createdAt", "sent_at"),
        ("room-id", "channel"),
        ("mod", "is_moderator"),
        ("first-msg", "is_first_message"),
        ("reply-parent-msg-id", "reply_to"),
    ],
)
def test_a_name_is_guessed_whatever_stands_between_its_words(header: str, ours: str) -> None:
    guess = guessed_columns([header, "Message"], Path("table.csv"))
    assert ours in guess.guessed
    assert f"The column {header!r} was taken as {ours}." in guess.notes


def test_a_guessed_flag_that_is_none_loses_no_comment(tmp_path: Path) -> None:
    ingested = chat(tmp_path, "text,mod\nhi,1.0\nho,see below\n")
    assert ingested.comments["is_moderator"].to_list() == [True, False]
    assert any(
        "is_moderator, a guess, is neither true nor false in 1 rows" in note for note in ingested.notes
    )


def test_users_who_have_a_name_alone_are_told_apart_by_it(tmp_path: Path) -> None:
    ingested = chat(tmp_path, "text,display_name\nhi,Ann\nho,Bob\n")
    assert ingested.comments["user_id"].to_list() == ["Ann", "Bob"]
    assert any("told apart by user_name" in note for note in ingested.notes)


def test_a_format_and_a_zone_of_times_can_be_said(tmp_path: Path) -> None:
    columns = "text: text\nsent_at: {column: t, format: '%d/%m/%Y %H:%M', zone: Europe/Berlin}\n"
    ingested = chat(tmp_path, "text,t\nhi,05/07/2024 10:00\nho,13/01/2024 10:00\nhe,\n", columns=columns)
    assert [each and each.isoformat() for each in ingested.comments["sent_at"]] == [
        "2024-01-13T09:00:00+00:00",
        "2024-07-05T08:00:00+00:00",
        None,
    ]


def test_times_in_the_hour_that_comes_twice_are_told_apart_and_counted(tmp_path: Path) -> None:
    times = ["01:59", "02:30", "02:59", "02:01", "02:30", "03:00"]
    rows = "text,t\n" + "".join(f"line,2024-10-27 {each}:00\n" for each in times)
    ingested = chat(tmp_path, rows, columns="text: text\nsent_at: {column: t, zone: Europe/Berlin}\n")
    assert [each.strftime("%H:%M") for each in ingested.comments["sent_at"]] == [
        *("23:59", "00:30", "00:59", "01:01", "01:30", "02:00")
    ]
    assert any(note.startswith("4 times are in an hour that came twice") for note in ingested.notes)


def test_a_time_that_can_t_be_read_is_shown_with_what_is_allowed_and_the_option(tmp_path: Path) -> None:
    with pytest.raises(ModerationError) as caught:
        chat(tmp_path, "text,timestamp\nhi,13/01/2024 10:01\n")
    for part in ("'13/01/2024 10:01'", "ISO 8601", "sent_at: {column: timestamp, format: '%d/%m/%Y %H:%M'}"):
        assert part in str(caught.value)


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ("text: a\nsent_at: {column: t, format: '%H:%M'}", ["sent_at.format", "has no year"]),
        ("text: a\nsent_at: {column: t, format: '%Y %Q'}", ["sent_at.format", "is no format of a time"]),
        ("text: a\nsent_at: {column: t, zone: Berlin}", ["sent_at.zone", "there is no zone 'Berlin'"]),
        ("text: a\nlabel_is_violation: {true_for: [1]}", ["say which column it is"]),
        ("text: a\nlabel_is_violation: {column: b, true_for: [1], at_least: 1}", ["exclude each other"]),
        ("text: a\nrecords: 'a[0]'", ["records", "is no path to records", "data.items[]"]),
        ("names: [a, a]", ["names", "twice"]),
        ("encoding: latin-99", ["encoding", "there is no encoding 'latin-99'"]),
    ],
)
def test_what_is_wrong_of_the_newer_keys_is_named_too(
    tmp_path: Path, content: str, expected: list[str]
) -> None:
    test_what_is_wrong_is_named_with_what_is_allowed(tmp_path, content, expected)


def test_names_of_a_file_without_a_header_can_be_said_and_the_rest_is_guessed(tmp_path: Path) -> None:
    ingested = chat(tmp_path, "2024-01-05 10:00;ann;hi, you\n", columns="names: [time, user, text]\n")
    assert ingested.comments.select("user_id", "text").rows() == [("ann", "hi, you")]
    assert ingested.comments["comment_id"].to_list() == ["line-1"]
    with pytest.raises(ColumnsError, match="names lists 2 columns"):
        chat(tmp_path, "2024-01-05 10:00;ann;hi\n", columns="names: [time, text]\n")


def test_an_argument_given_twice_is_an_error() -> None:
    with pytest.raises(ColumnsError, match="--column text is given twice"):
        columns_from_arguments(["text=a", "text=b"])


def test_authors_whose_accounts_are_gone_are_nobody_and_not_one_user(tmp_path: Path) -> None:
    path = tmp_path / "table.jsonl"
    rows = [("ann", "hi"), ("[deleted]", "ho"), ("[deleted]", "he")]
    path.write_text(
        "\n".join(f'{{"author": "{who}", "body": "{text}", "subreddit": "x"}}' for who, text in rows)
    )
    ingested = ingest(path, "chat")
    assert ingested.comments.select("user_id", "channel").rows() == [("ann", "x"), (None, "x"), (None, "x")]
    assert any("2 comments are of [deleted]" in note for note in ingested.notes)


def test_an_id_written_as_a_float_is_the_same_id() -> None:
    assert read(b"user_id,text\n12.0,hi\n12,ho\nann.0,he\n").comments["user_id"].to_list() == [
        "12",
        "12",
        "ann.0",
    ]


@pytest.mark.parametrize("text", ["<p>hi</p>", "hi<br />ho", 'hi <a href=\\"x\\">there</a>'])
def test_texts_of_html_are_said(tmp_path: Path, text: str) -> None:
    path = tmp_path / "table.jsonl"
    path.write_text(
        f'{{"content": "{text}", "account": {{"id": "7", "acct": "ann@x"}}}}\n{{"content": "1 < 2 > 0"}}'
    )
    ingested = ingest(path, "chat")
    assert any("1 texts are HTML" in note for note in ingested.notes)
    assert ingested.comments.select("user_id", "user_name").row(0) == ("7", "ann@x")


@pytest.mark.parametrize(
    "header",
    [
        "Nachricht;Benutzer;Datum",
        "mensaje;usuario;fecha",
        "сообщение;пользователь;дата",
        "本文;投稿者;日時",
        "Nachricht;Nutzer;Zeit",
        "сообщение;автор;время",
    ],
)
def test_columns_are_guessed_in_other_languages_too(header: str) -> None:
    ingested = read(f"{header}\nhi;ann;2024-05-06 18:00\n".encode())
    row = ingested.comments.select("text", "user_id", pl.col("sent_at").dt.hour()).row(0)
    assert row == ("hi", "ann", 18)


@pytest.mark.parametrize(
    ("written", "seen"),
    [
        ("order_by=[n]", "in the order of n"),
        ("shuffle_seed=7", "shuffled, with the seed 7"),
        ("user_id=n", "file's order"),
    ],
)
def test_the_order_of_rows_without_a_time_is_the_one_that_was_said(
    tmp_path: Path, written: str, seen: str
) -> None:
    path = tmp_path / "table.csv"
    path.write_text("text,n\nhi,2\nho,1\n")
    notes = ingest(path, "chat", columns=columns_from_arguments(["text=text", written])).notes
    said = [note for note in notes if "order" in note or "shuffled" in note]
    assert len(said) == 1
    assert seen in said[0]


def test_times_in_nanoseconds_are_times() -> None:
    ingested = read(b"timestamp,text\n1715018400000000000,hi\n1715018401000000000,ho\n")
    assert ingested.comments["sent_at"][0].isoformat() == "2024-05-06T18:00:00+00:00"


def test_ids_that_json_holds_as_floats_of_too_many_digits_are_said(tmp_path: Path) -> None:
    path = tmp_path / "table.jsonl"
    path.write_text('{"text": "hi", "user_id": 1.0841827364509286e+18}\n{"text": "ho", "user_id": 12.0}')
    ingested = ingest(path, "chat")
    assert any("1 values of user_id" in note for note in ingested.notes)
    assert ingested.comments["user_id"].to_list()[1] == "12"


@pytest.mark.parametrize("column", ["banned", "was_removed", "severity", "etiqueta"])
def test_a_column_that_says_what_was_done_may_be_a_label_and_is_never_taken_for_one(column: str) -> None:
    ingested = read(f"text,{column}\nhi,1\n".encode())
    assert ingested.comments["label_is_violation"].null_count() == 1
    assert any(f"Of these, {column} may be labels" in note for note in ingested.notes)


def test_accents_that_are_letters_of_their_own_are_the_letters_that_one_types(tmp_path: Path) -> None:
    decomposed = unicodedata.normalize("NFD", "texte,modéré\nsalut,gênant\nvoilà,ça va\n")
    path = tmp_path / "table.csv"
    path.write_text(decomposed)
    spec = columns_from_arguments(["text=texte", "label_is_violation={column: modéré, true_for: [gênant]}"])
    assert ingest(path, "chat", columns=spec).comments["label_is_violation"].to_list() == [True, False]


def test_who_says_the_text_alone_is_told_how_to_have_users_and_times_read_too(tmp_path: Path) -> None:
    ingested = chat(
        tmp_path, "body,author,created_at,room,x\nhi,ann,2024-01-05 10:00:00,a,1\n", columns="text: body"
    )
    assert ingested.comments["user_id"].to_list() == [None]
    assert (
        "Where the text is said, nothing else is guessed. Read these too with --column user_id=author "
        "--column sent_at=created_at --column channel=room." in ingested.notes
    )


def test_a_table_that_is_no_stream_is_not_told_that_it_has_times(tmp_path: Path) -> None:
    ingested = chat(
        tmp_path, "body,created_at\nhi,2024-01-05 10:00:00\n", columns="text: body\nshuffle_seed: 7"
    )
    assert not any("nothing else is guessed" in note for note in ingested.notes)


def test_spaces_around_an_id_make_no_other_user(tmp_path: Path) -> None:
    ingested = chat(tmp_path, "text, user_id, channel\na, amy, x\nb,amy,x \nc,amy ,x\n")
    assert ingested.comments["user_id"].to_list() == ["amy"] * 3
    assert ingested.comments["channel"].to_list() == ["x"] * 3


def test_a_value_that_is_both_a_violation_and_no_label_is_an_error() -> None:
    with pytest.raises(ColumnsError, match=r"true_for and null_for both list 'hate'"):
        columns_from_arguments(
            ["text=t", "label_is_violation={column: l, true_for: [hate], null_for: [hate]}"]
        )


def test_a_column_without_a_name_is_said_not_to_be_read(tmp_path: Path) -> None:
    ingested = chat(tmp_path, ",text\n0,hi\n")
    assert "Columns that were not read: one without a name." in ingested.notes
