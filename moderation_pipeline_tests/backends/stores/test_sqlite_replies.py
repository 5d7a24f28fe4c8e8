"""The reply store of one machine: a file in which nobody waits, and claims by machines that share it."""

from __future__ import annotations

import asyncio
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from moderation_pipeline.backends.stores.sqlite_replies import SqliteReplies
from moderation_pipeline.backends.stores.stored_replies import LEASE_S, Wish


def test_the_store_is_in_wal_mode_so_that_readers_and_writers_don_t_wait(tmp_path: Path) -> None:
    store = SqliteReplies(tmp_path / "replies.sqlite")
    with closing(sqlite3.connect(store.path)) as reader:
        assert reader.execute("pragma journal_mode").fetchone() == ("wal",)
    store.close()


def test_a_claim_of_a_machine_that_is_not_heard_of_any_more_is_void_within_seconds(tmp_path: Path) -> None:
    """As of a container that comes back under another name."""
    now = [1_000.0]
    store = SqliteReplies(tmp_path / "replies.sqlite", now=lambda: now[0])
    run = store.begin_run("same")
    wanted = Wish(b"key", run.run_id)
    asyncio.run(store.claim(wanted))
    with closing(sqlite3.connect(store.path, isolation_level=None)) as other:
        other.execute("update claims set owner = 'box-a:1:abc'")

    assert not asyncio.run(store.claim(wanted)).is_ours
    assert store.begin_run("same").claimed_elsewhere == ("box-a",)
    now[0] += LEASE_S
    assert store.begin_run("same").claimed_elsewhere == ()
    assert asyncio.run(store.claim(wanted)).is_ours
    store.close()


def test_a_living_process_renews_its_claims(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("moderation_pipeline.backends.stores.sqlite_replies.RENEWED_EVERY_S", 0.01)
    times = iter(range(1, 1_000_000))
    store = SqliteReplies(tmp_path / "replies.sqlite", now=lambda: float(next(times)))
    asyncio.run(store.claim(Wish(b"key", store.begin_run("same").run_id)))
    with closing(sqlite3.connect(store.path)) as other:
        seen = {other.execute("select claimed_at from claims").fetchone()[0]}
        while len(seen) < 3:
            seen.add(other.execute("select claimed_at from claims").fetchone()[0])
    store.close()
