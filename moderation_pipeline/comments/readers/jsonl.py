"""The project's own JSONL, and any other table of objects: one a line, or the elements of an array."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence

import orjson
import polars as pl

from moderation_pipeline.comments.columns import ColumnsError, ColumnsSpec
from moderation_pipeline.comments.guessing import looks_like_the_text
from moderation_pipeline.comments.json_paths import has_path, leaves, steps_of, value_at
from moderation_pipeline.comments.json_records import RECORDS, records_at
from moderation_pipeline.comments.json_values import JsonObject, parsed_object
from moderation_pipeline.comments.readers.json_head import JsonHead, RecordArray, record_arrays
from moderation_pipeline.comments.readers.reader import rejected_line
from moderation_pipeline.comments.readers.table import (
    BY_RECORDS,
    ROWS_AT_A_TIME,
    Batch,
    ObjectColumnError,
    TableReader,
)
from moderation_pipeline.comments.record import RejectedLine, Unreadable
from moderation_pipeline.comments.source import Record, Source
from moderation_pipeline.comments.values import MOST_EXACT_ID

MOST_NAMES = 2_000
"""Names of columns gathered; an object with ids as its keys has more than anyone reads."""


SPLIT = frozenset({"columns", "index", "data"})
"""The keys of a document that holds a table's header and its rows apart."""


class JsonlReader(TableReader):
    """Reads objects whose keys are columns. A key that an object lacks is null in its row.

    What an object within has is a column too, called by its path (`author.id`); the object itself is none.
    """

    name = "jsonl"
    describes = "JSONL with our columns, or columns named in a .columns.yaml"

    def __init__(self, spec: ColumnsSpec | None = None) -> None:
        super().__init__(spec)
        self._unfound: set[str] = set()
        self._objects: Counter[str] = Counter()
        self._valued: set[str] = set()
        self._names: list[str] = []

    @classmethod
    def recognises(cls, head: bytes) -> bool:
        """Whether it begins with objects, whatever their keys, or is a document with something like texts."""
        looked = JsonHead.of(head)
        return looked.is_lines or looked.is_array or _likeliest(head, None) is not None

    @classmethod
    def may_hold(cls, head: bytes) -> bool:
        """Whether it begins as JSON: where its records are may have been said."""
        return head.lstrip()[:1] in (b"{", b"[") and bool(cls.recognises(head) or record_arrays(head))

    def column_names(self, source: Source) -> list[str]:
        """Return the paths of the first objects' values, in their order."""
        names: dict[str, None] = {}
        for record, _ in zip(self._records(source), range(ROWS_AT_A_TIME), strict=False):
            parsed = parsed_object(record.raw)
            if not isinstance(parsed, Unreadable) and len(names) < MOST_NAMES:
                names.update(dict.fromkeys(leaves(parsed)))
        if path := self._path(source):
            said = self._given is not None and self._given.records is not None
            self.notes.extend([] if said else [f"The records were taken from {path}."])
        self._names = list(names)
        return self._names

    def missing(self, columns: Sequence[str], names: Sequence[str]) -> list[str]:
        """Return only what no object may lack: another key may be in a later object alone."""
        text = columns[0]
        return [] if any(text == name or text.startswith(f"{name}.") for name in names) else [text]

    def no_columns(self, source: Source, missing: Sequence[str], names: Sequence[str]) -> ColumnsError:
        """Return the error for columns that aren't there; those of pandas' `orient='split'` lie within."""
        error = super().no_columns(source, missing, names)
        return ColumnsError(f"{error} {BY_RECORDS}") if SPLIT.issuperset(names) else error

    def check_columns(self, source: Source) -> None:
        """Look whether every column was there, and was more than an object.

        Raises:
            ColumnsError: one was not.
        """
        if self._unfound:
            raise self.no_columns(source, sorted(self._unfound), self._names)
        for column, count in self._objects.items():
            if column not in self._valued and column not in self.guessed_theirs():
                raise ObjectColumnError(source.path, column, self._names)
            self.notes.append(
                f"{column} holds an object or a list in {count:,} records, which is no value; it is null there."
            )

    def batches(self, source: Source, columns: Sequence[str]) -> Iterator[Batch]:
        """Yield rows of texts: a number or a flag as JSON writes it."""
        self._unfound = set(columns)
        rows: list[list[str | None]] = []
        numbers: list[int] = []
        rejected: list[RejectedLine] = []
        for number, raw, damage in self._records(source):
            parsed = Unreadable(damage) if damage is not None else parsed_object(raw)
            if isinstance(parsed, Unreadable):
                rejected.append(rejected_line(number, parsed.reason, raw))
                continue
            if self._unfound:
                self._unfound -= {column for column in self._unfound if has_path(parsed, column)}
            rows.append(
                [
                    value
                    if type(value := parsed.get(column)) is str
                    else self._as_text(value, parsed, column)
                    for column in columns
                ]
            )
            numbers.append(number)
            if len(rows) == ROWS_AT_A_TIME:
                yield Batch(self._frame(rows, columns), numbers, rejected)
                rows, numbers, rejected = [], [], []
        yield Batch(self._frame(rows, columns), numbers, rejected)

    def _as_text(self, value: object, parsed: JsonObject, column: str) -> str | None:
        if value is None and "." in column:
            value = value_at(parsed, column)
        if value is None or type(value) is str:
            return value
        if isinstance(value, dict | list):
            self._objects[column] += 1
            return None
        return (
            str(int(value))
            if isinstance(value, float) and value.is_integer() and abs(value) < MOST_EXACT_ID
            else orjson.dumps(value).decode()
        )

    def _frame(self, rows: list[list[str | None]], columns: Sequence[str]) -> pl.DataFrame:
        values = zip(*rows, strict=True) if rows else ([] for _ in columns)
        series = [pl.Series(name, list(each), pl.String) for name, each in zip(columns, values, strict=True)]
        self._valued |= {each.name for each in series if each.null_count() < len(each)}
        return pl.DataFrame(series)

    def _records(self, source: Source) -> Iterator[Record]:
        path = self._path(source)
        if path is not None:
            return records_at(source, [steps_of(path)])
        return records_at(source, [RECORDS]) if JsonHead.of(source.head()).is_array else source.lines()

    def _path(self, source: Source) -> str | None:
        """Return where the document keeps its records; None where it is an array, or one a line."""
        if self._given is not None and self._given.records is not None:
            return self._given.records
        head = source.head()
        looked = JsonHead.of(head)
        if looked.is_array or (
            looked.is_lines and (head.strip().count(b"\n") or self._has_text(looked.record_keys))
        ):
            return None
        likeliest = _likeliest(head, self._given)
        return likeliest.path if likeliest is not None else None

    def _has_text(self, keys: frozenset[str]) -> bool:
        return any(_is_text(key, self._given) for key in keys)


def _likeliest(head: bytes, spec: ColumnsSpec | None) -> RecordArray | None:
    """Return the first of the document's arrays whose elements have something like the text."""
    arrays = record_arrays(head)
    return next((each for each in arrays if any(_is_text(key, spec) for key in each.keys)), None)


def _is_text(key: str, spec: ColumnsSpec | None) -> bool:
    if spec is None or spec.text is None:
        return looks_like_the_text(key)
    return key in (spec.text.column, spec.text.column.partition(".")[0])
