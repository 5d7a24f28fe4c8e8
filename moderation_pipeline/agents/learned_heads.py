"""The heads that a run begins with, where it starts from another chat's run; and those that it leaves.

Every run asks here, and most have no head: scikit-learn, a second and more to import, waits for one.
"""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from moderation_pipeline.errors import ModerationError
from moderation_pipeline.slugs import RunKey
from moderation_pipeline.warehouse.folder import DataFolder

if TYPE_CHECKING:
    from moderation_pipeline.agents.learned.learned_student import LearnedStudent


HEAD_FILES = (".npz", ".json")


class OwnChatError(ModerationError):
    """A head that would be tested on what it was trained on."""

    def __init__(self, config: str, start_from: RunKey, chat: str) -> None:
        super().__init__(
            f"Config {config!r} starts from '{start_from}' and can't moderate {chat!r} itself: the head was "
            "trained on its answers. Choose another chat's run in student: {start_from: …}."
        )


class ManyHeadsError(ModerationError):
    """A head that can't be told from others of the same run."""


def begin_heads(
    students: Sequence[LearnedStudent], folder: DataFolder, *, chat: str, config: str
) -> dict[str, str]:
    """Give each Student the head that its spec starts from, and return those runs with the versions of their heads.

    Of a run that left several heads, a config's first learned Student begins with the first, and so on.

    Raises:
        OwnChatError: a run to start from is of the same chat, or began with a head that was trained on it.
        NoSnapshotError: that run left no head, or none for a Student in this place.
        ManyHeadsError: that run left several, and this config has one Student to begin with them.
    """
    versions = {}
    for number, student in _numbered(students):
        start_from = student.spec.start_from
        if start_from is not None:
            stem = _begun_from(start_from, number, folder, chat=chat, config=config)
            is_one_of_several = number is not None and stem.name == str(number)
            name = f"{start_from} ({number})" if is_one_of_several else str(start_from)
            versions[name] = _begin(student, start_from, stem, chat=chat, config=config)
    return versions


def keep_heads(students: Sequence[LearnedStudent], folder: DataFolder, *, chat: str, config: str) -> int:
    """Save the Students' heads for later runs, and return how many had one.

    What an earlier run of the same chat and config left is deleted: a run that starts from this one must not
    begin with a head that this one never had.
    """
    _forget_heads(folder, chat, config)
    kept = 0
    for number, student in _numbered(students):
        snapshot = student.snapshot()
        if snapshot is not None:
            from moderation_pipeline.agents.learned.model_snapshot import save_snapshot

            snapshot = replace(snapshot, chats=(*snapshot.chats, chat))
            save_snapshot(snapshot, folder.learned_head(chat, config, number))
            kept += 1
    return kept


def _numbered(students: Sequence[LearnedStudent]) -> Iterator[tuple[int | None, LearnedStudent]]:
    """Yield the Students with the numbers of their heads: none where there is only one."""
    for number, student in enumerate(students, 1):
        yield (number if len(students) > 1 else None), student


def _begun_from(
    start_from: RunKey, number: int | None, folder: DataFolder, *, chat: str, config: str
) -> Path:
    if start_from.chat == chat:
        raise OwnChatError(config, start_from, chat)
    only = folder.learned_head(*start_from)
    if number is not None and only.is_dir():
        return folder.learned_head(*start_from, number)
    if number is None and only.is_dir():
        raise ManyHeadsError(
            f"Config {config!r} starts from '{start_from}', whose {len(list(only.glob('*.json')))} learned tiers "
            "left a head each, and has one learned Student. Start from a run of a config with one."
        )
    return only


def _begin(student: LearnedStudent, start_from: RunKey, stem: Path, *, chat: str, config: str) -> str:
    """Give the Student the head kept at a stem, and return the version of what was read."""
    from moderation_pipeline.agents.learned.model_snapshot import load_snapshot

    snapshot = load_snapshot(stem)
    if chat in snapshot.chats:
        raise OwnChatError(config, start_from, chat)
    student.begin_with(snapshot)
    digest = hashlib.blake2b(digest_size=8)
    for suffix in HEAD_FILES:
        digest.update(stem.with_suffix(suffix).read_bytes())
    return digest.hexdigest()


def _forget_heads(folder: DataFolder, chat: str, config: str) -> None:
    only = folder.learned_head(chat, config)
    for suffix in HEAD_FILES:
        only.with_suffix(suffix).unlink(missing_ok=True)
    if only.is_dir():
        shutil.rmtree(only)
