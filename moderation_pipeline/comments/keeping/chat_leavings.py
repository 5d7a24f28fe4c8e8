"""All that the data folder holds of a chat: its log, its tables, its results, and how much that is.

What Dagster's instance knows of it is `defs/home/past_runs.py`'s.
"""

from __future__ import annotations

import os
import shutil
import stat
from collections.abc import Collection, Iterable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

from moderation_pipeline.comments.chat_files import beside, chat_file
from moderation_pipeline.comments.keeping.chat_states import forget_notes
from moderation_pipeline.slugs import check_slug
from moderation_pipeline.warehouse.damage import aside_of
from moderation_pipeline.warehouse.files import EXTENSION
from moderation_pipeline.warehouse.folder import DataFolder
from moderation_pipeline.warehouse.tables import TABLES


class Leaving(NamedTuple):
    """A file or folder of a chat: what it is, where, and its bytes."""

    what: str
    path: Path
    size: int


def leavings(folder: DataFolder, chat: str, log: Path | None) -> list[Leaving]:
    """Return what there is of a chat, its log first, which is where `chat_files` says."""
    cached = {_identity(each) for each in _files(folder.cache.glob("*"))}
    return [
        Leaving(what, path, size_of(path, cached))
        for what, path in _places(folder, chat, log)
        if path.exists()
    ]


def _places(folder: DataFolder, chat: str, log: Path | None) -> Iterator[tuple[str, Path]]:
    check_slug(chat, "Chat")
    if log is not None:
        yield "chat log", log
        yield from (("said beside the log", each) for each in beside(log))
    for name in TABLES:
        of_chat = folder.warehouse / name / f"{chat}{EXTENSION}"
        yield f"table {name}", of_chat
        yield f"table {name}, damaged", aside_of(of_chat)
        yield f"table {name}", folder.warehouse / name / chat
    yield "plots, report and run logs", folder.results / chat
    yield "learned heads", folder.learned_head(chat, "any").parent


def size_of(path: Path, cached: Collection[Identity]) -> int:
    """Return the bytes of a file, or of all files in a folder; none of links to files of the cache.

    The plots' drawing library is such a one: said of each of 200 chats of a dozen comments, it is most of their bytes.
    """
    found = _files(path.rglob("*") if path.is_dir() else [path])
    return sum(each.st_size for each in found if _identity(each) not in cached)


Identity = tuple[int, int]
"""Which file it is, whatever its name: its disk, and its number there."""


def _identity(file: os.stat_result) -> Identity:
    return file.st_dev, file.st_ino


def _files(paths: Iterable[Path]) -> Iterator[os.stat_result]:
    for path in paths:
        with suppress(FileNotFoundError):  # a run that goes on writes beside a file, and puts it in its place
            told = path.stat()
            if stat.S_ISREG(told.st_mode):
                yield told


def take_away(folder: DataFolder, chat: str) -> None:
    """Delete all that there is of a chat, its log first, so that nobody reads it anew meanwhile."""
    for leaving in leavings(folder, chat, chat_file(folder, chat)):
        if leaving.path.is_dir():
            shutil.rmtree(leaving.path)
        else:
            leaving.path.unlink(missing_ok=True)
    forget_notes(folder, chat)
