"""How each chat stands: read, changed since, not read yet, unreadable, or gone; told without reading its files.

Which files are a chat is `chat_files.py`'s; whether its runs are of what was read is `moderation/run_states.py`'s.
"""

from __future__ import annotations

import json
from hashlib import sha256
from pathlib import Path
from typing import Literal, NamedTuple

from moderation_pipeline.comments.chat_files import chat_files, named_twice, written
from moderation_pipeline.slugs import check_slug
from moderation_pipeline.warehouse.files import partition_path, replaced_atomically, stored_partitions
from moderation_pipeline.warehouse.folder import DataFolder
from moderation_pipeline.warehouse.tables import COMMENTS

NOTES = "unreadable"
"""The folder of the cache that says which files could not be read, and why: one not looked at again says it too."""


class ChatState(NamedTuple):
    """How a chat stands, and why where that is to be said.

    `changed` files are newer than the tables, `gone` a chat of which only tables are left.
    """

    state: Literal["read", "changed", "unread", "unreadable", "gone"]
    why: str = ""

    @property
    def can_be_moderated(self) -> bool:
        """Whether there are comments to moderate, and a file that they are of."""
        return self.state in ("read", "changed")


def chat_states(folder: DataFolder) -> dict[str, ChatState]:
    """Return every chat that has a file or tables, in the order of their names."""
    files = chat_files(folder)
    stored = {path.stem for path in stored_partitions(folder, COMMENTS)}
    twice = {chat: ChatState("unreadable", str(error)) for chat, error in named_twice(folder).items()}
    known = {chat: chat_state(folder, chat, files.get(chat)) for chat in {*files, *stored} - set(twice)}
    return dict(sorted({**known, **twice}.items()))


def chat_state(folder: DataFolder, chat: str, path: Path | None) -> ChatState:
    """Return how a chat stands whose files are at the path."""
    if path is None:
        return ChatState("gone", f"its file is gone: 'moderation remove {chat}' forgets it")
    if (why := _why_unreadable(folder, chat, path)) is not None:
        return ChatState("unreadable", why)
    table = partition_path(folder, COMMENTS, chat)
    if not table.exists():
        return ChatState("unread", f"'moderation run {chat}' reads it")
    return ChatState("changed" if is_newer(path, table) else "read")


def is_newer(path: Path, table: Path) -> bool:
    """Whether a file of the chat, or what is said beside it, was written after the table."""
    return max(each.stat().st_mtime_ns for each in written(path)) > table.stat().st_mtime_ns


def fingerprint(path: Path) -> str:
    """Return what changes when a file of the chat, or what is said beside it, changes, without reading them."""
    states = [(str(each), each.stat()) for each in written(path)]
    told = "\n".join(f"{name} {state.st_mtime_ns:x}.{state.st_size:x}" for name, state in states)
    return sha256(told.encode("utf-8", "surrogateescape")).hexdigest()[:32]


def note_unreadable(folder: DataFolder, chat: str, path: Path, why: str) -> None:
    """Remember that these very files can't be read, and why."""
    with replaced_atomically(_note(folder, chat)) as temporary:
        temporary.write_text(json.dumps({"fingerprint": fingerprint(path), "why": why}), "utf-8")


def forget_unreadable(folder: DataFolder, chat: str) -> None:
    """Forget what was remembered of a chat that could be read."""
    _note(folder, chat).unlink(missing_ok=True)


def _why_unreadable(folder: DataFolder, chat: str, path: Path) -> str | None:
    try:
        note = json.loads(_note(folder, chat).read_text("utf-8"))
        is_of_these = note["fingerprint"] == fingerprint(path)
        return str(note["why"]) if is_of_these else None
    except (OSError, ValueError, KeyError, TypeError):  # nothing was noted, or by a process that was killed
        return None


def _note(folder: DataFolder, chat: str) -> Path:
    return folder.cache / NOTES / f"{check_slug(chat, 'Chat')}.json"
