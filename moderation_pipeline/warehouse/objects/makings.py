"""Which parts a process of this machine is just making, so that no other puts published files in their place.

A making is a file that its process holds locked: the lock ends with the process, the file tells what was left. Whoever
looks or begins holds the mirror's own lock meanwhile (`mirror.py`).
"""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple
from uuid import uuid4

from moderation_pipeline.warehouse.folder import DataFolder
from moderation_pipeline.warehouse.objects.parts import PublishedPart


class Making:
    """Parts that this process makes: begun, then made, then over."""

    def __init__(self, folder: DataFolder, parts: Iterable[PublishedPart]) -> None:
        self.parts = tuple(parts)
        self._path = _place(folder) / uuid4().hex
        self._path.parent.mkdir(parents=True, exist_ok=True)
        self._file = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o666)
        fcntl.flock(self._file, fcntl.LOCK_EX)
        self._say({}, is_made=False)

    def made(self, logs: Mapping[str, Sequence[Path]]) -> None:
        """Say that the parts are whole, with the chats' own files: published whatever becomes of this process."""
        self._say({chat: [str(path) for path in paths] for chat, paths in logs.items()}, is_made=True)

    def over(self, *, is_left: bool) -> None:
        """Let go of the parts; what is left is taken up by whoever comes next."""
        if not is_left:
            self._path.unlink(missing_ok=True)
        os.close(self._file)

    def _say(self, logs: Mapping[str, Sequence[str]], *, is_made: bool) -> None:
        told = json.dumps({"is_made": is_made, "parts": self.parts, "logs": logs}).encode()
        os.pwrite(self._file, told, 0)
        os.truncate(self._file, len(told))


class Left(NamedTuple):
    """What a process left that ended before its parts were published."""

    path: Path
    parts: tuple[PublishedPart, ...]
    logs: dict[str, list[Path]]
    is_made: bool


def under_way(folder: DataFolder) -> set[PublishedPart]:
    """Return the parts that processes are making."""
    return {part for path in _files(folder) if not _is_left(path) for part in _told(path).parts}


def left_behind(folder: DataFolder) -> list[Left]:
    """Return what processes left that are no more."""
    return [_told(path) for path in _files(folder) if _is_left(path)]


def _place(folder: DataFolder) -> Path:
    return folder.mirror / "makings"


def _files(folder: DataFolder) -> Iterator[Path]:
    return iter(sorted(_place(folder).glob("*")))


def _is_left(path: Path) -> bool:
    try:
        file = os.open(path, os.O_RDONLY)
    except FileNotFoundError:  # it is over
        return False
    try:
        fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    else:
        return True
    finally:
        os.close(file)


def _told(path: Path) -> Left:
    try:
        told = json.loads(path.read_text("utf-8"))
        logs = {chat: [Path(each) for each in paths] for chat, paths in told["logs"].items()}
        return Left(path, tuple(PublishedPart(*part) for part in told["parts"]), logs, bool(told["is_made"]))
    except (OSError, ValueError):  # over meanwhile, or of a process that was killed before it said anything
        return Left(path, (), {}, is_made=False)
