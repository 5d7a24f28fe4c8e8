"""The warehouse that several machines share, seen from one of them: made here and published, followed and swept.

`shared_warehouse` is null where MODERATION_WAREHOUSE is unset, and then nothing of this is in anybody's way.
"""

from __future__ import annotations

import os
import time
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager
from typing import NamedTuple

from moderation_pipeline.errors import ModerationError
from moderation_pipeline.warehouse.folder import STORE_VARIABLE, WAREHOUSE_VARIABLE, DataFolder
from moderation_pipeline.warehouse.objects.catalogue import (
    EVERYTHING,
    Catalogue,
    CataloguedFile,
    Scope,
)
from moderation_pipeline.warehouse.objects.makings import Making, left_behind
from moderation_pipeline.warehouse.objects.mirror import AT_ONCE, Mirror
from moderation_pipeline.warehouse.objects.object_store import ObjectStore, shown
from moderation_pipeline.warehouse.objects.outbox import LogsOf, Outbox, no_logs, outbox_of
from moderation_pipeline.warehouse.objects.parts import TABLES_IN, PublishedPart, part_files
from moderation_pipeline.warehouse.shared_database import shared_database

SAFE_AGE_S = 24 * 3600.0
"""Objects are never swept earlier: a reader may be fetching what was replaced, a writer not have named what he put."""


class NoSharedStoreError(ModerationError):
    """A shared warehouse without the database that says what is in it."""

    def __init__(self, address: str) -> None:
        super().__init__(
            f"{WAREHOUSE_VARIABLE} is {shown(address)!r}, but {STORE_VARIABLE} is not set, which says what lies "
            "there. Set it to postgresql://USER:PASSWORD@HOST/DATABASE, or unset "
            f"{WAREHOUSE_VARIABLE} to keep tables in the data folder."
        )


class Sweeping(NamedTuple):
    """Objects that nothing names any more: how many, and their bytes."""

    objects: int
    size: int


class SharedWarehouse:
    """A data folder of this machine over a store of objects and a catalogue."""

    def __init__(self, folder: DataFolder, store: ObjectStore, catalogue: Catalogue) -> None:
        self.folder, self._store, self._catalogue = folder, store, catalogue
        self._mirror = Mirror(folder, store, catalogue)

    def followed(self, scope: Scope = EVERYTHING) -> AbstractContextManager[None]:
        """Have the folder hold a scope as it is published, and stay so for a short block."""
        self._take_up()
        return self._mirror.followed(scope)

    def follow(self, scope: Scope = EVERYTHING) -> None:
        """Have the folder hold a scope as it is published at this moment."""
        with self.followed(scope):
            pass

    @contextmanager
    def made_here(self, parts: Sequence[PublishedPart], logs: LogsOf = no_logs) -> Iterator[None]:
        """Publish what the block makes of some parts, all in one change; also where it fails with an error.

        Published files of these parts don't take their places meanwhile. A process that is killed leaves nothing
        published; where the store was away, the next command on this machine publishes what this one made.
        """
        self._take_up()
        with self._mirror.held():
            making = Making(self.folder, parts)
        try:
            yield
        except Exception:
            self._end(making, logs)
            raise
        except BaseException:
            making.over(is_left=True)
            raise
        self._end(making, logs)

    def publish(
        self, parts: Sequence[PublishedPart], logs: LogsOf = no_logs, *, are_runs_made: bool = False
    ) -> None:
        """Publish parts as they are in the folder, all in one change; one that is not there is taken out.

        Where `are_runs_made` a run is published if its tables are new: one that failed before them left half a log.
        """
        published: dict[PublishedPart, dict[str, CataloguedFile]] = {part: {} for part in parts}
        for file in self._catalogue.files_of(parts):
            published[file.part][file.path] = file
        with outbox_of(self.folder, parts, logs, self.folder.mirror / "outbox") as outbox:
            found = {part: outbox.files(part, published[part]) for part in parts}
            changed = {
                part: files
                for part, files in found.items()
                if _is_new(files, published[part], tables_alone=are_runs_made and part.kind == "run")
            }
            as_they_were = {file for files in published.values() for file in files.values()}
            self._publish(changed, outbox, as_they_were)

    def unpublished(self, parts: Iterable[PublishedPart]) -> list[PublishedPart]:
        """Return those of the parts of which nothing is published."""
        wanted = list(parts)
        published = {file.part for file in self._catalogue.files_of(wanted)}
        return [part for part in wanted if part not in published]

    def forget(self, chat: str) -> None:
        """Take all that was made of a chat out of the catalogue."""
        self._catalogue.forget(chat)

    def sweep(self, age_s: float, *, really: bool) -> Sweeping:
        """Return which objects nothing has named for so long, at least a day, and delete them where that is meant."""
        age_s = max(age_s, SAFE_AGE_S)

        def swept() -> dict[str, int]:
            before = time.time() - age_s
            old = {each.sha256: each.size for each in self._store.listed() if each.written_at < before}
            find = self._catalogue.condemn if really else self._catalogue.unnamed
            unnamed = find(old, age_s=age_s)
            if really:
                with ThreadPoolExecutor(AT_ONCE) as pool:
                    list(pool.map(self._store.delete, unnamed))
            return {name: old[name] for name in unnamed}

        gone = self._catalogue.with_no_other_sweeping(swept)
        if really:
            self._catalogue.spare(gone)
        return Sweeping(len(gone), sum(gone.values()))

    def _publish(
        self,
        changed: Mapping[PublishedPart, Sequence[CataloguedFile]],
        outbox: Outbox,
        as_they_were: Collection[CataloguedFile],
    ) -> None:
        """Put what was written, also where its content is an old one's, whose object may be lost; then say so."""
        new = {file.sha256: file for files in changed.values() for file in files if not file.is_folder}
        put = {name: file for name, file in new.items() if file not in as_they_were}
        while changed:
            with ThreadPoolExecutor(AT_ONCE) as pool:
                list(pool.map(self._store.put, map(outbox.path, put.values()), put))
            if not (swept := self._catalogue.publish(changed)):
                return
            self._catalogue.spare(swept)
            put = {name: new[name] for name in swept}

    def _end(self, making: Making, logs: LogsOf) -> None:
        is_left = True
        try:
            making.made({part.chat: logs(part.chat) for part in making.parts if part.kind == "log"})
            self.publish(making.parts, logs, are_runs_made=True)
            is_left = False
        finally:
            making.over(is_left=is_left)

    def _take_up(self) -> None:
        """Publish what other processes of this machine made and could not; take away what they had only begun."""
        with self._mirror.held():
            taken = []
            for left in left_behind(self.folder):
                if left.is_made:
                    making = Making(self.folder, left.parts)
                    making.made(left.logs)
                    taken.append((making, left.logs))
                else:
                    self._drop(left.parts)
                left.path.unlink(missing_ok=True)
        for making, logs in taken:
            self._end(making, lambda chat, logs=logs: logs.get(chat, ()))  # type: ignore[misc]

    def _drop(self, parts: Sequence[PublishedPart]) -> None:
        """Delete the files of parts that nobody published; a chat's own files are not among them."""
        published = {file.path for file in self._catalogue.files_of(parts)}
        for part in parts:
            for path in part_files(self.folder, part):
                if path.relative_to(self.folder.root).as_posix() not in published:
                    path.unlink(missing_ok=True)


def _is_new(
    files: Iterable[CataloguedFile], published: Mapping[str, CataloguedFile], *, tables_alone: bool
) -> bool:
    """Whether files, or the tables among them, are others than those that are published."""

    def told(some: Iterable[CataloguedFile]) -> set[CataloguedFile]:
        return {file for file in some if not tables_alone or file.path.startswith(TABLES_IN)}

    return told(files) != told(published.values())


def shared_warehouse(folder: DataFolder) -> SharedWarehouse | None:
    """Return the warehouse that MODERATION_WAREHOUSE names, as the folder mirrors it; null where that is unset.

    Raises:
        NoSharedStoreError: there is no database to say what it holds.
        BadWarehouseError: the variable holds no address, or one that nothing here can reach.
    """
    address = os.environ.get(WAREHOUSE_VARIABLE, "").strip()
    if not address:
        return None
    database = shared_database()
    if database is None:
        raise NoSharedStoreError(address)
    return SharedWarehouse(folder, ObjectStore(address), Catalogue(database))
