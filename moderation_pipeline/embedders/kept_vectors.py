"""Where embeddings are kept: vectors by embedder and hash of the text, in SQLite (WAL: several runs at once).

Where several machines share a store it is `shared_vectors.py`. What is embedded and when is `kept_embeddings.py`'s.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from moderation_pipeline.warehouse.shared_file import connected

SCHEMA = """
create table if not exists embeddings (
    embedder text not null, text_hash blob not null, vector blob not null, primary key (embedder, text_hash)
) without rowid
"""
PATIENCE_S = 60
"""How long a write waits for another process's to end."""


class OpenVectors(Protocol):
    """Vectors of which one may ask."""

    def read(self, embedder: str, text_hashes: Sequence[bytes]) -> dict[bytes, bytes]:
        """Return those of the vectors that are kept."""
        ...

    def write(self, embedder: str, vectors: Mapping[bytes, bytes]) -> None:
        """Keep vectors; one that another process has kept meanwhile stays."""
        ...


class KeptVectors(Protocol):
    """A place where vectors are kept."""

    def opened(self) -> AbstractContextManager[OpenVectors]:
        """Give the vectors for a while."""
        ...


@dataclass(frozen=True, slots=True)
class SqliteVectors(KeptVectors):
    """A file of the data folder, made when it is first opened."""

    path: Path

    @contextmanager
    def opened(self) -> Iterator[OpenVectors]:
        """Give the file's vectors."""
        with closing(connected(self.path, patience_s=PATIENCE_S)) as connection:
            connection.execute(SCHEMA)
            yield _OpenFile(connection)


@dataclass(frozen=True, slots=True)
class _OpenFile(OpenVectors):
    connection: sqlite3.Connection

    def read(self, embedder: str, text_hashes: Sequence[bytes]) -> dict[bytes, bytes]:
        places = ", ".join("?" * len(text_hashes))
        return dict(
            self.connection.execute(
                f"select text_hash, vector from embeddings where embedder = ? and text_hash in ({places})",
                [embedder, *text_hashes],
            )
        )

    def write(self, embedder: str, vectors: Mapping[bytes, bytes]) -> None:
        with self.connection:
            self.connection.executemany(
                "insert or ignore into embeddings values (?, ?, ?)",
                [(embedder, key, vector) for key, vector in vectors.items()],
            )
