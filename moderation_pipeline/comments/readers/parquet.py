"""Parquet tables: typed columns, read as far as they are needed."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import polars as pl

from moderation_pipeline.comments.readers.table import Batch, TableReader
from moderation_pipeline.comments.source import PARQUET_MAGIC, Source

ROWS_OF_A_PARQUET = 262_144
"""Rows converted at a time. The table is columns already; smaller parts would only take longer."""


class ParquetReader(TableReader):
    """Reads the rows of a Parquet file; its row numbers stand for line numbers."""

    name = "parquet"
    describes = "Parquet with our columns, or columns named in a .columns.yaml"

    @classmethod
    def recognises(cls, head: bytes) -> bool:
        """Whether it begins as Parquet files do."""
        return head.startswith(PARQUET_MAGIC)

    def column_names(self, source: Source) -> list[str]:
        """Return the schema's names; none where the file is no whole Parquet."""
        return list(pl.read_parquet_schema(source.path))

    def batches(self, source: Source, columns: Sequence[str]) -> Iterator[Batch]:
        """Yield the rows in slices."""
        table = pl.scan_parquet(source.path).select(columns)
        height = int(pl.scan_parquet(source.path).select(pl.len()).collect().item())
        for start in range(0, height, ROWS_OF_A_PARQUET):
            part = table.slice(start, ROWS_OF_A_PARQUET).collect()
            yield Batch(part, range(start + 1, start + 1 + part.height))
