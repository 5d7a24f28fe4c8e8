"""All that the data folder holds of a chat: its log, its tables, its results, and how much that is.

What Dagster's instance knows of it is `defs/home/past_runs.py`'s.
"""

from __future__ import annotations

import shutil
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import NamedTuple

from moderation_pipeline.comments.chat_files import beside, chat_file
from moderation_pipeline.comments.keeping.chat_states import forget_notes
from moderation_pipeline.slugs import check_slug
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
    cached = {each.stat().st_ino for each in folder.cache.glob("*") if each.is_file()}
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
        yield f"table {name}", folder.warehouse / name / f"{chat}{EXTENSION}"
        yield f"table {name}", folder.warehouse / name / chat
    yield "plots, report and run logs", folder.results / chat
    yield "learned heads", folder.learned_head(chat, "any").parent


def size_of(path: Path, cached: Collection[int]) -> int:
    """Return the bytes of a file, or of all files in a folder; none of links to files of the cache, by their inodes.

    The plots' drawing library is such a one: said of each of 200 chats of a dozen comments, it is most of their bytes.
    """
    files = path.rglob("*") if path.is_dir() else [path]
    told = [each.stat() for each in files if each.is_file()]
    return sum(each.st_size for each in told if each.st_ino not in cached)


def take_away(folder: DataFolder, chat: str) -> None:
    """Delete all that there is of a chat, its log first, so that nobody reads it anew meanwhile."""
    for leaving in leavings(folder, chat, chat_file(folder, chat)):
        if leaving.path.is_dir():
            shutil.rmtree(leaving.path)
        else:
            leaving.path.unlink(missing_ok=True)
    forget_notes(folder, chat)
