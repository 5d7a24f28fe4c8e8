"""Reply stores for tests: the data folder's own or the shared one, whichever the test's environment names."""

from __future__ import annotations

import time
from collections.abc import Callable

from moderation_pipeline.backends.stores.postgres_replies import PostgresReplies
from moderation_pipeline.backends.stores.sqlite_replies import SqliteReplies
from moderation_pipeline.backends.stores.stored_replies import ReplyStore
from moderation_pipeline.warehouse.folder import DataFolder
from moderation_pipeline.warehouse.shared_database import shared_database


def opened(folder: DataFolder, *, now: Callable[[], float] = time.time) -> ReplyStore:
    """Return a store as a process of its own would open it, by the clock `now`."""
    database = shared_database()
    return (
        SqliteReplies(folder.reply_cache, now=now) if database is None else PostgresReplies(database, now=now)
    )
