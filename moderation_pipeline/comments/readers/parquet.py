"""Parquet tables: typed columns, read as far as they are needed."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import polars as pl

from moderation_pipeline.comments.readers.table import Batch, TableReader
from moderation_pipeline.comments.source import PARQUET_MAGIC, Source
from moderation_pipeline.errors import ModerationError

ROWS_OF_A_PARQUET = 262_144
"""Rows converted at a time. The table is columns already; smaller parts would only take longer."""


class DamagedParquetError(ModerationError):
    """A Parquet file that can't be read to its end; nothing of it can be told apart from the rest."""

    def __init__(self, path: Path, error: Exception) -> None:
        reason = str(error).splitlines()[0]
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
        """Return the schema's names.

        Raises:
            DamagedParquetError: the file is not whole.
        """
        try:
            return list(pl.read_parquet_schema(source.path))
        except pl.exceptions.PolarsError as error:
            raise DamagedParquetError(source.path, error) from None

    def batches(self, source: Source, columns: Sequence[str]) -> Iterator[Batch]:
        """Yield the rows in slices."""
        table = pl.scan_parquet(source.path).select(columns)
        height = int(pl.scan_parquet(source.path).select(pl.len()).collect().item())
        for start in range(0, height, ROWS_OF_A_PARQUET):
            try:
                part = table.slice(start, ROWS_OF_A_PARQUET).collect()
            except pl.exceptions.PolarsError as error:
                raise DamagedParquetError(source.path, error) from None
            yield Batch(part, range(start + 1, start + 1 + part.height))
