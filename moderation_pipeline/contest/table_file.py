"""The columns of a table that are asked for, as they are: of a CSV, JSON, Parquet, Arrow or Excel file, or of a frame.

Files are read by the readers of chats (`comments/readers/`), so that encodings, quotes and damage are theirs to know.
What the columns mean is `judged_table.py`'s to say.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from moderation_pipeline.comments.columns import ColumnsSpec, MissingColumnsError, TextColumn
from moderation_pipeline.comments.formats import NoSheetsError, readers_for
from moderation_pipeline.comments.readers.table import TableReader
from moderation_pipeline.comments.readers.workbook import WorkbookReader
from moderation_pipeline.comments.source import Source
from moderation_pipeline.comments.unread_formats import is_no_text, seems_to_be
from moderation_pipeline.errors import ModerationError

FRAME = "the frame"
"""What a frame is called in errors: it has no name."""

Wanted = Callable[[Sequence[str]], Sequence[str]]
"""Given the columns that there are, says which are asked for, the text's first."""


class NoTableError(ModerationError):
    """Something named that is no file of a table."""


@dataclass(frozen=True, slots=True)
class TableColumns:
    """Columns of a table, `row` (its line or place) among them, and how many of its rows could not be cut.

    `file_hash` is the SHA-256 of the file in hex; null of a frame.
    """

    name: str
    frame: pl.DataFrame
    unreadable: int = 0
    notes: tuple[str, ...] = ()
    file_hash: str | None = None


ROW = "\x00row"
"""The column of rows' numbers, under a name that no table has."""


def columns_of(
    table: Path | str | pl.DataFrame,
    text: str,
    wanted: Wanted,
    encoding: str | None = None,
    sheet: str | None = None,
) -> TableColumns:
    """Return the columns of a table that are wanted; `encoding` and `sheet` are a file's, where they are said.

    Raises:
        ModerationError: there is no such table or column, or it can't be read.
    """
    if not isinstance(table, (str, Path, pl.DataFrame)):
        raise NoTableError(
            f"{type(table).__module__}.{type(table).__name__} is no table. Pass a file's path or a Polars frame; "
            "polars.from_pandas(frame) makes one of a pandas frame."
        )
    if isinstance(table, pl.DataFrame):
        columns = list(dict.fromkeys(wanted(table.columns)))
        if missing := [name for name in columns if name not in table.columns]:
            raise MissingColumnsError(Path(FRAME), missing, table.columns)
        return TableColumns(FRAME, table.select(columns).with_row_index(ROW, 1))
    path = Path(table)
    if not path.is_file():
        what = "is a folder" if path.is_dir() else "does not exist"
        raise NoTableError(
            f"{path} {what}. Name one file of a table: CSV, JSON, JSONL, Parquet, Arrow (Feather) or Excel (.xlsx)."
        )
    return _of_file(
        Source(path, path.stem, encoding), ColumnsSpec(text=TextColumn(column=text), sheet=sheet), wanted
    )


def _of_file(source: Source, spec: ColumnsSpec, wanted: Wanted) -> TableColumns:
    path = source.path
    head = source.head()
    if not head.strip():
        raise NoTableError(f"{path} is empty. Name a table with rows.")
    if is_no_text(head):
        raise NoTableError(f"{path} can't be read as a table. {seems_to_be(head).strip()}")
    kind = next((each for each in readers_for(head, spec) if issubclass(each, TableReader)), None)
    if kind is None:
        raise NoTableError(f"{path} is a log and no table. 'moderation add {path}' reads it as a chat.")
    if spec.sheet is not None and kind is not WorkbookReader:
        raise NoSheetsError(path, spec.sheet)
    reader = kind(spec)
    columns = list(dict.fromkeys(wanted(reader.column_names(source))))
    # Other readers look at a file's beginning for that, and begin anew; a workbook is parsed whole by then.
    reader = reader if isinstance(reader, WorkbookReader) else kind(spec)
    found = reader.whole(source, columns)
    frame = found.table.with_columns(pl.Series(ROW, list(found.numbers), pl.Int64))
    notes = (*source.oddities.notes(), *reader.notes)
    return TableColumns(path.name, frame, len(found.rejected), notes, source.file_hash())
