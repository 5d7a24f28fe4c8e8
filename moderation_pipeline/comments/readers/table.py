"""What the readers of tables share: a spec or a guess first, then rows to columns of ours, a chunk at a time.

The formats are its neighbours `jsonl.py`, `csv_table.py` and `parquet.py`.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import polars as pl

from moderation_pipeline.comments.columns import ColumnsSpec, MissingColumnsError, guessed_columns
from moderation_pipeline.comments.mapping import TableMapping
from moderation_pipeline.comments.ordering import Order
from moderation_pipeline.comments.readers.reader import Reader
from moderation_pipeline.comments.record import RAW_LIMIT, Chunk, RejectedLine
from moderation_pipeline.comments.source import Source

ROWS_AT_A_TIME = 16_384


class Batch(NamedTuple):
    """Consecutive rows: their columns, the lines they stand in, and what could not be cut into columns."""

    table: pl.DataFrame
    numbers: Sequence[int]
    rejected: Sequence[RejectedLine] = ()


class TableReader(Reader):
    """Reads a table. A subclass says what its columns are called and gives their values."""

    def __init__(self, spec: ColumnsSpec | None = None) -> None:
        super().__init__()
        self._given = spec
        self.spec = spec

    @property
    def order(self) -> Order:
        """A table's own: `order_by` where its spec has that, else a shuffle, else time."""
        return Order(is_table=True, shuffle_seed=self.spec.shuffle_seed if self.spec is not None else None)

    @abstractmethod
    def column_names(self, source: Source) -> list[str]:
        """Return what the file calls its columns."""

    @abstractmethod
    def batches(self, source: Source, columns: Sequence[str]) -> Iterator[Batch]:
        """Yield the rows with those columns, ROWS_AT_A_TIME or so at a time."""

    def chunks(self, source: Source) -> Iterator[Chunk]:
        """Yield the rows as comments.

        Raises:
            ColumnsError: the spec names a column that isn't there, no column looks like the text, or labels
                have values that are none of ours.
        """
        spec = self._resolved(source)
        self.spec = spec
        mapping = TableMapping(spec, source.path)
        for batch in self.batches(source, spec.theirs()):
            rows = mapping.rows(batch.table, batch.numbers)
            bad = [
                RejectedLine(batch.numbers[index], reason, _shown(batch.table, index))
                for index, reason in rows.unreadable
            ]
            records = len(batch.numbers) + len(batch.rejected)
            yield Chunk(rows.comments, rejected=[*batch.rejected, *bad], records=records)
        mapping.check_labels()
        self.notes.extend(mapping.notes)

    def missing(self, spec: ColumnsSpec, names: Sequence[str]) -> list[str]:
        """Return the columns that the spec names and the file doesn't have."""
        return [name for name in spec.theirs() if name not in names]

    def _resolved(self, source: Source) -> ColumnsSpec:
        names = self.column_names(source)
        if self._given is None:
            spec, notes = guessed_columns(names, source.path)
            self.notes.extend(notes)
            return spec
        missing = self.missing(self._given, names)
        if missing:
            raise MissingColumnsError(source.path, missing, names)
        unread = [name for name in names if name not in self._given.theirs()]
        if unread:
            self.notes.append(f"Columns that were not read: {', '.join(unread)}.")
        return self._given


def _shown(table: pl.DataFrame, index: int) -> str:
    return "; ".join(f"{name}={value}" for name, value in table.row(index, named=True).items())[:RAW_LIMIT]
