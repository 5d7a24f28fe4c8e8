"""An SQLite file that several processes read and write: replies and embeddings are kept in one each."""

from __future__ import annotations

import sqlite3
import time
from pathlib import Path

BETWEEN_TRIES_S = 0.02


def connected(
    path: Path, *, patience_s: float, is_autocommit: bool = False, check_same_thread: bool = True
) -> sqlite3.Connection:
    """Return a connection to a file in which readers and a writer don't wait for each other, made if need be.

    A killed process loses nothing that was committed; only a power cut may lose the last moments.

    Raises:
        sqlite3.OperationalError: another process held the file for longer than `patience_s`.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    connection = sqlite3.connect(
        path,
        timeout=patience_s,
        isolation_level=None if is_autocommit else "DEFERRED",
        check_same_thread=check_same_thread,
    )
    try:
        _keep_a_log(connection, time.monotonic() + patience_s)
        connection.execute("pragma synchronous = normal")
    except sqlite3.Error:
        connection.close()
        raise
    return connection


def _keep_a_log(connection: sqlite3.Connection, until: float) -> None:
    """Switch the file to a write-ahead log, which SQLite's own patience does not wait for.

    Two processes that make a file at once switch at once, and the second is told that it is busy.
    """
    while True:
        try:
            connection.execute("pragma journal_mode = wal")
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode != sqlite3.SQLITE_BUSY or time.monotonic() > until:
                raise
            time.sleep(BETWEEN_TRIES_S)
        else:
            return
