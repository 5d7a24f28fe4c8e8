"""A frozen picture of some tables, for the length of a query: hard links to the files as they are now.

The rename alone does not protect a reader of a partition that is rewritten: DuckDB (1.5 and 2.0) and Polars
(2.1) open a path twice, once for the footer and once for the data. With a writer beside them, 8 % of DuckDB's
queries mixed two versions of one file or failed, and Polars failed too (measured). A link goes on meaning the
file that it was made of: through links, 1,599 of 1,599 queries were right. A picture is of one moment: where the
tables of a run took their places while it was made (`one_attempt.py`), it is made again.
"""

from __future__ import annotations

import os
import shutil
import stat
import tempfile
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from uuid import uuid4

from moderation_pipeline.warehouse.damage import is_damaged
from moderation_pipeline.warehouse.files import EXTENSION, ensure_schema_file
from moderation_pipeline.warehouse.folder import DataFolder
from moderation_pipeline.warehouse.objects.follow import followed
from moderation_pipeline.warehouse.one_attempt import attempts_in_between, moment, settle
from moderation_pipeline.warehouse.tables import TABLES

PICTURES = ".frozen"
"""The folder under the data folder where pictures are, for links don't cross file systems."""

ABANDONED_AFTER_S = 24 * 3600.0
"""A picture this old was left by a process that was killed."""


@contextmanager
def frozen(folder: DataFolder, tables: Iterable[str]) -> Iterator[DataFolder]:
    """Give a data folder whose warehouse holds the named tables as they are now, whatever is written."""
    pictures = _place_for(folder)
    _sweep(pictures)
    picture = DataFolder(pictures / uuid4().hex)
    wanted = list(tables)
    try:
        with followed(folder, tables=wanted):
            _take(folder, picture, wanted)
        # There rather than in the warehouse, which somebody who only looks may not be allowed to write.
        for table in wanted:
            ensure_schema_file(picture, TABLES[table])
        yield picture
    finally:
        shutil.rmtree(picture.root, ignore_errors=True)


def _take(folder: DataFolder, picture: DataFolder, tables: list[str]) -> None:
    """Link the tables as they are at one moment: anew where a run's tables took their places meanwhile."""
    while True:
        can_settle = _settled(folder)
        before = moment(folder.warehouse)
        if before is None and can_settle:
            continue
        for table in tables:
            _link_all(folder.warehouse / table, picture.warehouse / table)
        if before == moment(folder.warehouse):
            _leave_out_halves(folder, picture, tables)
            return
        shutil.rmtree(picture.root, ignore_errors=True)


def _settled(folder: DataFolder) -> bool:
    try:
        settle(folder.warehouse)
    except OSError:  # who may only look can't finish what a killed process began
        return False
    return True


def _leave_out_halves(folder: DataFolder, picture: DataFolder, tables: list[str]) -> None:
    """Say nothing of a run of which a killed process put some tables in place, and nobody the others."""
    for attempt in attempts_in_between(folder.warehouse):
        for path in attempt.rglob(f"*{EXTENSION}"):
            run = Path(*path.relative_to(attempt).parts[1:])
            for table in tables:
                (picture.warehouse / table / run).unlink(missing_ok=True)


def _place_for(folder: DataFolder) -> Path:
    """Return where pictures are made: beside the warehouse, or among temporary files where that can't be written."""
    place = folder.root / PICTURES
    try:
        # Without parents: whoever only looks, perhaps from the wrong folder, makes no data folder there.
        place.mkdir(exist_ok=True)
    except OSError:
        pass
    else:
        if os.access(place, os.W_OK):
            return place
    return _own_place(Path(tempfile.gettempdir()))


def _own_place(shared: Path) -> Path:
    """Return a folder of this user's among everybody's; another one where somebody else has made that of its name."""
    place = shared / f"moderation-{os.getuid()}{PICTURES}"
    with suppress(FileExistsError):
        place.mkdir(mode=0o700)
    made = place.lstat()
    if stat.S_ISDIR(made.st_mode) and made.st_uid == os.getuid():
        place.chmod(0o700)
        return place
    return Path(tempfile.mkdtemp(prefix="moderation-", dir=shared))


def _link_all(source: Path, target: Path) -> None:
    for directory, _, names in os.walk(source):
        here = target / Path(directory).relative_to(source)
        here.mkdir(parents=True, exist_ok=True)
        for name in names:
            # Left out and named by `damage.py`: one damaged file would fail every query of its view.
            if name.endswith(EXTENSION) and not is_damaged(Path(directory, name)):
                _link(Path(directory, name), here / name)


def _link(source: Path, target: Path) -> None:
    while True:
        try:
            os.link(source, target)
        except FileNotFoundError:
            # Linux also says so when the file is replaced between being found and being linked.
            if source.exists():
                continue
        except OSError:
            # A file system without links: a copy from one open handle is as whole, only dearer.
            with source.open("rb") as reading, target.open("wb") as writing:
                shutil.copyfileobj(reading, writing)
        return


def _sweep(pictures: Path) -> None:
    for picture in pictures.glob("*"):
        try:
            age_s = time.time() - picture.stat().st_mtime
        except FileNotFoundError:
            continue
        if age_s > ABANDONED_AFTER_S:
            shutil.rmtree(picture, ignore_errors=True)
