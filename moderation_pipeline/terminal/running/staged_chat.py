"""A chat that waits beside data/chats' own until it is read whole, and takes the old one's place at once.

A process that is killed leaves a folder that nobody takes for a chat; the next `moderation add` or `run` puts the
chat back that was just being replaced, and clears the folder away. What the chat consists of is `added_chat.py`'s.
"""

from __future__ import annotations

import errno
import fcntl
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO
from uuid import uuid4

from moderation_pipeline.comments.chat_files import BESIDE, beside, chat_file, chat_name
from moderation_pipeline.comments.files.arrival import Arrival
from moderation_pipeline.errors import ModerationError
from moderation_pipeline.warehouse.folder import DataFolder

ROOMS = ".arriving-"
"""How the folders begin in which chats wait; it is hidden, so it is no chat."""

FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


class NoSpaceError(ModerationError):
    """A disk too full for the chat's files."""

    def __init__(self, place: Path, source: str) -> None:
        free = shutil.disk_usage(place).free // 1_000_000
        super().__init__(
            f"There is no space left in {place} for {source}: {free:,} MB are free. Nothing was added. Make "
            f"room there, or name another data folder with --data."
        )


@contextmanager
def waiting_room(folder: DataFolder) -> Iterator[Path]:
    """Give an empty folder on the file system of the chats, and remove it with what is left in it."""
    clear_up(folder)
    made = [each for each in (folder.root, folder.chats) if not each.exists()]
    room, lock = _locked_room(folder.chats)
    try:
        yield room
    finally:
        shutil.rmtree(room, ignore_errors=True)
        os.close(lock)
        for each in reversed(made):
            if not any(each.iterdir()):
                each.rmdir()


def _locked_room(chats: Path) -> tuple[Path, int]:
    while True:
        room = chats / f"{ROOMS}{uuid4().hex}"
        room.mkdir(parents=True)
        lock = os.open(room, os.O_RDONLY)
        fcntl.flock(lock, fcntl.LOCK_EX)
        if room.exists():
            return room, lock
        os.close(lock)  # Another process cleared it up before it was locked.


def clear_up(folder: DataFolder) -> None:
    """Put back what a process was replacing when it was killed, and remove what it left."""
    for room in folder.chats.glob(f"{ROOMS}*"):
        lock = os.open(room, os.O_RDONLY)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            continue  # Its process is at work.
        else:
            _put_back(room / "old", folder)
            shutil.rmtree(room, ignore_errors=True)
        finally:
            os.close(lock)


def copied(source: Path, target: Path, said: str) -> None:
    """Copy a file into a waiting room.

    Raises:
        NoSpaceError: there is no room for it; `said` is what its owner calls it.
    """
    with source.open("rb") as stream:
        filled(stream, target, said)


def filled(stream: BinaryIO, target: Path, said: str) -> None:
    """Write all that comes into a file of a waiting room.

    Raises:
        NoSpaceError: there is no room for it; `said` is what its owner calls it.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    try:
        with target.open("wb") as file:
            shutil.copyfileobj(stream, file, 1 << 20)
    except OSError as error:
        if error.errno in FULL:
            room = next(each for each in target.parents if each.name.startswith(ROOMS))
            raise NoSpaceError(room.parent, said) from None
        raise


def linked(source: Path, target: Path) -> None:
    """Have a file of the chat that there is in the room too, at no cost where the file system has links."""
    target.parent.mkdir(parents=True, exist_ok=True)
    try:
        os.link(source, target)
    except OSError:
        copied(source, target, str(source))


class StagedChat(Arrival):
    """A chat in its waiting room, under `new`: a file or a folder, and what is said beside it."""

    def __init__(self, folder: DataFolder, room: Path, chat: str, name: str) -> None:
        self.chat = chat
        self.path = room / "new" / name
        self._folder = folder
        self._old = room / "old"

    def waits_at(self, chat: str) -> Path | None:
        """Return where the chat is to be read."""
        return self.path if chat == self.chat else None

    def was_read(self, chat: str) -> None:
        """Put the chat in its place, and what had that place away."""
        if chat != self.chat:
            return
        chats = self._folder.chats
        self._old.mkdir()
        replaced = chat_file(self._folder, chat)
        try:
            for each in [*beside(replaced), replaced] if replaced is not None else []:
                each.rename(self._old / each.name)
            for each in [*beside(self.path), self.path]:
                each.rename(chats / each.name)
        except BaseException:
            _put_back(self._old, self._folder)
            raise


def _put_back(old: Path, folder: DataFolder) -> None:
    """Put a chat back that has no successor in its place."""
    left = sorted(old.glob("*"))
    chats = [each for each in left if not each.name.endswith(BESIDE)]
    if any(chat_file(folder, chat_name(each)) is not None for each in chats):
        return
    for chat in chats:
        for suffix in BESIDE:
            (folder.chats / f"{chat.name}{suffix}").unlink(missing_ok=True)
    for each in left:
        each.rename(folder.chats / each.name)
