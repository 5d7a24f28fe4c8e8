"""Keeps what a model embedded, so that no text is embedded twice: wraps an Embedder, and is one.

Kept in SQLite (WAL: several runs may read and write at once), by embedder and a hash of the text, as
half-precision numbers; what is returned is always what would be read back, so a warm run equals a cold one.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Sequence
from contextlib import closing
from hashlib import blake2b
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from moderation_pipeline.embedders.embedder import Embedder, Vectors, words_of
from moderation_pipeline.warehouse.shared_file import connected

SCHEMA = """
create table if not exists embeddings (
    embedder text not null, text_hash blob not null, vector blob not null, primary key (embedder, text_hash)
) without rowid
"""
PATIENCE_S = 60
"""How long a write waits for another process's to end."""
AT_ONCE = 512
"""Texts asked for and written at a time: what is embedded survives a kill in steps of this many."""
IN_MEMORY = 20_000
"""Vectors held in memory besides (30 MB at 384 dimensions): chats repeat what was just said."""


class KeptEmbeddings(Embedder):
    """An embedder of dense vectors whose work is kept on disk."""

    def __init__(self, inner: Embedder, path: Path) -> None:
        self.name = inner.name
        self._inner = inner
        self._path = path
        self._recent: dict[bytes, NDArray[np.float32]] = {}

    def embed(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Return unit vectors, one row per text; distinct words are embedded once, ever."""
        if not texts:
            return _dense(self._inner.embed([]))
        hashes = [_hash(words_of(text)) for text in texts]
        wanted = dict(zip(hashes, texts, strict=True))
        found = {key: self._recent[key] for key in wanted if key in self._recent}
        missing = [key for key in wanted if key not in found]
        if missing:
            found |= self._from_disk(missing, wanted)
            self._remember(found)
        return np.stack([found[key] for key in hashes])

    def _from_disk(
        self, missing: Sequence[bytes], wanted: dict[bytes, str]
    ) -> dict[bytes, NDArray[np.float32]]:
        """Return the vectors of these texts, embedding and keeping those that no run embedded before."""
        found: dict[bytes, NDArray[np.float32]] = {}
        with closing(self._connected()) as connection:
            for begin in range(0, len(missing), AT_ONCE):
                asked = missing[begin : begin + AT_ONCE]
                found |= self._read(connection, asked)
                new = [key for key in asked if key not in found]
                if new:
                    halves = _dense(self._inner.embed([wanted[key] for key in new])).astype(np.float16)
                    self._write(connection, zip(new, halves, strict=True))
                    found |= dict(zip(new, map(_unit, halves), strict=True))
        return found

    def _connected(self) -> sqlite3.Connection:
        connection = connected(self._path, patience_s=PATIENCE_S)
        connection.execute(SCHEMA)
        return connection

    def _read(
        self, connection: sqlite3.Connection, keys: Sequence[bytes]
    ) -> dict[bytes, NDArray[np.float32]]:
        places = ", ".join("?" * len(keys))
        rows = connection.execute(
            f"select text_hash, vector from embeddings where embedder = ? and text_hash in ({places})",
            [self.name, *keys],
        )
        return {key: _unit(np.frombuffer(blob, np.float16)) for key, blob in rows}

    def _write(
        self, connection: sqlite3.Connection, rows: Iterable[tuple[bytes, NDArray[np.float16]]]
    ) -> None:
        with connection:
            connection.executemany(
                "insert or ignore into embeddings values (?, ?, ?)",
                [(self.name, key, vector.tobytes()) for key, vector in rows],
            )

    def _remember(self, found: dict[bytes, NDArray[np.float32]]) -> None:
        self._recent |= found
        for key in list(self._recent)[: max(len(self._recent) - IN_MEMORY, 0)]:
            del self._recent[key]


def _hash(text: str) -> bytes:
    return blake2b(text.encode(), digest_size=16).digest()


def _unit(half: NDArray[np.float16]) -> NDArray[np.float32]:
    vector = half.astype(np.float32)
    return np.asarray(vector / np.linalg.norm(vector), dtype=np.float32)


def _dense(vectors: Vectors) -> NDArray[np.float32]:
    if not isinstance(vectors, np.ndarray):
        raise TypeError(
            f"Only dense vectors are kept, not {type(vectors).__name__}: counting anew is faster."
        )
    return vectors
