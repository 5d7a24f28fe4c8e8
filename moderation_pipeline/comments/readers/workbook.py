"""Excel's workbooks (.xlsx): the one sheet that is a table, its header found, each cell as what it is.

What is looked at before anything is parsed (growth, hidden sheets, errors, merged cells) is in `workbook_parts.py`.
"""

from __future__ import annotations

import logging
import unicodedata
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Literal, NamedTuple, NoReturn

import polars as pl

from moderation_pipeline.comments.columns import ColumnsSpec
from moderation_pipeline.comments.guessing import looks_like_the_text
from moderation_pipeline.comments.readers.columnar import (
    ROWS_OF_COLUMNS,
    DamagedTableError,
    WrappedTableError,
    reading,
    without_too_long,
)
from moderation_pipeline.comments.readers.csv_table import NoHeaderError, WrongNamesError, is_a_value
from moderation_pipeline.comments.readers.table import Batch, TableReader
from moderation_pipeline.comments.readers.workbook_parts import (
    CALLED,
    Sheet,
    WorkbookError,
    letters_of,
    opened,
)
from moderation_pipeline.comments.source import Source
from moderation_pipeline.comments.unread_formats import ZIP_MAGIC, is_workbook
from moderation_pipeline.comments.values import MOST_EXACT_ID, rounded_note
from moderation_pipeline.errors import closest

if TYPE_CHECKING:
    from fastexcel import ExcelReader

HEADER_WITHIN = 30
"""Rows in which a header is looked for, below titles."""

TEXT_DIGITS = 1e-9
"""The parser rounds a number to so many decimals where it gives it as a text."""


class _Table(NamedTuple):
    """A sheet's table: its columns under their names, with the rows they stand in; `places` are columns from 1."""

    sheet: Sheet
    frame: pl.DataFrame
    numbers: list[int]
    places: dict[str, int]
    header_row: int


class WorkbookReader(TableReader):
    """Reads a sheet of a workbook; its rows are numbered as Excel numbers them. It is in memory whole."""

    name = "xlsx"
    describes = "a workbook (.xlsx) with our columns, or columns named in a .columns.yaml"

    def __init__(self, spec: ColumnsSpec | None = None) -> None:
        super().__init__(spec)
        self._read: _Table | None = None

    @classmethod
    def recognises(cls, head: bytes) -> bool:
        """Whether it is a ZIP that holds a workbook's parts."""
        return is_workbook(head)

    def column_names(self, source: Source) -> list[str]:
        """Return the header of the sheet that is read, or the names that are said; `column D` where a cell is empty.

        Raises:
            DamagedTableError: the workbook can't be read to its end, or grows as no table does.
            ColumnsError: several sheets hold tables and none is said, or the first row is data.
        """
        return list(self._table(source).places)

    def batches(self, source: Source, columns: Sequence[str]) -> Iterator[Batch]:
        """Yield the rows in slices; those without any value are left out, as blank lines are.

        Raises:
            WorkbookError: cells of a column that is read are merged.
        """
        table = self._table(source)
        self._check_merged(source.path, table, columns)
        for name in columns:
            self._say_of_cells(table, name)
        wanted = table.frame.select(columns)
        for start in range(0, max(wanted.height, 1), ROWS_OF_COLUMNS):
            part = wanted.slice(start, ROWS_OF_COLUMNS)
            yield without_too_long(part, table.numbers[start : start + part.height])

    def _table(self, source: Source) -> _Table:
        if self._read is None:
            with source.path.open("rb") as file:
                if file.read(len(ZIP_MAGIC)) != ZIP_MAGIC:
                    raise WrappedTableError(source.path, CALLED)
            book = opened(source.path)
            sheet = self._chosen(source.path, book.sheets)
            self._read = self._cut(source.path, sheet, _Cells(source.path, book.raw, sheet.name))
        return self._read

    def _chosen(self, path: Path, sheets: Sequence[Sheet]) -> Sheet:
        """Return the sheet that is said, else the only one with a table; a hidden one where no other has any."""
        said = self._given.sheet if self._given is not None else None
        if said is None:
            sheet = _only_table(path, sheets)
        else:
            sheet = next((each for each in sheets if each.name == said), None) or _not_there(
                path, sheets, said
            )
        left = [each.called for each in sheets if each is not sheet]
        if left or sheet.is_hidden:
            rest = f"; not read: {', '.join(left)}" if left else ""
            self.notes.append(f"The sheet {sheet.called} was read{rest}.")
        return sheet

    def _cut(self, path: Path, sheet: Sheet, cells: _Cells) -> _Table:
        """Return the table below its header, without the rows and columns in which there is nothing."""
        names = self._given.names if self._given is not None else ()
        texts = cells.texts
        has_text = pl.all().str.contains(r"\S").fill_null(value=False)
        filled = texts.select(pl.any_horizontal(pl.lit(value=False), has_text).alias("is"))["is"]
        rows = filled.arg_true().to_list()
        if not rows:
            return _Table(sheet, pl.DataFrame(), [], {}, 0)
        header = rows[0] - 1 if names else self._header(texts, rows)
        below = [row for row in rows if row > header]
        top = [None] * texts.width if names else texts.row(header)
        used = [at for at in range(texts.width) if top[at] is not None or texts[below, at].count()]
        if names and len(names) != len(used):
            raise WrongNamesError(path, names, [texts[rows[0], at] or "" for at in used])
        called = list(names) or [_name(top[at], cells.places[at]) for at in used]
        if not names:
            self._check_header(path, called)
            self._say_above(texts, rows, header)
        for name in dict.fromkeys(name for name in called if called.count(name) > 1):
            self.notes.append(f"The header has {name!r} more than once; the first was read.")
        first = dict(reversed([*zip(called, used, strict=True)]))
        columns = {name: first[name] for name in dict.fromkeys(called)}
        frame = pl.DataFrame(
            [cells.column(at, header + 1, below).alias(name) for name, at in columns.items()]
        )
        places = {name: cells.places[at] for name, at in columns.items()}
        return _Table(sheet, frame, [row + 1 for row in below], places, header + 1)

    def _header(self, texts: pl.DataFrame, rows: Sequence[int]) -> int:
        """Return which row is the header: the one with all columns that are said, else the first that is no title.

        A title is a row of one cell, unless that is a name of the text.
        """
        said = self._given.theirs() if self._given is not None else []
        looked = {
            row: [each.strip() for each in texts.row(row) if each is not None] for row in rows[:HEADER_WITHIN]
        }
        with_said = (row for row, cells in looked.items() if said and set(said) <= set(cells))
        no_title = (
            row for row, cells in looked.items() if len(cells) > 1 or any(map(looks_like_the_text, cells))
        )
        return next(with_said, next(no_title, rows[0]))

    def _check_header(self, path: Path, called: Sequence[str]) -> None:
        said = self._given.theirs() if self._given is not None else []
        is_known = any(name in called for name in said) or any(map(looks_like_the_text, called))
        if not is_known and any(map(is_a_value, called)):
            raise NoHeaderError(path, called)

    def _say_above(self, texts: pl.DataFrame, rows: Sequence[int], header: int) -> None:
        above = [row for row in rows if row < header]
        if above:
            shown = " | ".join(each for row in above for each in texts.row(row) if each is not None)
            self.notes.append(
                f"The header is row {header + 1}. {len(above):,} rows above it were not read: {shown[:200]}"
            )

    def _check_merged(self, path: Path, table: _Table, columns: Sequence[str]) -> None:
        for merged in table.sheet.merged:
            emptied = merged.emptied(table.header_row)
            for name in columns:
                if table.places.get(name) in emptied:
                    raise WorkbookError(
                        f"{path}: the cells {merged} of the sheet {table.sheet.name!r} are merged, and only the first "
                        f"of them has a value: column {name!r} would be empty in the others. Unmerge them and fill "
                        "each row."
                    )

    def _say_of_cells(self, table: _Table, name: str) -> None:
        place = table.places[name]
        if errors := table.sheet.errors.get(place):
            self.notes.append(
                f"{errors.total():,} cells of column {name!r} hold an error ({', '.join(sorted(errors))}) and were "
                "read as empty."
            )
        if uncomputed := table.sheet.uncomputed[place]:
            self.notes.append(
                f"{uncomputed:,} cells of column {name!r} hold formulas that were never computed, and were read as "
                "empty. Open the workbook in Excel or LibreOffice and save it."
            )
        numbers = table.sheet.long_numbers[place]
        if numbers and table.frame[name].dtype == pl.String:
            self.notes.append(rounded_note(numbers, f"column {name!r}"))


class _Cells:
    """A sheet's cells: as texts all of them, and as what each column holds. Row 0 is Excel's row 1."""

    def __init__(self, path: Path, raw: bytes, name: str) -> None:
        self._path, self._name = path, name
        self._typed: dict[str | None, pl.DataFrame] = {}
        with _parsing(path):
            self._book = _book(raw)
        self.texts, self.places = self._loaded(0, "string")

    def column(self, at: int, start: int, rows: Sequence[int]) -> pl.Series:
        """Return a column's cells in `rows`, all from `start` on: typed where all are of that type, else as texts.

        Whole numbers have no point. A cell that its column's type would leave out (`n/a` among numbers, true among 1)
        is kept.
        """
        texts = self.texts[rows, at]
        places = [row - start for row in rows]
        typed = self._of_rows(start, None)[places, at]
        if typed.dtype != pl.String and not _is_left_out(typed, texts):
            return _whole(typed) if typed.dtype.is_float() else typed
        written = texts.cast(pl.Float64, strict=False)
        if written.null_count() == len(written):
            return texts
        numbers = self._of_rows(start, "float")[places, at]
        is_shortened = (written != numbers) & ((written - numbers).abs() <= TEXT_DIGITS)
        return texts.zip_with(~is_shortened.fill_null(value=False), numbers.cast(pl.String))

    def _of_rows(self, start: int, dtype: Literal["float"] | None) -> pl.DataFrame:
        if start >= self.texts.height:
            return self.texts.clear()
        if dtype not in self._typed:
            frame, _ = self._loaded(start, dtype)
            if (frame.height, frame.width) != (self.texts.height - start, self.texts.width):
                raise DamagedTableError(self._path, CALLED, ValueError("its rows can't be told apart"))
            self._typed[dtype] = frame
        return self._typed[dtype]

    def _loaded(self, start: int, dtype: Literal["string", "float"] | None) -> tuple[pl.DataFrame, list[int]]:
        with _parsing(self._path):
            sheet = self._book.load_sheet(
                self._name, header_row=None, skip_rows=start, schema_sample_rows=None, dtypes=dtype
            )
            columns = sheet.available_columns()
            return pl.DataFrame(sheet), [each.absolute_index + 1 for each in columns]


def _is_left_out(typed: pl.Series, texts: pl.Series) -> bool:
    """Whether a column would lose a cell's text by its type, or take true for 1."""
    has_flags = typed.dtype.is_numeric() and bool(texts.is_in(["true", "false"]).any())
    return has_flags or typed.null_count() != texts.null_count()


def _whole(numbers: pl.Series) -> pl.Series:
    """Return floats as integers where all are whole and none is rounded."""
    is_whole = bool(((numbers % 1) == 0).all()) and bool((numbers.abs() < MOST_EXACT_ID).all())
    return numbers.cast(pl.Int64) if is_whole else numbers


def _only_table(path: Path, sheets: Sequence[Sheet]) -> Sheet:
    """Return the only sheet with rows under a header; of hidden ones where no other has any."""
    filled = [each for each in sheets if each.filled_rows > 1] or [each for each in sheets if each.cells]
    shown = [each for each in filled if not each.is_hidden] or filled
    if not shown:
        raise WorkbookError(f"{path} has no cell with anything in it. Name a workbook with a table.")
    if len(shown) > 1:
        there = ", ".join(f"{each.called} ({each.filled_rows:,} rows)" for each in shown)
        name = shown[0].name
        raise WorkbookError(
            f"{path} has several sheets with rows: {there}. Say which: --sheet {name!r} of moderation evaluate, "
            f"--column 'sheet={name}' of moderation add, or 'sheet: {name}' in its columns file."
        )
    return shown[0]


def _not_there(path: Path, sheets: Sequence[Sheet], said: str) -> NoReturn:
    there = ", ".join(each.called for each in sheets)
    close = closest(said, [each.name for each in sheets])
    raise WorkbookError(f"{path} has no sheet {said!r}.{close} It has {there}.")


def _name(cell: str | None, place: int) -> str:
    # A Mac may write an accent as a letter of its own, and nobody can type such a name.
    name = unicodedata.normalize("NFC", cell.strip()) if cell is not None else ""
    return name or f"column {letters_of(place)}"


def _book(raw: bytes) -> ExcelReader:
    # Ten megabytes that only a workbook needs.
    import fastexcel

    # It warns of columns without values, which is for notes to say.
    logging.getLogger("fastexcel").setLevel(logging.ERROR)
    return fastexcel.read_excel(raw)


@contextmanager
def _parsing(path: Path) -> Iterator[None]:
    """Turn what the parser makes of a damaged workbook into our error; it may panic, which is no Exception."""
    with reading(path, CALLED):
        try:
            yield
        except BaseException as error:
            if isinstance(error, (OSError, pl.exceptions.PolarsError)) or not _is_the_parsers(error):
                raise
            raise OSError(str(error)) from None


def _is_the_parsers(error: BaseException) -> bool:
    return type(error).__module__.startswith(("fastexcel", "_fastexcel", "pyo3_runtime"))
