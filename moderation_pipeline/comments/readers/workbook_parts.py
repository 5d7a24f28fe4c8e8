"""What a workbook is made of, looked at before it is parsed: its size, its sheets, and what no value tells.

An .xlsx is a ZIP of XML. Which of its cells hold errors, which are merged and which sheets are hidden is read
here; the values themselves are read in `workbook.py`.
"""

from __future__ import annotations

import io
import re
import zipfile
import zlib
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import NamedTuple
from xml.etree import ElementTree

from moderation_pipeline.comments.columns import ColumnsError
from moderation_pipeline.comments.readers.columnar import DamagedTableError, refuse_grown

CALLED = "a workbook"
BOOK, RELATIONS = "xl/workbook.xml", "xl/_rels/workbook.xml.rels"
NEEDED = re.compile(
    r"\[Content_Types\]\.xml|_rels/.*|xl/(?!media/|embeddings/|drawings/|charts/).*\.(?:xml|rels)"
)
"""The parts that hold tables. Pictures and programs are left where they are."""

MOST_SPANNED, LEAST_SHARE = 16_000_000, 50
"""Cells that a sheet may span whatever is in them; beyond, one of LEAST_SHARE must hold something.

The parser holds a cell for each place between the first and the last, and a sheet has 17 billion places.
"""


def _xml(pattern: bytes) -> re.Pattern[bytes]:
    """Return the pattern with each `~` standing for an element's prefix, which some programs write (`<x:c>`)."""
    return re.compile(pattern.replace(b"~", rb"(?:[^\s<>/:!?]+:)?"))


CELL = _xml(rb"<~c(?=[\s>])([^<>]*)(?<!/)>")
PLACE = re.compile(rb"\br\s*=\s*[\"']([A-Z]{1,3})(\d{1,7})[\"']")
FORMULA = rb"\s*(?:<~f\b[^<]*(?:</~f>)?)"
ERROR = _xml(
    rb"<~c(?=\s)([^<>]*\bt\s*=\s*[\"']e[\"'][^<>]*)(?<!/)>"
    + FORMULA
    + rb"?\s*(?:<~v[^<>]*>([^<]*)</~v>)?\s*</~c>"
)
LONG = _xml(
    rb"<~c(?=\s)(?![^<>]*\bt\s*=\s*[\"'](?!n))([^<>]*)>" + FORMULA + rb"?\s*<~v>"
    rb"-?(?:\d{16,}(?:\.\d*)?|\d\.\d+[Ee]\+?(?:1[6-9]|[2-9]\d))<"
)
"""A number, and no text, of more digits than a number of Excel's has."""
UNCOMPUTED = _xml(
    rb"<~c(?=\s)(?![^<>]*\bt\s*=\s*[\"']str)([^<>]*)>" + FORMULA + rb"\s*(?:<~v\s*/>|<~v>\s*</~v>)?\s*</~c>"
)
MERGED = _xml(rb"<~mergeCell\s[^<>]*?\bref\s*=\s*[\"']([A-Z]{1,3})(\d{1,7}):([A-Z]{1,3})(\d{1,7})[\"']")
SHARED_ITEM = _xml(rb"<~si\b")
SHARED_USE = _xml(rb"\bt\s*=\s*[\"']s[\"'][^<>]*>\s*<~v>(\d{1,9})<")


class WorkbookError(ColumnsError):
    """A workbook whose table can't be told, or whose cells don't say what they hold; it names what to do."""


class MergedCells(NamedTuple):
    """Merged cells, from the first row and column to the last, counted from 1. Only the first cell has the value."""

    first_column: int
    first_row: int
    last_column: int
    last_row: int

    def emptied(self, last_above: int) -> range:
        """Return the columns in which it leaves cells without their value, in rows below `last_above`."""
        if self.last_row <= last_above:
            return range(0)
        is_within_a_row = self.first_row == self.last_row
        return range(self.first_column + is_within_a_row, self.last_column + 1)

    def __str__(self) -> str:
        return (
            f"{letters_of(self.first_column)}{self.first_row}:{letters_of(self.last_column)}{self.last_row}"
        )


@dataclass(slots=True)
class Sheet:
    """A sheet; columns are counted from 1, rows as Excel counts them."""

    name: str
    is_hidden: bool
    cells: int = 0
    filled_rows: int = 0
    merged: list[MergedCells] = field(default_factory=list)
    errors: dict[int, Counter[str]] = field(default_factory=dict)
    """By column, how often which error is there (`#N/A`)."""
    long_numbers: Counter[int] = field(default_factory=Counter)
    """By column, how many numbers have more digits than Excel keeps."""
    uncomputed: Counter[int] = field(default_factory=Counter)
    """By column, how many formulas have no value: what wrote them has none computed."""

    @property
    def called(self) -> str:
        """Its name as it is said."""
        return f"{self.name!r} (hidden)" if self.is_hidden else repr(self.name)


class Workbook(NamedTuple):
    """Its sheets in their order, and the parts that hold tables, as a ZIP that is no longer compressed."""

    sheets: list[Sheet]
    raw: bytes


def opened(path: Path) -> Workbook:
    """Return the workbook at `path`, of which no more is unpacked than a table may grow to.

    Raises:
        DamagedTableError: it can't be read to its end, or grows as no table does.
        WorkbookError: it is no .xlsx, or has a password.
    """
    parts = _parts(path)
    if BOOK not in parts:
        raise WorkbookError(
            f"{path} is a workbook of another kind than .xlsx (.xlsb, or a template's). Save it as .xlsx."
        )
    try:
        sheets = list(_sheets(path, parts))
    except (ElementTree.ParseError, LookupError, ValueError) as error:
        raise DamagedTableError(path, CALLED, error) from None
    whole = io.BytesIO()
    with zipfile.ZipFile(whole, "w") as file:
        for name, raw in parts.items():
            file.writestr(zipfile.ZipInfo(name), raw)
    return Workbook(sheets, whole.getvalue())


def _parts(path: Path) -> dict[str, bytes]:
    """Return the parts by name. What is parsed later is what was measured here, whatever the ZIP's lists say."""
    try:
        with zipfile.ZipFile(path) as file:
            needed = [info for info in file.infolist() if NEEDED.fullmatch(info.filename)]
            if any(info.flag_bits & 1 for info in needed):
                raise WorkbookError(f"{path} has a password. Save it without one.")
            refuse_grown(path, CALLED, sum(info.file_size for info in needed))
            parts = {info.filename: file.read(info) for info in needed}
    except (
        zipfile.BadZipFile,
        zlib.error,
        EOFError,
        OSError,
        NotImplementedError,
        UnicodeDecodeError,
    ) as error:
        raise DamagedTableError(path, CALLED, error) from None
    if any(b"<!DOCTYPE" in raw[:4_096] or b"<!ENTITY" in raw for raw in parts.values()):
        raise DamagedTableError(
            path, CALLED, ValueError("its XML defines what it stands for, as no workbook's does")
        )
    return parts


def _sheets(path: Path, parts: dict[str, bytes]) -> Iterator[Sheet]:
    """Yield the sheets in their order. Cells that hold errors are taken out of `parts`: the parser stops at some."""
    targets = {
        each.attrib["Id"]: str(PurePosixPath("xl", each.attrib["Target"])).lstrip("/")
        for each in ElementTree.fromstring(parts[RELATIONS])
        if each.attrib.get("Type", "").endswith("/worksheet")
    }
    shared = next((raw for name, raw in parts.items() if name.lower() == "xl/sharedstrings.xml"), b"")
    lengths = [len(item) for item in SHARED_ITEM.split(shared)[1:]]
    grown = 0
    for each in ElementTree.fromstring(parts[BOOK]).iter():
        relation = next((value for key, value in each.attrib.items() if key.endswith("}id")), None)
        if not each.tag.endswith("}sheet") or relation not in targets:
            continue
        raw = parts[targets[relation]]
        used = (int(found[1]) for found in SHARED_USE.finditer(raw))
        grown += len(raw) + sum(lengths[at] for at in used if at < len(lengths))
        refuse_grown(path, CALLED, grown)
        is_hidden = each.attrib.get("state", "visible") != "visible"
        yield _looked_at(path, Sheet(each.attrib["name"], is_hidden), raw)
        parts[targets[relation]] = ERROR.sub(b"", raw)


def _looked_at(path: Path, sheet: Sheet, raw: bytes) -> Sheet:
    columns: set[bytes] = set()
    rows: set[bytes] = set()
    for found in CELL.finditer(raw):
        place = PLACE.search(found[1])
        if place is None:
            raise WorkbookError(
                f"{path}: cells of the sheet {sheet.name!r} don't say where they stand. Open it in Excel or "
                "LibreOffice and save it again."
            )
        sheet.cells += 1
        columns.add(place[1])
        rows.add(place[2])
    sheet.filled_rows = len(rows)
    spanned = max(map(int, rows), default=0) * max(map(column_of, columns), default=0)
    if spanned > max(MOST_SPANNED, LEAST_SHARE * sheet.cells):
        said = f"{sheet.cells:,} cells of the sheet {sheet.name!r} span {spanned:,} places, as no table's do"
        raise DamagedTableError(path, CALLED, ValueError(said))
    for found in ERROR.finditer(raw):
        error = found[2].decode("utf-8", "replace")[:20] if found[2] else "without a name"
        sheet.errors.setdefault(_column_in(found[1]), Counter())[error] += 1
    sheet.long_numbers.update(_column_in(found[1]) for found in LONG.finditer(raw))
    sheet.uncomputed.update(_column_in(found[1]) for found in UNCOMPUTED.finditer(raw))
    sheet.merged = [
        MergedCells(column_of(one), int(first), column_of(other), int(last))
        for one, first, other, last in MERGED.findall(raw)
    ]
    return sheet


def _column_in(attributes: bytes) -> int:
    place = PLACE.search(attributes)
    return column_of(place[1]) if place is not None else 0


def column_of(letters: bytes) -> int:
    """Return which column, from 1, letters such as `AB` name."""
    number = 0
    for letter in letters:
        number = number * 26 + letter - ord("A") + 1
    return number


def letters_of(column: int) -> str:
    """Return what Excel calls a column, counted from 1."""
    letters = ""
    while column > 0:
        column, rest = divmod(column - 1, 26)
        letters = chr(ord("A") + rest) + letters
    return letters
