"""Having the data folder hold what other machines published, for whoever is about to read it, or take it away.

Alone, where MODERATION_WAREHOUSE is unset, the folder is all there is: each of these does nothing, and loads nothing.
"""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import AbstractContextManager, nullcontext

from moderation_pipeline.warehouse.folder import DataFolder, is_shared

CHATS, RESULTS = "chats", "results"
"""Places beside the tables that can be followed: chats' own files, and plots, reports and run logs."""


def followed(
    folder: DataFolder, *, tables: Iterable[str] | None = None, chats: Iterable[str] | None = None
) -> AbstractContextManager[None]:
    """Have the folder hold some tables or places (all unless named), of some chats (all unless named), as published.

    Within the block, which has to be short, it stays so; all of it is of one moment.
    """
    if not is_shared():
        return nullcontext()
    from moderation_pipeline.warehouse.objects.catalogue import Scope
    from moderation_pipeline.warehouse.objects.shared_warehouse import shared_warehouse

    shared = shared_warehouse(folder)
    if shared is None:
        return nullcontext()
    return shared.followed(Scope(_all_or(chats), _all_or(tables)))


def follow(
    folder: DataFolder, *, tables: Iterable[str] | None = None, chats: Iterable[str] | None = None
) -> None:
    """Have the folder hold what `followed` says, as it is published at this moment."""
    with followed(folder, tables=tables, chats=chats):
        pass


def forget(folder: DataFolder, chat: str) -> None:
    """Take what was published of a chat out, on all machines."""
    if is_shared():
        from moderation_pipeline.warehouse.objects.shared_warehouse import shared_warehouse

        shared = shared_warehouse(folder)
        if shared is not None:
            shared.forget(chat)


def _all_or(names: Iterable[str] | None) -> frozenset[str] | None:
    return None if names is None else frozenset(names)
