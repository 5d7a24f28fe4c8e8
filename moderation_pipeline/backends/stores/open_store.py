"""Which reply store there is: the one that machines share where MODERATION_STORE names one, else the data folder's."""

from __future__ import annotations

from moderation_pipeline.backends.stores.sqlite_replies import SqliteReplies
from moderation_pipeline.backends.stores.sqlite_upkeep import SqliteUpkeep
from moderation_pipeline.backends.stores.stored_replies import CacheUpkeep, ReplyStore
from moderation_pipeline.warehouse.folder import DataFolder, has_shared_store


def open_store(folder: DataFolder) -> ReplyStore:
    """Return the store, opened; close it.

    Raises:
        StoreAddressError: MODERATION_STORE holds no address of a Postgres.
        StoreUnreachableError: it doesn't answer.
    """
    if not has_shared_store():
        return SqliteReplies(folder.reply_cache)
    from moderation_pipeline.backends.stores.postgres_replies import PostgresReplies
    from moderation_pipeline.warehouse.shared_database import named_database

    return PostgresReplies(named_database())


def is_there_a_store(folder: DataFolder) -> bool:
    """Whether anything was ever asked, so that a store need not be made to say that it is empty."""
    return has_shared_store() or folder.reply_cache.exists()


def upkeep_of_store(folder: DataFolder, now: float) -> CacheUpkeep:
    """Return what shows and prunes the store; `now` is seconds since 1970."""
    if not has_shared_store():
        return SqliteUpkeep(folder.reply_cache, now)
    from moderation_pipeline.backends.stores.postgres_upkeep import PostgresUpkeep
    from moderation_pipeline.warehouse.shared_database import named_database

    return PostgresUpkeep(named_database(), now)
