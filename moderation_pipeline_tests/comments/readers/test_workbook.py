from __future__ import annotations

import contextlib
import gzip
import io
import tempfile
import zipfile
from collections.abc import Callable, Sequence
from datetime import datetime
from pathlib import Path

import polars as pl
import pytest
import xlsxwriter
from hypothesis import given, settings
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from moderation_pipeline.comments.columns import ColumnsSpec, columns_from_arguments
from moderation_pipeline.comments.formats import UnreadableFileError
from moderation_pipeline.comments.ingest import ingest
from moderation_pipeline.comments.readers.columnar import DamagedTableError
from moderation_pipeline.comments.readers.workbook import WorkbookReader
from moderation_pipeline.comments.source import Source
from moderation_pipeline.comments.unread_formats import is_workbook
from moderation_pipeline.contest.table_evaluation import evaluate
from moderation_pipeline.errors import ModerationError
from moderation_pipeline_tests.comments.lines import is_conserved

Rows = Sequence[Sequence[object]]
Fill = Callable[[xlsxwriter.Workbook], None]

PLAIN: Rows = [["text", "user", "label"], ["hi", "ann", 0], ["die", "bob", 1], ["ho", "ann", 0]]

PARTS = ["workbook.xml", "worksheets/sheet1.xml", "sharedStrings.xml", "styles.xml"]


def filled(path: Path, fill: Fill) -> Path:
    book = xlsxwriter.Workbook(str(path))
    fill(book)
    book.close()
    return path


def of_rows(path: Path, rows: Rows, first: int = 0, column: int = 0) -> Path:
    return filled(path, lambda book: put(book.add_worksheet(), rows, first, column))


def put(sheet: xlsxwriter.worksheet.Worksheet, rows: Rows, first: int = 0, column: int = 0) -> None:
    for at, row in enumerate(rows, first):
        for place, value in enumerate(row, column):
            if isinstance(value, str):
                sheet.write_string(at, place, value)
            elif value is not None:
                sheet.write(at, place, value)


def table_of(path: Path, *columns: str) -> tuple[pl.DataFrame, list[int], list[str]]:
    """Return columns as they are read, Excel's numbers of their rows, and what was said."""
    reader = WorkbookReader(ColumnsSpec.model_validate({"text": columns[0]}))
    found = reader.whole(Source(path, "chat"), columns)
    return found.table, list(found.numbers), reader.notes


def rewritten(path: Path, change: Callable[[str, bytes], bytes | None]) -> Path:
    with zipfile.ZipFile(path) as file:
        parts = {name: file.read(name) for name in file.namelist()}
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as file:
        for name, raw in parts.items():
            if (changed := change(name, raw)) is not None:
                file.writestr(name, changed)
    return path


def scored(rows: int) -> pl.DataFrame:
    """A labelled table with scores of many digits, ids, times and texts that are hard to keep as they are."""
    texts = ["hi", "=1+1", "two\nlines", '"quoted", with commas', "Ünïcode 🙂", "0012", "true", "n/a"]
    return pl.DataFrame(
        {
            "text": [f"{texts[at % len(texts)]} {at}" for at in range(rows)],
            "author": [1_000_000 + at % 40 for at in range(rows)],
            "sent_at": [datetime(2024, 1, 1 + at % 28, at % 24, at % 60) for at in range(rows)],
            "toxic": [at % 3 == 0 for at in range(rows)],
            "kind": [["none", "spam", "hate"][at % 3] for at in range(rows)],
            "p": [(at * 0.6180339887498949) % 1 for at in range(rows)],
        }
    )


def test_a_workbook_is_the_same_chat_as_the_same_table_in_csv(tmp_path: Path) -> None:
    table = scored(300)
    table.write_csv(tmp_path / "table.csv")
    table.write_excel(tmp_path / "table.xlsx", autofit=False)
    spec = columns_from_arguments(
        ["text=text", "user_id=author", "sent_at=sent_at", "label_is_violation=toxic", "scores=p"]
    )
    workbook, csv = (ingest(tmp_path / f"table.{each}", "chat", columns=spec) for each in ("xlsx", "csv"))
    assert workbook.ingestion["format"].to_list() == ["xlsx"]
    # A text of two lines is two lines of a CSV, and by those a row without an id is named.
    assert_frame_equal(workbook.comments.drop("comment_id"), csv.comments.drop("comment_id"))
    assert is_conserved(workbook)


def test_a_workbook_is_judged_as_the_same_table_in_csv(tmp_path: Path) -> None:
    table = scored(300)
    table.write_csv(tmp_path / "table.csv")
    table.write_excel(tmp_path / "table.xlsx")
    workbook, csv = (
        evaluate(
            tmp_path / f"table.{each}",
            text="text",
            label="toxic",
            score="p",
            user="author",
            time="sent_at",
            category="kind",
            configs=(),
        )
        for each in ("xlsx", "csv")
    )
    assert workbook.judges.height == 1
    assert_frame_equal(workbook.judges, csv.judges)


def test_whole_numbers_have_no_point_and_rows_are_numbered_as_excel_counts_them(tmp_path: Path) -> None:
    rows: Rows = [["text", "id", "p"], ["hi", 12, 0.5], [], ["ho", 13, 1]]
    table, numbers, notes = table_of(of_rows(tmp_path / "t.xlsx", rows, 2, 1), "text", "id", "p")
    assert table["id"].to_list() == [12, 13]
    assert table["p"].to_list() == [0.5, 1.0]
    assert (numbers, notes) == ([4, 6], [])


def test_dates_are_times_and_booleans_flags_and_formulas_what_they_came_to(tmp_path: Path) -> None:
    def fill(book: xlsxwriter.Workbook) -> None:
        sheet = book.add_worksheet()
        sheet.write_row(0, 0, ["text", "when", "bad", "sum"])
        sheet.write_string(1, 0, "hi")
        when = book.add_format({"num_format": "yyyy-mm-dd hh:mm:ss"})
        sheet.write_datetime(1, 1, datetime(2024, 1, 5, 10, 30, 0, 250_000), when)
        sheet.write_boolean(1, 2, True)
        sheet.write_formula(1, 3, "=1+1", None, 2)

    table, _, _ = table_of(filled(tmp_path / "t.xlsx", fill), "text", "when", "bad", "sum")
    assert table.row(0) == ("hi", datetime(2024, 1, 5, 10, 30, 0, 250_000), True, 2)


def test_a_column_of_several_kinds_keeps_every_cell(tmp_path: Path) -> None:
    """The parser takes n/a for nothing and true for 1 among numbers, and gives a number as nine decimals in a text."""
    rows: Rows = [
        ["text", "p", "flag", "id"],
        ["a", 0.12345678901234, True, "007"],
        ["b", "n/a", 1, 12],
        ["c", 2.5e-12, False, "x"],
    ]
    table, _, notes = table_of(of_rows(tmp_path / "t.xlsx", rows), "text", "p", "flag", "id")
    assert [table["p"][0], table["p"][1], float(table["p"][2])] == ["0.12345678901234", "n/a", 2.5e-12]
    assert table["flag"].to_list() == ["true", "1", "false"]
    assert table["id"].to_list() == ["007", "12", "x"]
    assert notes == []


def test_a_value_that_comes_late_is_read_as_what_it_is(tmp_path: Path) -> None:
    rows: Rows = [["text", "id"], *(["hi", at] for at in range(3_000)), ["ho", "abc"]]
    table, _, _ = table_of(of_rows(tmp_path / "t.xlsx", rows), "text", "id")
    assert table["id"].to_list() == [*map(str, range(3_000)), "abc"]


@pytest.mark.parametrize("other", [123456789012345678, "u-7"])
def test_ids_that_excel_rounded_are_said_whatever_stands_beside_them(tmp_path: Path, other: object) -> None:
    rows: Rows = [["text", "user_id"], ["hi", 108418273645092864], ["ho", other]]
    notes = ingest(of_rows(tmp_path / "t.xlsx", rows), "chat").notes
    count = 2 if isinstance(other, int) else 1
    assert any(note.startswith(f"{count} values of ") and "are rounded numbers" in note for note in notes)


def test_ids_that_are_texts_are_kept_to_the_last_digit(tmp_path: Path) -> None:
    rows: Rows = [["text", "user_id"], ["hi", "108418273645092864"], ["ho", "108418273645092865"]]
    ingested = ingest(of_rows(tmp_path / "t.xlsx", rows), "chat")
    assert ingested.comments["user_id"].to_list() == ["108418273645092864", "108418273645092865"]
    assert not any("rounded" in note for note in ingested.notes)


def test_cells_that_hold_errors_are_empty_and_counted_in_the_columns_that_are_read(tmp_path: Path) -> None:
    def fill(book: xlsxwriter.Workbook) -> None:
        sheet = book.add_worksheet()
        put(sheet, [["text", "p", "other"], ["hi", 0.5], ["ho"], ["he"]])
        sheet.write_formula(2, 1, "=NA()", None, "#N/A")
        sheet.write_formula(3, 1, "=A99/0", None, "#DIV/0!")
        sheet.write_formula(3, 2, "=Z(1)", None, "#NAME?")

    table, _, notes = table_of(filled(tmp_path / "t.xlsx", fill), "text", "p")
    assert table["p"].to_list() == [0.5, None, None]
    assert notes == ["2 cells of column 'p' hold an error (#DIV/0!, #N/A) and were read as empty."]


def test_formulas_that_were_never_computed_are_said(tmp_path: Path) -> None:
    def fill(book: xlsxwriter.Workbook) -> None:
        sheet = book.add_worksheet()
        put(sheet, [["text", "p"], ["hi", 0.5], ["ho"]])
        sheet.write_formula(2, 1, "=1-B2", None, 7.25)

    path = filled(tmp_path / "t.xlsx", fill)
    rewritten(path, lambda _, raw: raw.replace(b"<v>7.25</v>", b"<v></v>"))
    table, _, notes = table_of(path, "text", "p")
    assert table["p"].to_list() == [0.5, None]
    assert len(notes) == 1
    assert notes[0].startswith("1 cells of column 'p' hold formulas that were never computed")


def test_merged_cells_of_a_column_that_is_read_are_an_error_and_others_are_none(tmp_path: Path) -> None:
    def fill(book: xlsxwriter.Workbook) -> None:
        sheet = book.add_worksheet()
        sheet.merge_range(0, 0, 0, 2, "Labels of 2024")
        put(sheet, [["text", "user", "label"], ["hi", "ann"], ["ho", "bob"]], 1)
        sheet.merge_range(2, 2, 3, 2, 1)

    path = filled(tmp_path / "t.xlsx", fill)
    with pytest.raises(
        ModerationError, match=r"C3:C4 of the sheet 'Sheet1' are merged.*column 'label'.*Unmerge"
    ):
        table_of(path, "text", "label")
    table, _, notes = table_of(path, "text", "user")
    assert table["user"].to_list() == ["ann", "bob"]
    assert notes == ["The header is row 2. 1 rows above it were not read: Labels of 2024"]


def test_a_title_above_the_header_is_left_out_and_said(tmp_path: Path) -> None:
    rows: Rows = [["Report"], ["made by", "Ann"], [], *PLAIN]
    path = of_rows(tmp_path / "t.xlsx", rows)
    table, numbers, notes = table_of(path, "text", "label")
    assert (table.height, numbers) == (3, [5, 6, 7])
    assert notes == ["The header is row 4. 2 rows above it were not read: Report | made by | Ann"]


def test_empty_rows_and_columns_at_the_end_are_no_part_of_the_table(tmp_path: Path) -> None:
    def fill(book: xlsxwriter.Workbook) -> None:
        sheet = book.add_worksheet()
        put(sheet, PLAIN)
        yellow = book.add_format({"bg_color": "yellow"})
        sheet.write_blank(500, 50, None, yellow)
        sheet.write_string(600, 0, "")

    path = filled(tmp_path / "t.xlsx", fill)
    reader = WorkbookReader()
    assert reader.column_names(Source(path, "chat")) == ["text", "user", "label"]
    assert ingest(path, "chat").comments.height == 3


def test_a_column_without_a_name_is_called_by_its_letter_and_one_of_two_names_is_said(tmp_path: Path) -> None:
    rows: Rows = [["text", None, "user", "user"], ["hi", 3, "ann", "bob"]]
    path = of_rows(tmp_path / "t.xlsx", rows)
    table, _, notes = table_of(path, "text", "column B", "user")
    assert table.row(0) == ("hi", 3, "ann")
    assert notes == ["The header has 'user' more than once; the first was read."]


def test_a_table_without_a_header_is_told_how_to_name_its_columns_and_read_when_they_are(
    tmp_path: Path,
) -> None:
    path = of_rows(
        tmp_path / "t.xlsx", [["2024-01-05 10:00:00", "ann", "hi"], ["2024-01-05 10:00:01", "bob", "ho"]]
    )
    with pytest.raises(ModerationError, match=r"has no header.*--column 'names=\[time, user, text\]'"):
        ingest(path, "chat", columns=columns_from_arguments(["text=text"]))
    named = ingest(path, "chat", columns=columns_from_arguments(["names=[time, user, text]"]))
    assert named.comments["text"].to_list() == ["hi", "ho"]
    with pytest.raises(ModerationError, match="names lists 2 columns"):
        ingest(path, "chat", columns=columns_from_arguments(["names=[user, text]"]))


def several(path: Path, *, hide: Sequence[str] = ()) -> Path:
    def fill(book: xlsxwriter.Workbook) -> None:
        for name in ("About", "Labels", "Old"):
            sheet = book.add_worksheet(name)
            rows: Rows = [*PLAIN, [f"of {name}", "cleo", 1]]
            put(sheet, [["One line"]] if name == "About" else rows)
            if name in hide:
                sheet.hide()

    return filled(path, fill)


def test_several_sheets_with_tables_are_an_error_until_one_is_said(tmp_path: Path) -> None:
    path = several(tmp_path / "t.xlsx")
    with pytest.raises(
        ModerationError, match=r"several sheets with rows: 'Labels' \(5 rows\), 'Old' \(5 rows\)\. Say"
    ):
        ingest(path, "chat")
    chosen = ingest(path, "chat", columns=columns_from_arguments(["sheet=Old"]))
    assert chosen.comments["text"].to_list()[-1] == "of Old"
    assert "The sheet 'Old' was read; not read: 'About', 'Labels'." in chosen.notes
    found = evaluate(path, text="text", label="label", sheet="Labels")
    assert any("The sheet 'Labels' was read" in note for note in found.notes)
    with pytest.raises(ModerationError, match=r"no sheet 'labels'\. Did you mean 'Labels'\?"):
        evaluate(path, text="text", label="label", sheet="labels")


def test_a_hidden_sheet_gives_way_to_one_that_is_seen_and_is_said(tmp_path: Path) -> None:
    ingested = ingest(several(tmp_path / "t.xlsx", hide=["Old"]), "chat")
    assert ingested.comments["text"].to_list()[-1] == "of Labels"
    assert "The sheet 'Labels' was read; not read: 'About', 'Old' (hidden)." in ingested.notes
    alone = ingest(
        several(tmp_path / "u.xlsx", hide=["Old", "Labels"]), "chat", columns=ColumnsSpec(sheet="Old")
    )
    assert "The sheet 'Old' (hidden) was read; not read: 'About', 'Labels' (hidden)." in alone.notes


def test_a_sheet_that_is_said_of_what_is_no_workbook_is_an_error(tmp_path: Path) -> None:
    path = tmp_path / "table.csv"
    path.write_text("text,label\nhi,1\nho,0\n")
    with pytest.raises(ModerationError, match="is no workbook"):
        ingest(path, "chat", columns=columns_from_arguments(["sheet=Labels"]))
    with pytest.raises(ModerationError, match="is no workbook"):
        evaluate(path, text="text", label="label", sheet="Labels")


def test_a_workbook_without_a_cell_is_said_to_hold_nothing(tmp_path: Path) -> None:
    with pytest.raises(ModerationError, match="no cell with anything in it"):
        ingest(of_rows(tmp_path / "t.xlsx", []), "chat")


def test_a_header_alone_is_a_table_of_no_rows(tmp_path: Path) -> None:
    table, numbers, _ = table_of(of_rows(tmp_path / "t.xlsx", PLAIN[:1]), "text", "label")
    assert (table.height, table.columns, numbers) == (0, ["text", "label"], [])


def test_a_workbook_is_told_by_what_is_in_it_and_other_archives_are_none(tmp_path: Path) -> None:
    path = of_rows(tmp_path / "table.csv", PLAIN)
    assert ingest(path, "chat").ingestion["format"].to_list() == ["xlsx"]
    for names in (
        ["[Content_Types].xml", "word/document.xml", "xl/workbook.xml"],
        ["table.xlsx", "xl/workbook.xml"],
    ):
        whole = io.BytesIO()
        with zipfile.ZipFile(whole, "w") as file:
            for name in names:
                file.writestr(name, path.read_bytes() if name == "table.xlsx" else b"<x/>")
        assert not is_workbook(whole.getvalue())
        other = tmp_path / "other.xlsx"
        other.write_bytes(whole.getvalue())
        with pytest.raises(
            UnreadableFileError, match="a ZIP archive, a document or a workbook of another kind"
        ):
            ingest(other, "chat")


def test_a_binary_workbook_is_asked_for_as_xlsx(tmp_path: Path) -> None:
    path = of_rows(tmp_path / "t.xlsb", PLAIN)
    rewritten(path, lambda name, raw: None if name == "xl/workbook.xml" else raw)
    with pytest.raises(ModerationError, match=r"another kind than \.xlsx .*Save it as \.xlsx"):
        ingest(path, "chat")


def test_a_workbook_within_gzip_is_refused_with_what_to_do(tmp_path: Path) -> None:
    path = of_rows(tmp_path / "t.xlsx", PLAIN)
    path.write_bytes(gzip.compress(path.read_bytes()))
    with pytest.raises(ModerationError, match=r"within gzip or zstd.* Unpack it first"):
        ingest(path, "chat")


@pytest.mark.parametrize("kept", [0.3, 0.7, 0.98])
def test_a_workbook_that_is_not_whole_is_an_error(tmp_path: Path, kept: float) -> None:
    path = of_rows(tmp_path / "t.xlsx", PLAIN)
    raw = path.read_bytes()
    path.write_bytes(raw[: int(len(raw) * kept)])
    with pytest.raises(DamagedTableError, match="begins as a workbook but can't be read"):
        ingest(path, "chat", format="xlsx")


@pytest.mark.parametrize("part", PARTS)
def test_a_part_that_is_cut_off_is_an_error_or_read_as_it_was(tmp_path: Path, part: str) -> None:
    """No part's damage may go unsaid where it takes a value with it."""
    path = of_rows(tmp_path / "t.xlsx", PLAIN)
    rewritten(path, lambda name, raw: raw[: len(raw) * 2 // 3] if name == f"xl/{part}" else raw)
    try:
        found, _, _ = table_of(path, "text", "user", "label")
    except ModerationError:
        return
    assert found.rows() == [tuple(row) for row in PLAIN[1:]]


def test_a_workbook_with_a_password_is_told_to_be_saved_without_one(tmp_path: Path) -> None:
    path = of_rows(tmp_path / "t.xlsx", PLAIN)
    raw = bytearray(path.read_bytes())
    at = -1
    while (at := raw.find(b"PK\x01\x02", at + 1)) >= 0:
        raw[at + 8] |= 1
    path.write_bytes(bytes(raw))
    with pytest.raises(ModerationError, match="has a password"):
        ingest(path, "chat")


def test_what_a_workbook_unpacks_to_is_bounded_before_anything_is_parsed(tmp_path: Path) -> None:
    path = of_rows(tmp_path / "t.xlsx", PLAIN)
    rewritten(path, lambda name, raw: raw + b" " * 280_000_000 if name == "xl/styles.xml" else raw)
    with pytest.raises(DamagedTableError, match="it grows to more than 500 times its size"):
        ingest(path, "chat")


def test_one_long_text_that_many_cells_share_is_counted_for_each(tmp_path: Path) -> None:
    path = of_rows(tmp_path / "t.xlsx", [["text"], *(["a" * 30_000] for _ in range(10_000))])
    with pytest.raises(DamagedTableError, match="it grows to more than 500 times its size"):
        ingest(path, "chat")


def test_two_cells_at_a_sheets_ends_are_no_table(tmp_path: Path) -> None:
    path = filled(tmp_path / "t.xlsx", lambda book: put(book.add_worksheet(), [["text"]], 1_048_575, 16_383))
    with pytest.raises(DamagedTableError, match="1 cells of the sheet 'Sheet1' span 17,179,869,184 places"):
        ingest(path, "chat")


@settings(max_examples=40, deadline=None)
@given(st.sampled_from(PARTS), st.floats(0, 1), st.integers(0, 20), st.binary(max_size=8))
def test_a_workbook_with_any_part_changed_anywhere_is_read_or_an_error_of_ours(
    part: str, place: float, gone: int, put_in: bytes
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = of_rows(Path(folder, "t.xlsx"), PLAIN)

        def changed(name: str, raw: bytes) -> bytes:
            at = int(len(raw) * place)
            return raw[:at] + put_in + raw[at + gone :] if name == f"xl/{part}" else raw

        rewritten(path, changed)
        with contextlib.suppress(ModerationError):
            assert is_conserved(ingest(path, "chat"))
