"""Files of parts as they are at one moment, linked where nobody writes, for as long as they are published."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from uuid import uuid4

from moderation_pipeline.warehouse.files import EXTENSION
from moderation_pipeline.warehouse.folder import DataFolder
from moderation_pipeline.warehouse.objects.catalogue import FOLDER, CataloguedFile
from moderation_pipeline.warehouse.objects.object_store import sha256_of
from moderation_pipeline.warehouse.objects.parts import PublishedPart, part_files
from moderation_pipeline.warehouse.one_attempt import moment, settle

STAMP_NS = 1_000_000

LogsOf = Callable[[str], Sequence[Path]]
"""What a chat's own files and folders are, by its name: the rooms above know, which read them."""


def no_logs(_chat: str) -> Sequence[Path]:
    """Return nothing: no chat's own files are published."""
    return ()


class Outbox:
    """The files of some parts, linked under `root` as they lie under the data folder."""

    def __init__(self, folder: DataFolder, root: Path) -> None:
        self._folder, self._root = folder, root
        self._paths: dict[PublishedPart, list[Path]] = {}

    def take(self, parts: Iterable[PublishedPart], logs: LogsOf) -> bool:
        """Link the files; false where a run's tables took their places meanwhile, or a file went."""
        settle(self._folder.warehouse)
        before = moment(self._folder.warehouse)
        try:
            for part in parts:
                log = tuple(logs(part.chat)) if part.kind == "log" else ()
                self._paths[part] = [self._linked(path) for path in part_files(self._folder, part, log)]
        except FileNotFoundError:
            return False
        return before is not None and before == moment(self._folder.warehouse)

    def files(self, part: PublishedPart, published: Mapping[str, CataloguedFile]) -> list[CataloguedFile]:
        """Return the files of a part; what is as it was published is not read again."""
        return [self._file(part, path, published) for path in self._paths[part]]

    def path(self, file: CataloguedFile) -> Path:
        """Return where a file is linked."""
        return self._root / file.path

    def _linked(self, path: Path) -> Path:
        linked = self._root / path.relative_to(self._folder.root)
        if path.is_dir():
            linked.mkdir(parents=True, exist_ok=True)
            return linked
        linked.parent.mkdir(parents=True, exist_ok=True)
        if path.name.endswith(EXTENSION):
            try:
                os.link(path, linked)
            except FileNotFoundError:
                raise
            except OSError:  # a file system without links
                shutil.copy2(path, linked)
        else:  # written where it lies, and not anew
            shutil.copy2(path, linked)
        return linked

    def _file(
        self, part: PublishedPart, linked: Path, published: Mapping[str, CataloguedFile]
    ) -> CataloguedFile:
        path = linked.relative_to(self._root).as_posix()
        if linked.is_dir():
            told = (self._folder.root / path).stat()
            return CataloguedFile(path, part, FOLDER, 0, told.st_mtime_ns)
        told = linked.stat()
        before = published.get(path)
        if before is not None and (before.size, before.mtime_ns) == (told.st_size, told.st_mtime_ns):
            return before
        name = sha256_of(linked)
        stamped = told.st_mtime_ns if part.kind == "log" else stamped_ns(told.st_mtime_ns, name)
        self._stamp(linked, told, stamped)
        return CataloguedFile(path, part, name, told.st_size, stamped)

    def _stamp(self, linked: Path, told: os.stat_result, mtime_ns: int) -> None:
        """Have the linked file and the folder's be of the time that is published."""
        os.utime(linked, ns=(told.st_atime_ns, mtime_ns))
        if linked.name.endswith(EXTENSION):  # one and the same, unless another's took its place since
            return
        with suppress(FileNotFoundError):
            path = self._folder.root / linked.relative_to(self._root)
            now = path.stat()
            if (now.st_size, now.st_mtime_ns) == (told.st_size, told.st_mtime_ns):
                os.utime(path, ns=(now.st_atime_ns, mtime_ns))


def stamped_ns(mtime_ns: int, sha256: str) -> int:
    """Return a file's time, at most two milliseconds later, in which the last six digits are its content's.

    Systems tell time by ticks of some 4 ms (measured), and a table of one row is often as long as one of two: two
    machines' files of one size and one tick would else be taken for one another.
    """
    return (mtime_ns // STAMP_NS + 1) * STAMP_NS + int(sha256[:12], 16) % STAMP_NS


@contextmanager
def outbox_of(
    folder: DataFolder, parts: Sequence[PublishedPart], logs: LogsOf, place: Path
) -> Iterator[Outbox]:
    """Give the files of some parts as they are at one moment."""
    root = place / uuid4().hex
    try:
        while not (outbox := Outbox(folder, root)).take(parts, logs):
            shutil.rmtree(root, ignore_errors=True)
        yield outbox
    finally:
        shutil.rmtree(root, ignore_errors=True)
