"""Tests of files that several processes share: opening one waits while another process is making it."""

from __future__ import annotations

import sqlite3
import threading
from pathlib import Path

import pytest

from moderation_pipeline.warehouse.shared_file import connected


def test_opening_waits_while_another_holds_the_file_that_has_no_log_yet(tmp_path: Path) -> None:
    path = tmp_path / "kept.sqlite"
    other = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
    other.execute("create table kept (number integer)")
    other.execute("begin exclusive")
    threading.Timer(0.3, other.execute, ["commit"]).start()

    connection = connected(path, patience_s=60)

    assert connection.execute("pragma journal_mode").fetchone() == ("wal",)
    connection.close()
    other.close()


def test_patience_ends(tmp_path: Path) -> None:
    path = tmp_path / "kept.sqlite"
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("create table kept (number integer)")
    other.execute("begin exclusive")

    with pytest.raises(sqlite3.OperationalError, match="locked"):
        connected(path, patience_s=0.1)
    other.close()
