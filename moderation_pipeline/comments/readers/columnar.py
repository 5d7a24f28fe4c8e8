"""Tables of typed columns, read as far as they are needed: Parquet, and Arrow's files, which are Feather's too.

A group of rows has to be in memory whole, for it is cut into columns and not into rows. What a small file may grow
to is bounded as it is for a compressed log (`source.py`), and a value may be as long as a line may.
"""

from __future__ import annotations

import os
import tempfile
from abc import abstractmethod
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO, ClassVar

import polars as pl
from polars.datatypes import DataType, DataTypeClass

from moderation_pipeline.comments.columns import ColumnsSpec
from moderation_pipeline.comments.readers.table import Batch, TableReader
from moderation_pipeline.comments.record import RejectedLine
from moderation_pipeline.comments.source import (
    ARROW_MAGIC,
    ARROW_STREAM_MAGIC,
    BOMB_BYTES,
    LINE_LIMIT,
    MOST_GROWTH,
    PARQUET_MAGIC,
    Source,
)
from moderation_pipeline.errors import ModerationError

ROWS_OF_COLUMNS = 262_144
"""Rows converted at a time. The table is columns already; smaller parts would only take longer."""


TOO_GROWN = f"it grows to more than {MOST_GROWTH} times its size, as no chat does"


class DamagedTableError(ModerationError):
    """A file of columns that can't be read to its end; nothing of it can be told apart from the rest."""

    def __init__(self, path: Path, called: str, error: BaseException) -> None:
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        super().__init__(f"{path} begins as {called} but can't be read: {reason}. Write or copy it again.")


class WrappedTableError(ModerationError):
    """A file of columns within a compressed one: its columns are found from its end, which only a plain file has."""

    def __init__(self, path: Path, called: str) -> None:
        super().__init__(
            f"{path} is {called} within gzip or zstd, and those are unpacked of texts alone. Unpack it first; "
            f"{called} compresses its columns by itself."
        )


class ColumnarReader(TableReader):
    """Reads the rows of a file of columns; its row numbers stand for line numbers."""

    called: ClassVar[str]
    magic: ClassVar[tuple[bytes, ...]]

    @classmethod
    def recognises(cls, head: bytes) -> bool:
        """Whether it begins as such files do."""
        return head.startswith(cls.magic)

    @abstractmethod
    def scanned(self, path: Path) -> pl.LazyFrame:
        """Return the table, unread."""

    def column_names(self, source: Source) -> list[str]:
        """Return the schema's names; those of a struct's fields are paths (`author.id`).

        Raises:
            DamagedTableError: the file is not whole.
            WrappedTableError: it lies within a compressed one.
        """
        return list(self._fields(source))

    def batches(self, source: Source, columns: Sequence[str]) -> Iterator[Batch]:
        """Yield the rows in slices.

        Raises:
            DamagedTableError: the file is not whole.
            WrappedTableError: it lies within a compressed one.
        """
        fields = self._fields(source)
        table = self.scanned(source.path)
        wanted = table.select([fields[name].alias(name) for name in columns])
        with reading(source.path, self.called):
            height = int(table.select(pl.len()).collect().item())
        grown = 0
        for start in range(0, height, ROWS_OF_COLUMNS):
            with reading(source.path, self.called):
                part = wanted.slice(start, ROWS_OF_COLUMNS).collect()
            grown += _bytes_of(part)
            refuse_grown(source.path, self.called, grown)
            yield without_too_long(part, range(start + 1, start + 1 + part.height))

    def _fields(self, source: Source) -> dict[str, pl.Expr]:
        with source.path.open("rb") as file:
            if not file.read(max(map(len, self.magic))).startswith(self.magic):
                raise WrappedTableError(source.path, self.called)
        with reading(source.path, self.called):
            schema = self.scanned(source.path).collect_schema()
        return {
            path: field
            for name, dtype in schema.items()
            for path, field in _fields_of(name, dtype, pl.col(name))
        }


class ParquetReader(ColumnarReader):
    """Reads Parquet."""

    name = "parquet"
    describes = "Parquet with our columns, or columns named in a .columns.yaml"
    called = "Parquet"
    magic = (PARQUET_MAGIC,)

    def scanned(self, path: Path) -> pl.LazyFrame:
        """Return the table, unread."""
        return pl.scan_parquet(path, glob=False)


class ArrowReader(ColumnarReader):
    """Reads Arrow's files, what Polars writes as IPC, and pandas and R as Feather; and its streams."""

    name = "arrow"
    describes = "Arrow (Feather) with our columns, or columns named in a .columns.yaml"
    called = "Arrow"
    magic = (ARROW_MAGIC, ARROW_STREAM_MAGIC)

    def __init__(self, spec: ColumnsSpec | None = None) -> None:
        super().__init__(spec)
        self._streamed: pl.LazyFrame | None = None

    def scanned(self, path: Path) -> pl.LazyFrame:
        """Return the table, unread; of a stream, which can only be read from its beginning on, in memory."""
        with path.open("rb") as file:
            is_stream = file.read(len(ARROW_STREAM_MAGIC)) == ARROW_STREAM_MAGIC
        if not is_stream:
            return pl.scan_ipc(path, glob=False)
        if self._streamed is None:
            self._streamed = _of_stream(path).lazy()
        return self._streamed


def _of_stream(path: Path) -> pl.DataFrame:
    """Return the table of a stream. Ever more of it is read, so that one that grows without end is seen to."""
    rows = ROWS_OF_COLUMNS
    while True:
        table = pl.read_ipc_stream(path, n_rows=rows)
        refuse_grown(path, "Arrow", _bytes_of(table))
        if table.height < rows:
            return table
        rows *= 4


def refuse_grown(path: Path, called: str, grown: int) -> None:
    """Refuse a file that becomes so many bytes.

    Raises:
        DamagedTableError: they are more than a table of its size has.
    """
    if grown > max(BOMB_BYTES, MOST_GROWTH * path.stat().st_size):
        raise DamagedTableError(path, called, ValueError(TOO_GROWN))


def _bytes_of(part: pl.DataFrame) -> int:
    lengths = part.select(pl.col(pl.String).str.len_bytes().cast(pl.Int64).sum())
    return sum(lengths.row(0)) if lengths.width else 0


def without_too_long(part: pl.DataFrame, numbers: Sequence[int]) -> Batch:
    """Return the rows under their numbers, and as rejected those with a value longer than any line may be."""
    is_too_long = pl.any_horizontal(
        pl.lit(value=False), pl.col(pl.String).str.len_bytes().fill_null(0) > LINE_LIMIT
    )
    too_long = part.select(is_too_long.alias("is")).to_series()
    if not too_long.any():
        return Batch(part, numbers)
    reason = f"longer than {LINE_LIMIT:,} bytes"
    rejected = [RejectedLine(numbers[at], reason, "") for at in too_long.arg_true()]
    return Batch(part.filter(~too_long), [numbers[at] for at in (~too_long).arg_true()], rejected)


def _fields_of(path: str, dtype: DataType | DataTypeClass, field: pl.Expr) -> Iterator[tuple[str, pl.Expr]]:
    """Yield what can be a column: the field itself, or instead of a struct what is in it."""
    if not isinstance(dtype, pl.Struct) or not dtype.fields:
        yield path, field
        return
    for inner in dtype.fields:
        yield from _fields_of(f"{path}.{inner.name}", inner.dtype, field.struct.field(inner.name))


@contextmanager
def reading(path: Path, called: str) -> Iterator[None]:
    """Turn what Polars makes of a damaged file into our error, and keep its backtrace from the terminal.

    Polars panics at some of them, which is no Exception, and Rust writes that to the process's standard
    error, a hundred lines. What else was written there meanwhile is passed on.
    """
    with tempfile.TemporaryFile() as said:
        try:
            with _standard_error_into(said):
                yield
        except (pl.exceptions.PolarsError, pl.exceptions.PanicException, OSError) as error:
            raise DamagedTableError(path, called, error) from None
        said.seek(0)
        os.write(2, said.read())


@contextmanager
def _standard_error_into(file: IO[bytes]) -> Iterator[None]:
    kept = os.dup(2)
    os.dup2(file.fileno(), 2)
    try:
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)
