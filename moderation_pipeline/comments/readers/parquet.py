"""Parquet tables: typed columns, read as far as they are needed."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO

import polars as pl
from polars.datatypes import DataType, DataTypeClass

from moderation_pipeline.comments.readers.table import Batch, TableReader
from moderation_pipeline.comments.source import PARQUET_MAGIC, Source
from moderation_pipeline.errors import ModerationError

ROWS_OF_A_PARQUET = 262_144
"""Rows converted at a time. The table is columns already; smaller parts would only take longer."""


class DamagedParquetError(ModerationError):
    """A Parquet file that can't be read to its end; nothing of it can be told apart from the rest."""

    def __init__(self, path: Path, error: BaseException) -> None:
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        super().__init__(f"{path} begins as Parquet but can't be read: {reason}. Write or copy it again.")


class ParquetReader(TableReader):
    """Reads the rows of a Parquet file; its row numbers stand for line numbers."""

    name = "parquet"
    describes = "Parquet with our columns, or columns named in a .columns.yaml"

    @classmethod
    def recognises(cls, head: bytes) -> bool:
        """Whether it begins as Parquet files do."""
        return head.startswith(PARQUET_MAGIC)

    def column_names(self, source: Source) -> list[str]:
        """Return the schema's names; those of a struct's fields are paths (`author.id`).

        Raises:
            DamagedParquetError: the file is not whole.
        """
        return list(self._fields(source))

    def batches(self, source: Source, columns: Sequence[str]) -> Iterator[Batch]:
        """Yield the rows in slices.

        Raises:
            DamagedParquetError: the file is not whole.
        """
        fields = self._fields(source)
        table = pl.scan_parquet(source.path, glob=False)
        wanted = table.select([fields[name].alias(name) for name in columns])
        with reading(source.path):
            height = int(table.select(pl.len()).collect().item())
        for start in range(0, height, ROWS_OF_A_PARQUET):
            with reading(source.path):
                part = wanted.slice(start, ROWS_OF_A_PARQUET).collect()
            yield Batch(part, range(start + 1, start + 1 + part.height))

    def _fields(self, source: Source) -> dict[str, pl.Expr]:
        with reading(source.path):
            schema = pl.read_parquet_schema(source.path)
        return {
            path: field
            for name, dtype in schema.items()
            for path, field in _fields_of(name, dtype, pl.col(name))
        }


def _fields_of(path: str, dtype: DataType | DataTypeClass, field: pl.Expr) -> Iterator[tuple[str, pl.Expr]]:
    """Yield what can be a column: the field itself, or instead of a struct what is in it."""
    if not isinstance(dtype, pl.Struct) or not dtype.fields:
        yield path, field
        return
    for inner in dtype.fields:
        yield from _fields_of(f"{path}.{inner.name}", inner.dtype, field.struct.field(inner.name))


@contextmanager
def reading(path: Path) -> Iterator[None]:
    """Turn what Polars makes of a damaged file into our error, and keep its backtrace from the terminal.

    Polars panics at some of them, which is no Exception, and Rust writes that to the process's standard
    error, a hundred lines. What else was written there meanwhile is passed on.
    """
    with tempfile.TemporaryFile() as said:
        try:
            with _standard_error_into(said):
                yield
        except (pl.exceptions.PolarsError, pl.exceptions.PanicException, OSError) as error:
            raise DamagedParquetError(path, error) from None
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
