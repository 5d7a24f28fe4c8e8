"""The data folder as this machine's mirror of the shared warehouse: what it lacks is fetched, and put in its place.

A file is the one that the catalogue names where its size and time of writing are, which holds digits of its content
(`outbox.py`), so that nothing is read to find out. Files that nobody published stay; what processes of this machine
are making stays too.
"""

from __future__ import annotations

import logging
import os
import shutil
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from filelock import FileLock

from moderation_pipeline.warehouse.files import replaced_atomically
from moderation_pipeline.warehouse.folder import DataFolder
from moderation_pipeline.warehouse.objects.catalogue import Catalogue, CataloguedFile, Scope
from moderation_pipeline.warehouse.objects.makings import under_way
from moderation_pipeline.warehouse.objects.object_store import MissingObjectError, ObjectStore
from moderation_pipeline.warehouse.objects.parts import CHAT_FILES

FETCHED = "fetched"
"""The folder of the mirror's own where objects arrive, each under its name, until they take their places."""

LOG = logging.getLogger(__name__)

AT_ONCE = 16
"""Objects on their way at a time: a small one is mostly waiting."""


class Mirror:
    """A data folder, the store and the catalogue that it follows."""

    def __init__(self, folder: DataFolder, store: ObjectStore, catalogue: Catalogue) -> None:
        self.folder, self._store, self._catalogue = folder, store, catalogue
        folder.mirror.mkdir(parents=True, exist_ok=True)

    @contextmanager
    def followed(self, scope: Scope) -> Iterator[None]:
        """Have the files of a scope in their places, all as they are at one moment, and keep them so for the block.

        Other processes of this machine wait meanwhile, so that the block is short: it links what it is to read. A file
        whose object the store has lost is named and left out, so that its run can be made anew.
        """
        lost = self._fetch(self._lacking(self._catalogue.files(scope)).objects)
        while True:
            with self.held():
                lacking = self._lacking(self._catalogue.files(scope))
                late = [file for file in self._not_fetched(lacking.objects) if file.sha256 not in lost]
                if not late:
                    _told(lacking, lost)
                    self._take_out(self._catalogue.gone(scope))
                    self._put_in_place(lacking)
                    yield
                    return
            lost |= self._fetch(late)  # what was published since the first look

    def held(self) -> FileLock:
        """Return the lock under which files take their places; use it in a `with` statement."""
        return FileLock(self.folder.mirror / "lock")

    def is_in_place(self, file: CataloguedFile) -> bool:
        """Whether the folder's file is the one that was published."""
        return _is_as_it_was(self.folder.root / file.path, file)

    def _lacking(self, files: Sequence[CataloguedFile]) -> _Lacking:
        busy = under_way(self.folder)
        lacking, here = [], {}
        for file in files:
            if file.part in busy or self._is_edited(file):
                continue
            if not self.is_in_place(file):
                lacking.append(file)
            else:
                here[file.sha256] = self.folder.root / file.path
        return _Lacking(lacking, here)

    def _is_edited(self, file: CataloguedFile) -> bool:
        """Whether somebody wrote a chat's file here since it was published: reading the chat here publishes it."""
        is_log = file.path.startswith(f"{CHAT_FILES}/") and not file.is_folder
        return is_log and _is_newer(self.folder.root / file.path, file)

    def _not_fetched(self, objects: Iterable[CataloguedFile]) -> list[CataloguedFile]:
        return [file for file in objects if not self._fetched(file).exists()]

    def _fetched(self, file: CataloguedFile) -> Path:
        return self.folder.mirror / FETCHED / file.sha256

    def _fetch(self, objects: Iterable[CataloguedFile]) -> dict[str, MissingObjectError]:
        """Fetch objects, and return those that are not there, each with what is to be said of it."""

        def fetched(file: CataloguedFile) -> MissingObjectError | None:
            try:
                self._store.fetch(file.sha256, file.size, self._fetched(file))
            except MissingObjectError as error:
                return error
            return None

        wanted = self._not_fetched(objects)
        with ThreadPoolExecutor(AT_ONCE) as pool:
            errors = list(pool.map(fetched, wanted))
        return {file.sha256: error for file, error in zip(wanted, errors, strict=True) if error is not None}

    def _take_out(self, gone: Iterable[CataloguedFile]) -> None:
        """Delete what is no longer published, this machine's copy of an older version too; what is newer is its own."""
        busy = under_way(self.folder)
        for file in gone:
            path = self.folder.root / file.path
            if file.part not in busy and not _is_newer(path, file) and path.is_file():
                path.unlink(missing_ok=True)
                self._without_empty(path.parent)

    def _without_empty(self, path: Path) -> None:
        """Take folders away that hold nothing any more, but for those right under the data folder or the warehouse."""
        while len(path.relative_to(self.folder.root).parts) > (
            2 if path.is_relative_to(self.folder.warehouse) else 1
        ):
            try:
                path.rmdir()
            except OSError:
                return
            path = path.parent

    def _put_in_place(self, lacking: _Lacking) -> None:
        for file in lacking.files:
            if not file.is_folder:
                source, target = (
                    lacking.here.get(file.sha256) or self._fetched(file),
                    self.folder.root / file.path,
                )
                if source.exists():
                    _copied(source, target, file.mtime_ns)
                else:  # lost: better none than another's
                    target.unlink(missing_ok=True)
        for file in lacking.files:
            if file.is_folder:  # last, for what was put into it has changed its time
                path = self.folder.root / file.path
                path.mkdir(parents=True, exist_ok=True)
                os.utime(path, ns=(file.mtime_ns, file.mtime_ns))
        for file in lacking.objects:
            self._fetched(file).unlink(missing_ok=True)


class _Lacking(NamedTuple):
    """Files that are not in their places, and where an object is that is another file already."""

    files: list[CataloguedFile]
    here: dict[str, Path]

    @property
    def objects(self) -> list[CataloguedFile]:
        """A file for each object that has to be fetched, however many files it is."""
        lacking = {file.sha256: file for file in self.files if not file.is_folder}
        return [file for name, file in lacking.items() if name not in self.here]


def _told(lacking: _Lacking, lost: Mapping[str, MissingObjectError]) -> None:
    """Name the files whose objects are lost; those that were replaced and swept meanwhile are not missed."""
    for file in lacking.files:
        if file.sha256 in lost and file.sha256 not in lacking.here:
            LOG.warning("%s is left out of every answer. %s", file.path, lost[file.sha256])


def _is_as_it_was(path: Path, file: CataloguedFile) -> bool:
    try:
        told = path.stat()
    except (FileNotFoundError, NotADirectoryError):
        return False
    return told.st_mtime_ns == file.mtime_ns and (file.is_folder or told.st_size == file.size)


def _is_newer(path: Path, file: CataloguedFile) -> bool:
    try:
        return path.stat().st_mtime_ns > file.mtime_ns
    except (FileNotFoundError, NotADirectoryError):
        return False


def _copied(source: Path, target: Path, mtime_ns: int) -> None:
    """Have the content at the target too, with its time; no link, for files of one content were written at many."""
    with replaced_atomically(target) as temporary:
        shutil.copyfile(source, temporary)
        os.utime(temporary, ns=(mtime_ns, mtime_ns))
