"""CSV and its relatives (semicolons, tabs, bars), under a header or names that are said.

How a line is cut, and what its quotes mean, is in `csv_rows.py`.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import polars as pl

from moderation_pipeline.comments.charset import Oddities
from moderation_pipeline.comments.columns import ColumnsError, columns_path
from moderation_pipeline.comments.guessing import looks_like_the_text
from moderation_pipeline.comments.readers.csv_rows import CsvLayout, RowCutter, fields_of, quotes_of
from moderation_pipeline.comments.readers.table import ROWS_AT_A_TIME, Batch, TableReader
from moderation_pipeline.comments.record import RAW_LIMIT, RejectedLine
from moderation_pipeline.comments.source import HEAD_BYTES, Source
from moderation_pipeline.comments.times import time_written

DELIMITERS = (",", ";", "\t", "|")
LINES_LOOKED_AT = 2_000


class CsvReader(TableReader):
    """Reads rows of text under a header."""

    name = "csv"
    describes = "CSV with a header of our columns, or columns named in a .columns.yaml"

    @classmethod
    def recognises(cls, head: bytes) -> bool:
        """Whether the first line is a header in which something looks like the text, or lines are rows of a table."""
        opening = _opening(head)
        return any(looks_like_the_text(name) for name in opening.header) or _is_even(opening)

    def column_names(self, source: Source) -> list[str]:
        """Return the header, or the names that are said.

        Raises:
            ColumnsError: the first line is data, or has another number of fields than there are names.
        """
        opening = _opening(source.head(), self._names())
        names = list(self._names()) or opening.header
        if self._names() and len(opening.header) != len(names):
            raise WrongNamesError(source.path, names, opening.header)
        if not self._names() and not self._is_header(opening.header):
            raise NoHeaderError(source.path, opening.header)
        for name in dict.fromkeys(name for name in names if names.count(name) > 1):
            self.notes.append(f"The header has {name!r} more than once; the first was read.")
        return names

    def batches(self, source: Source, columns: Sequence[str]) -> Iterator[Batch]:
        """Yield rows; one with more or fewer fields than the header is rejected."""
        opening = _opening(source.head(), self._names())
        header = list(self._names()) or opening.header
        cutter = RowCutter(source, _layout(opening, len(header), has_names=bool(self._names())))
        places = [header.index(column) for column in columns]
        good: list[list[str]] = []
        numbers: list[int] = []
        rejected: list[RejectedLine] = []
        for number, fields, problem, raw in cutter.rows():
            if problem is not None:
                rejected.append(RejectedLine(number, problem, raw[:RAW_LIMIT]))
                continue
            good.append([fields[place] for place in places])
            numbers.append(number)
            if len(good) == ROWS_AT_A_TIME:
                yield Batch(_frame(good, columns), numbers, rejected)
                good, numbers, rejected = [], [], []
        yield Batch(_frame(good, columns), numbers, rejected)
        self.notes.extend(cutter.notes())

    def _names(self) -> tuple[str, ...]:
        return self._given.names if self._given is not None else ()

    def _is_header(self, fields: Sequence[str]) -> bool:
        """Whether the first line's fields are names: known ones, or at least nothing like a row's values."""
        said = self._given.theirs() if self._given is not None else []
        is_known = any(name in fields for name in said) or any(map(looks_like_the_text, fields))
        return is_known or not any(map(is_a_value, fields))


class NoHeaderError(ColumnsError):
    """A table whose first line is a row."""

    def __init__(self, path: Path, first: Sequence[str]) -> None:
        names = ", ".join(_name_for(field, at, len(first)) for at, field in enumerate(first))
        shown = " | ".join(field[:40] for field in first)
        super().__init__(
            f"{path} has no header: its first line is a row ({shown[:200]}). Say what its columns are, such as "
            f"--column 'names=[{names}]', or 'names: [{names}]' in {columns_path(path).name}; or add a header."
        )


class WrongNamesError(ColumnsError):
    """Names that are more or fewer than a table's columns."""

    def __init__(self, path: Path, names: Sequence[str], first: Sequence[str]) -> None:
        super().__init__(
            f"{path}: names lists {len(names)} columns ({', '.join(names)}), but its first line has {len(first)}: "
            f"{' | '.join(field[:40] for field in first)[:200]}. Name every column, also those that aren't read."
        )


def _name_for(field: str, at: int, width: int) -> str:
    if time_written(field) is not None:
        return "time"
    return "text" if at == width - 1 else "user" if at == width - 2 else f"column_{at + 1}"


def is_a_value(field: str) -> bool:
    """Whether a field is a time or a number, as no column is called; 0 and 12 some are."""
    return bool(NUMBER.fullmatch(field)) or (len(field) >= 8 and time_written(field) is not None)


NUMBER = re.compile(r"-?\d{3,}(?:\.\d+)?|-?\d+\.\d+", re.ASCII)
SEPARATOR_SAID = re.compile(r"sep=(.)", re.IGNORECASE)
"""The line by which Excel is told a file's delimiter."""


class _Opening(NamedTuple):
    """How a file begins: its delimiter, its first line cut, the lines, and how many stand before the first."""

    delimiter: str
    header: list[str]
    lines: list[str]
    skipped: int


def _opening(head: bytes, names: Sequence[str] = ()) -> _Opening:
    whole = head[: head.rfind(b"\n")] if len(head) >= HEAD_BYTES and b"\n" in head else head
    text = Oddities().mended_block(whole).decode("utf-8", "replace")
    lines = [line for line in text.replace("\r\n", "\n").split("\n", LINES_LOOKED_AT + 1) if line]
    del lines[LINES_LOOKED_AT:]
    said = SEPARATOR_SAID.fullmatch(lines[0]) if lines else None
    if said is not None:
        lines = lines[1:]
    delimiter = said[1] if said is not None else _delimiter(lines, len(names))
    # A Mac may write an accent as a letter of its own, and nobody can type such a name.
    names_read = fields_of(lines[0], delimiter) if lines else []
    header = [unicodedata.normalize("NFC", name.strip()) for name in names_read]
    return _Opening(delimiter, header, lines, int(said is not None))


def _delimiter(lines: Sequence[str], width: int) -> str:
    """Return what stands between the fields: what the header has most of, or cuts rows into `width` fields."""
    if not lines:
        return DELIMITERS[0]
    if not width:
        return max(DELIMITERS, key=lines[0].count)
    return max(DELIMITERS, key=lambda each: (_rows_of(lines, each, width), lines[0].count(each)))


def _rows_of(lines: Sequence[str], delimiter: str, width: int) -> int:
    return sum(len(fields_of(line, delimiter)) == width for line in lines[:ROWS_LOOKED_AT])


def _layout(opening: _Opening, width: int, *, has_names: bool) -> CsvLayout:
    header, rows = ("", opening.lines) if has_names else (opening.lines[0], opening.lines[1:])
    quotes = quotes_of(header, rows, opening.delimiter, width)
    return CsvLayout(opening.delimiter, width, quotes, opening.skipped + (not has_names))


LEAST_WIDTH = {"\t": 2}
ROWS_LOOKED_AT = 20


def _is_even(opening: _Opening) -> bool:
    """Whether the first lines are rows of as many fields, more than any line of chat has by chance."""
    rows = opening.lines[:ROWS_LOOKED_AT]
    widths = {len(fields_of(line, opening.delimiter)) for line in rows}
    return len(rows) > 1 and len(widths) == 1 and min(widths) >= LEAST_WIDTH.get(opening.delimiter, 3)


def _frame(rows: list[list[str]], columns: Sequence[str]) -> pl.DataFrame:
    values = zip(*rows, strict=True) if rows else ([] for _ in columns)
    return pl.DataFrame(
        [pl.Series(name, list(each), pl.String) for name, each in zip(columns, values, strict=True)]
    )
