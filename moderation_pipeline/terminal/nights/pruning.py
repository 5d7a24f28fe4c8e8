"""What of the data folder was made long ago, by its kind, and how it is taken away."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path

from moderation_pipeline.backends.stores.open_store import upkeep_of_store
from moderation_pipeline.backends.stores.stored_replies import Pruned
from moderation_pipeline.warehouse.files import partition_path, stored_partitions
from moderation_pipeline.warehouse.folder import DataFolder, is_shared
from moderation_pipeline.warehouse.objects.parts import PublishedPart
from moderation_pipeline.warehouse.objects.shared_warehouse import Sweeping, shared_warehouse
from moderation_pipeline.warehouse.tables import ACTION_LOG, AFTER_LOOP, LOOP_TABLES

DAY_S = 86_400.0
RUN_LOGS = "*/*.jsonl*"


def files_before(folder: DataFolder, kind: str, before: float) -> list[Path]:
    """Return the files of a kind (`logs`, `runs`) that were last written before so many seconds since 1970."""
    if kind == "logs":
        return sorted(path for path in folder.results.glob(RUN_LOGS) if path.stat().st_mtime < before)
    old = [path for path in stored_partitions(folder, ACTION_LOG) if path.stat().st_mtime < before]
    tables = (*AFTER_LOOP, *LOOP_TABLES)  # the metrics first: without them a run is none
    places = (partition_path(folder, table, path.parent.name, path.stem) for path in old for table in tables)
    return [path for path in places if path.exists()]


def replies_before(folder: DataFolder, age_s: float, *, really: bool) -> Pruned:
    """Return the replies that are so old, and drop them where that is meant."""
    upkeep = upkeep_of_store(folder, time.time())
    days = age_s / DAY_S
    return upkeep.drop_older_than(days) if really else upkeep.older_than(days)


def take_away(folder: DataFolder, paths: Sequence[Path]) -> None:
    """Delete the files; one that somebody else has taken away already is gone all the same.

    Where several machines share the warehouse, they are taken out of it.
    """
    for path in paths:
        path.unlink(missing_ok=True)
    shared = shared_warehouse(folder) if is_shared() else None
    if shared is not None and paths:
        runs = {PublishedPart("run", path.parent.name, path.name.partition(".")[0]) for path in paths}
        shared.publish(sorted(runs))


def objects_before(folder: DataFolder, age_s: float, *, really: bool) -> Sweeping | None:
    """Return the objects of a shared warehouse that nothing has named for so long, and delete them if that is meant.

    Null where no warehouse is shared.
    """
    shared = shared_warehouse(folder) if is_shared() else None
    return None if shared is None else shared.sweep(age_s, really=really)
