"""The project's own JSONL, and any other table of objects: one a line, or the elements of one array."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import orjson
import polars as pl

from moderation_pipeline.comments.columns import ColumnsSpec
from moderation_pipeline.comments.json_records import array_records
from moderation_pipeline.comments.json_values import JsonObject, parsed_object
from moderation_pipeline.comments.readers.json_head import JsonHead
from moderation_pipeline.comments.readers.reader import rejected_line
from moderation_pipeline.comments.readers.table import ROWS_AT_A_TIME, Batch, TableReader
from moderation_pipeline.comments.record import RejectedLine, Unreadable
from moderation_pipeline.comments.source import Record, Source


class JsonlReader(TableReader):
    """Reads objects whose keys are columns. A key that an object lacks is null in its row."""

    name = "jsonl"
    describes = "JSONL with our columns, or columns named in a .columns.yaml"

    @classmethod
    def recognises(cls, head: bytes) -> bool:
        """Whether it begins with objects, whatever their keys."""
        looked = JsonHead.of(head)
        return looked.is_lines or looked.is_array

    def column_names(self, source: Source) -> list[str]:
        """Return the keys of the first objects, in their order."""
        names: dict[str, None] = {}
        for record, _ in zip(self._records(source), range(ROWS_AT_A_TIME), strict=False):
            parsed = parsed_object(record.raw)
            if not isinstance(parsed, Unreadable):
                names.update(dict.fromkeys(parsed))
        return list(names)

    def missing(self, spec: ColumnsSpec, names: Sequence[str]) -> list[str]:
        """Return only what no object may lack: another key may be in a later object alone."""
        return [spec.text.column] if spec.text.column not in names else []

    def batches(self, source: Source, columns: Sequence[str]) -> Iterator[Batch]:
        """Yield rows of texts: a number or a flag as JSON writes it."""
        rows: list[list[str | None]] = []
        numbers: list[int] = []
        rejected: list[RejectedLine] = []
        for number, raw, damage in self._records(source):
            parsed = Unreadable(damage) if damage is not None else parsed_object(raw)
            if isinstance(parsed, Unreadable):
                rejected.append(rejected_line(number, parsed.reason, raw))
                continue
            rows.append([_as_text(parsed, column) for column in columns])
            numbers.append(number)
            if len(rows) == ROWS_AT_A_TIME:
                yield Batch(_frame(rows, columns), numbers, rejected)
                rows, numbers, rejected = [], [], []
        yield Batch(_frame(rows, columns), numbers, rejected)

    def _records(self, source: Source) -> Iterator[Record]:
        return array_records(source, []) if JsonHead.of(source.head()).is_array else source.lines()


def _as_text(parsed: JsonObject, column: str) -> str | None:
    value = parsed.get(column)
    if value is None or isinstance(value, str):
        return value
    return orjson.dumps(value).decode()


def _frame(rows: list[list[str | None]], columns: Sequence[str]) -> pl.DataFrame:
    values = zip(*rows, strict=True) if rows else ([] for _ in columns)
    return pl.DataFrame(
        [pl.Series(name, list(each), pl.String) for name, each in zip(columns, values, strict=True)]
    )
