"""chat-downloader's CSV turned back into the items that it was made of; what an item means is its reader's.

Tables of anything are read by `csv_table.py`.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Mapping

import orjson

from moderation_pipeline.comments.source import DAMAGE, Record, Source

NUMBERS = frozenset({"timestamp", "time_in_seconds", "ban_duration"})
FLAGS: Mapping[str, bool] = {"True": True, "False": False}
DEEPEST = 8
"""Steps of a path that are taken; an item has four."""


def csv_names(head: bytes) -> frozenset[str]:
    """Return the names in the first line, as far as it is a header."""
    line = head.partition(b"\n")[0].decode("utf-8", "replace")
    try:
        return frozenset(next(csv.reader([line]), []))
    except csv.Error:
        return frozenset()


def csv_items(source: Source) -> Iterator[Record]:
    """Yield each row as the JSON of an item; its number is that of the line in which it ends."""
    with source.open() as stream:
        lines = io.TextIOWrapper(stream, encoding="utf-8", errors="replace", newline="")
        reader = csv.reader(_until_damage(lines))
        header: list[str] = []
        while True:
            try:
                row = next(reader)
            except StopIteration:
                return
            except csv.Error as error:
                yield Record(reader.line_num, b"", f"not CSV: {error}")
                continue
            except DAMAGE as error:
                yield Record(reader.line_num, b"", f"the compressed file is damaged from here on ({error})")
                return
            if not header:
                header = row
            elif row:
                yield _item(reader.line_num, header, row)


def _until_damage(lines: io.TextIOWrapper) -> Iterator[str]:
    yield from lines


def _item(number: int, header: list[str], row: list[str]) -> Record:
    raw = ",".join(row).encode("utf-8", "replace")
    if len(row) != len(header):
        return Record(number, raw, f"{len(row)} fields where the header has {len(header)}")
    item: dict[str, object] = {}
    for path, value in zip(header, row, strict=True):
        if value:
            _put(item, path.split(".", DEEPEST), _valued(path, value))
    return Record(number, orjson.dumps(_with_lists(item)))


def _valued(path: str, value: str) -> object:
    if path in NUMBERS:
        try:
            return float(value)
        except ValueError:
            return value
    return FLAGS.get(value, value)


def _put(into: dict[str, object], path: list[str], value: object) -> None:
    for step in path[:-1]:
        inner = into.setdefault(step, {})
        if not isinstance(inner, dict):
            return
        into = inner
    into.setdefault(path[-1], value)


def _with_lists(value: object) -> object:
    """Turn objects whose keys are numbers into lists."""
    if not isinstance(value, dict):
        return value
    inner = {key: _with_lists(each) for key, each in value.items()}
    return list(inner.values()) if inner and all(key.isdecimal() for key in inner) else inner
