"""CSV and its relatives (semicolons, tabs, bars), with a header; quoted fields may hold line breaks."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import polars as pl

from moderation_pipeline.comments.guessing import looks_like_the_text
from moderation_pipeline.comments.readers.table import ROWS_AT_A_TIME, Batch, TableReader
from moderation_pipeline.comments.record import RAW_LIMIT, RejectedLine
from moderation_pipeline.comments.source import DAMAGE, Source

DELIMITERS = (",", ";", "\t", "|")


class CsvReader(TableReader):
    """Reads rows of text under a header."""

    name = "csv"
    describes = "CSV with a header of our columns, or columns named in a .columns.yaml"

    @classmethod
    def recognises(cls, head: bytes) -> bool:
        """Whether the first line is a header in which something looks like the text."""
        return any(looks_like_the_text(name) for name in _header(head))

    def column_names(self, source: Source) -> list[str]:
        """Return the header."""
        return _header(source.head())

    def batches(self, source: Source, columns: Sequence[str]) -> Iterator[Batch]:
        """Yield rows; one with more or fewer fields than the header is rejected."""
        header = _header(source.head())
        places = [header.index(column) for column in columns]
        good: list[list[str]] = []
        numbers: list[int] = []
        rejected: list[RejectedLine] = []
        for number, fields, problem in _rows(source, len(header)):
            if problem is not None:
                rejected.append(RejectedLine(number, problem, ",".join(fields)[:RAW_LIMIT]))
                continue
            good.append([fields[place] for place in places])
            numbers.append(number)
            if len(good) == ROWS_AT_A_TIME:
                yield Batch(_frame(good, columns), numbers, rejected)
                good, numbers, rejected = [], [], []
        yield Batch(_frame(good, columns), numbers, rejected)


class _Row(NamedTuple):
    """A row, the line it ends in, and why it can't be taken."""

    number: int
    fields: list[str]
    problem: str | None = None


class _Lines:
    """A file's lines of text, up to damage; Python's csv wants the line breaks inside fields kept."""

    def __init__(self, stream: io.BufferedReader) -> None:
        self._lines = io.TextIOWrapper(stream, encoding="utf-8", errors="replace", newline="")
        self.damage: str | None = None

    def __iter__(self) -> Iterator[str]:
        try:
            yield from self._lines
        except DAMAGE as error:
            self.damage = f"the compressed file is damaged from here on ({error})"


def _rows(source: Source, width: int) -> Iterator[_Row]:
    """Yield the rows under the header that are not blank."""
    with source.open() as stream:
        lines = _Lines(stream)
        reader = csv.reader(iter(lines), delimiter=_delimiter(source.head()))
        is_header = True
        while True:
            try:
                fields = next(reader)
            except StopIteration:
                break
            except csv.Error as error:
                yield _Row(reader.line_num, [], f"not CSV: {error}")
                continue
            if fields and not is_header:
                problem = (
                    f"{len(fields)} fields where the header has {width}" if len(fields) != width else None
                )
                yield _Row(reader.line_num, fields, problem)
            is_header = is_header and not fields
        if lines.damage is not None:
            yield _Row(reader.line_num + 1, [], lines.damage)


def _first_line(head: bytes) -> str:
    return next((line for line in head.decode("utf-8", "replace").splitlines() if line.strip()), "")


def _delimiter(head: bytes) -> str:
    line = _first_line(head)
    return max(DELIMITERS, key=line.count)


def _header(head: bytes) -> list[str]:
    try:
        return next(csv.reader([_first_line(head)], delimiter=_delimiter(head)), [])
    except csv.Error:
        return []


def _frame(rows: list[list[str]], columns: Sequence[str]) -> pl.DataFrame:
    values = zip(*rows, strict=True) if rows else ([] for _ in columns)
    return pl.DataFrame(
        [pl.Series(name, list(each), pl.String) for name, each in zip(columns, values, strict=True)]
    )
