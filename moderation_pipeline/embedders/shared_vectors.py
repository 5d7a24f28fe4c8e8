"""Embeddings kept for several machines, in the Postgres that they share: what one has embedded no other embeds."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from sqlalchemy import Engine, text

from moderation_pipeline.embedders.kept_vectors import KeptVectors, OpenVectors
from moderation_pipeline.warehouse.shared_database import in_transaction, make_tables

TABLES = (
    """
    create table if not exists moderation.embeddings (
        embedder text not null, text_hash bytea not null, vector bytea not null, primary key (embedder, text_hash)
    )
    """,
)

READ = text("""
    select text_hash, vector from moderation.embeddings
    where embedder = :embedder and text_hash = any(cast(:keys as bytea[]))
""")

WRITE = text("""
    insert into moderation.embeddings
    select :embedder, * from unnest(cast(:keys as bytea[]), cast(:vectors as bytea[])) as t (text_hash, vector)
    -- In one order, so that two who write the same never wait for each other.
    order by text_hash on conflict do nothing
""")


@dataclass(frozen=True, slots=True)
class SharedVectors(KeptVectors, OpenVectors):
    """A table of the shared database."""

    engine: Engine

    @contextmanager
    def opened(self) -> Iterator[OpenVectors]:
        """Give the table's vectors."""
        make_tables(self.engine, "embeddings", TABLES)
        yield self

    def read(self, embedder: str, text_hashes: Sequence[bytes]) -> dict[bytes, bytes]:
        """Return those of the vectors that are kept."""
        given = {"embedder": embedder, "keys": list(text_hashes)}
        rows = in_transaction(self.engine, lambda connection: connection.execute(READ, given).all())
        return {row.text_hash: row.vector for row in rows}

    def write(self, embedder: str, vectors: Mapping[bytes, bytes]) -> None:
        """Keep vectors; one that another machine has kept meanwhile stays."""
        given = {"embedder": embedder, "keys": list(vectors), "vectors": list(vectors.values())}
        in_transaction(self.engine, lambda connection: connection.execute(WRITE, given))
