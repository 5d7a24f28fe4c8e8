"""Lines of a CSV cut into fields, and what the file means by a quote.

Writers differ: some quote what holds a delimiter, some everything, and some nothing, so that a message which
begins with a quote would swallow the lines after it. What a file does is found out from its beginning, and a
quote that is never closed as it should be takes no more than its own line. What the fields are is in
`csv_table.py`.
"""

from __future__ import annotations

import csv
from collections import Counter, deque
from collections.abc import Iterator, Sequence
from enum import Enum
from typing import NamedTuple

from moderation_pipeline.comments.source import Source


class Quotes(Enum):
    """What quotes are in a file: borders of fields, part of the messages, or either."""

    BORDERS = "borders"
    TEXT = "text"
    UNSURE = "unsure"


class CsvLayout(NamedTuple):
    """How the lines of a file are cut; `skipped` is how many stand before the first row."""

    delimiter: str
    width: int
    quotes: Quotes
    skipped: int


class Row(NamedTuple):
    """A row, the line it ends in, and why it can't be taken; `raw` is the beginning of what can't."""

    number: int
    fields: list[str]
    problem: str | None = None
    raw: str = ""


def strictly(line: str, delimiter: str) -> list[str] | None:
    """Return a line's fields where all its quotes are borders as they should be, else None."""
    try:
        return next(csv.reader([line], delimiter=delimiter, strict=True), [])
    except csv.Error:
        return None


def fields_of(line: str, delimiter: str) -> list[str]:
    """Return the fields of a single line, its quotes being borders where they can be."""
    fields = strictly(line, delimiter) if '"' in line else None
    return fields if fields is not None else line.split(delimiter)


def is_plain_row(line: str, delimiter: str, width: int) -> bool:
    """Whether a line is a row without anything being quoted: no field begins with the space behind a comma.

    Behind a tab a space is the message's own: nobody writes one there for looks.
    """
    is_prose = delimiter != "\t" and f"{delimiter} " in line
    return line.count(delimiter) == width - 1 and width > 1 and '""' not in line and not is_prose


def quotes_of(header: str, lines: Sequence[str], delimiter: str, width: int) -> Quotes:
    """Return what quotes are in a file that begins with these lines.

    They are borders where they keep fields together that would be more otherwise, where they are doubled, or
    where all texts of a column (or the header's names) have them. They are text where a line is a row as it
    is, though its quotes are no borders, or would be only together with lines that are rows themselves.
    """
    if '"' in header:
        return Quotes.BORDERS
    as_borders = as_text = at = 0
    while at < len(lines):
        line = lines[at]
        taken = 1
        if '"' in line:
            fields, taken = _cut_strictly(lines[at : at + MOST_LINES], delimiter)
            is_row = all(is_plain_row(each, delimiter, width) for each in lines[at : at + taken])
            if fields is None or (is_row and taken > 1):
                as_text += is_row
            else:
                needed = taken > 1 or line.count(delimiter) != width - 1 or '""' in line
                as_borders += len(fields) == width and needed
        at += taken
    as_borders += _has_quoted_column(lines, delimiter, width)
    if as_borders == as_text == 0:
        return Quotes.UNSURE
    return Quotes.BORDERS if as_borders >= as_text else Quotes.TEXT


MOST_LINES = 1_000
"""Lines looked at for the end of one field."""


def _cut_strictly(lines: Sequence[str], delimiter: str) -> tuple[list[str] | None, int]:
    """Return the fields of the row that begins with the first line, and how many lines it has.

    None and 1 where its quotes are closed nowhere as they should be.
    """
    reader = csv.reader((line + "\n" for line in lines), delimiter=delimiter, strict=True)
    try:
        return next(reader, None), reader.line_num
    except csv.Error:
        return None, 1


def _has_quoted_column(lines: Sequence[str], delimiter: str, width: int) -> bool:
    """Whether all texts of some column, and more than one, stand between quotes."""
    quoted, bare = Counter[int](), Counter[int]()
    for line in lines:
        cut = line.split(delimiter)
        if len(cut) == width:
            for at, field in enumerate(cut):
                if len(field) > 1 and field[0] == field[-1] == '"':
                    quoted[at] += 1
                elif not _is_number_or_nothing(field):
                    bare[at] += 1
    return any(count > 1 and not bare[at] for at, count in quoted.items())


def _is_number_or_nothing(field: str) -> bool:
    return not field or field.replace(".", "", 1).isdigit()


class RowCutter:
    """Cuts a file's lines into rows, and counts what was odd about its quotes."""

    def __init__(self, source: Source, layout: CsvLayout) -> None:
        self._source = source
        self._layout = layout
        self._back: deque[tuple[int, str]] = deque()
        self._damage: Row | None = None
        self._lines = self._text_lines()
        self._unclosed = 0
        self._joined = 0
        self._longest = (0, 0)

    def notes(self) -> list[str]:
        """Return what was odd, in words."""
        notes = []
        if self._layout.quotes is Quotes.TEXT:
            notes.append(
                "Quotes are part of the messages in this file: some begin with one that is no field's."
            )
        if self._unclosed:
            notes.append(
                f"{self._unclosed:,} lines have a quote that is not closed as a field's is; they were taken as "
                f"they are written."
            )
        if self._joined:
            lines, last = self._longest
            go = "row goes" if self._joined == 1 else "rows go"
            notes.append(
                f"{self._joined:,} {go} over several lines, between quotes; the longest over {lines:,}, to line "
                f"{last:,}."
            )
        return notes

    def rows(self) -> Iterator[Row]:
        """Yield the rows, the header and blank lines left out."""
        delimiter, width, quotes, _ = self._layout
        for number, line in self._taken():
            if '"' in line and quotes is not Quotes.TEXT:
                yield self._of_quoted(number, line)
            elif width == 1:
                yield Row(number, [line])
            else:
                fields = line.split(delimiter, width)
                yield Row(number, fields) if len(fields) == width else self._misfit(number, line)
            if self._damage is not None:
                yield self._damage
                self._damage = None
        if self._damage is not None:
            yield self._damage

    def _misfit(self, number: int, line: str) -> Row:
        found = line.count(self._layout.delimiter) + 1
        problem = f"{found:,} fields where the header has {self._layout.width:,}"
        return Row(number, [], problem, line[:RAW_CHARACTERS])

    def _of_quoted(self, number: int, line: str) -> Row:
        """Return the row that begins with a line in which there are quotes."""
        delimiter, width, quotes, _ = self._layout
        fields = strictly(line, delimiter)
        if fields is not None and len(fields) == width:
            is_needless = quotes is Quotes.UNSURE and delimiter in WITHOUT_QUOTES and '""' not in line
            as_written = line.split(delimiter) if is_needless else fields
            return Row(number, as_written if len(as_written) == width else fields)
        if fields is None and (row := self._over_lines(number, line)) is not None:
            self._joined += 1
            return row
        if fields is None and '\\"' in line and (escaped := _with_escapes(line, delimiter)) is not None:
            return Row(number, escaped) if len(escaped) == width else self._misfit(number, line)
        cut = line.split(delimiter, width) if width > 1 else [line]
        if len(cut) != width:
            return self._misfit(number, line)
        self._unclosed += fields is None
        return Row(number, cut)

    def _over_lines(self, number: int, line: str) -> Row | None:
        """Return the row of a line that ends within quotes, with the lines that belong to it.

        None where the quotes are closed nowhere as they should be, or where every line could be a row of its
        own though nothing else in the file is quoted: then the others are put back.
        """
        taken = [(number, line)]
        try:
            fields = next(csv.reader(self._onwards(taken), delimiter=self._layout.delimiter, strict=True))
        except (csv.Error, StopIteration):
            fields = []
        are_rows = self._layout.quotes is Quotes.UNSURE and all(
            is_plain_row(each, self._layout.delimiter, self._layout.width) for _, each in taken
        )
        if len(fields) == self._layout.width and not are_rows and len(taken) > 1:
            self._longest = max(self._longest, (len(taken), taken[-1][0]))
            return Row(taken[-1][0], fields)
        self._back.extendleft(reversed(taken[1:]))
        return None

    def _onwards(self, taken: list[tuple[int, str]]) -> Iterator[str]:
        """Yield the line that was taken and those after it, while they are asked for, and keep them."""
        yield taken[0][1] + "\n"
        for numbered in self._taken(with_blank=True):
            taken.append(numbered)
            yield numbered[1] + "\n"

    def _taken(self, *, with_blank: bool = False) -> Iterator[tuple[int, str]]:
        """Yield the lines that are left, with their numbers; those that were put back come first."""
        while True:
            if self._back:
                number, line = self._back.popleft()
            elif (following := next(self._lines, None)) is not None:
                number, line = following
            else:
                return
            if line or with_blank:
                yield number, line

    def _text_lines(self) -> Iterator[tuple[int, str]]:
        left = self._layout.skipped
        for first, raw, damage in self._source.blocks():
            if damage is not None:
                self._damage = Row(first, [], damage, raw.decode("utf-8", "replace")[:RAW_CHARACTERS])
                continue
            if len(raw) > MOST_BLANK and not raw.strip(b"\r\n"):
                continue
            for number, line in enumerate(raw.decode("utf-8", "replace").split("\n"), first):
                text = line.removesuffix("\r")
                if left and text:
                    left -= 1
                else:
                    yield number, text


WITHOUT_QUOTES = ("\t", "|")
"""Delimiters of files in which quotes are seldom borders, for messages hardly hold them."""

RAW_CHARACTERS = 4_000
MOST_BLANK = 262_144
"""Line breaks in a row that are looked at one by one: more of them than a field may be long are nothing."""


def _with_escapes(line: str, delimiter: str) -> list[str] | None:
    """Return the fields of a line whose writer puts a backslash before a quote, as Spark and MySQL do."""
    try:
        reader = csv.reader([line], delimiter=delimiter, strict=True, doublequote=False, escapechar="\\")
        return next(reader, None)
    except csv.Error:
        return None
