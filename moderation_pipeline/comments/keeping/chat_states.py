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
READ = "read"
"""The folder of the cache that says of which files, to the nanosecond, each chat's comments are."""


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
    return ChatState("changed" if has_changed(folder, chat, path) else "read")


def has_changed(folder: DataFolder, chat: str, path: Path) -> bool:
    """Whether a chat's files, or what is said beside them, are not those that its comments were read from.

    A file that was put in place with an older time (copied with it, unpacked, moved, or written while the clock was
    behind) is told by what was noted. Where the comments came from another machine, or with a copied folder, nothing
    was: there a file is another if it is newer than they are.
    """
    table = partition_path(folder, COMMENTS, chat).stat().st_mtime_ns
    note = _noted(_note(folder, READ, chat))
    if note is not None and note.get("comments") == table:
        return note.get("fingerprint") != fingerprint(path)
    return max(each.stat().st_mtime_ns for each in written(path)) > table


def note_read(folder: DataFolder, chat: str, of: str) -> None:
    """Remember that the chat's comments, as they are stored now, were read from files with this fingerprint."""
    stored = partition_path(folder, COMMENTS, chat)
    if stored.exists():
        _write(_note(folder, READ, chat), {"fingerprint": of, "comments": stored.stat().st_mtime_ns})


def fingerprint(path: Path) -> str:
    """Return what changes when a file of the chat, or what is said beside it, changes, without reading them."""
    states = [(str(each.relative_to(path.parent)), each.stat()) for each in written(path)]
    told = "\n".join(f"{name} {state.st_mtime_ns:x}.{state.st_size:x}" for name, state in states)
    return sha256(told.encode("utf-8", "surrogateescape")).hexdigest()[:32]


def note_unreadable(folder: DataFolder, chat: str, path: Path, why: str) -> None:
    """Remember that these very files can't be read, and why."""
    _write(_note(folder, NOTES, chat), {"fingerprint": fingerprint(path), "why": why})


def forget_unreadable(folder: DataFolder, chat: str) -> None:
    """Forget what was remembered of a chat that could be read."""
    _note(folder, NOTES, chat).unlink(missing_ok=True)


def forget_notes(folder: DataFolder, chat: str) -> None:
    """Forget all that was remembered of a chat's files."""
    for kind in (NOTES, READ):
        _note(folder, kind, chat).unlink(missing_ok=True)


def _why_unreadable(folder: DataFolder, chat: str, path: Path) -> str | None:
    note = _noted(_note(folder, NOTES, chat))
    is_of_these = note is not None and note.get("fingerprint") == fingerprint(path)
    return str(note.get("why")) if note is not None and is_of_these else None


def _noted(path: Path) -> dict[str, object] | None:
    """Return a note; null where there is none, or one that a process which was killed left unfinished."""
    try:
        note = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError):
        return None
    return note if isinstance(note, dict) else None


def _write(path: Path, note: dict[str, object]) -> None:
    with replaced_atomically(path) as temporary:
        temporary.write_text(json.dumps(note), "utf-8")


def _note(folder: DataFolder, kind: str, chat: str) -> Path:
    return folder.cache / kind / f"{check_slug(chat, 'Chat')}.json"
