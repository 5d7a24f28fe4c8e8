"""The head that a run begins with, where it starts from another chat's run; and the one that it leaves.

Every run asks here, and most have no head: scikit-learn, a second and more to import, waits for one.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from moderation_pipeline.errors import ModerationError
from moderation_pipeline.warehouse.folder import DataFolder

if TYPE_CHECKING:
    from moderation_pipeline.agents.learned.student import LearnedStudent


class SameChatError(ModerationError):
    """A head that would be tested on what it was trained on."""


def begin_heads(
    students: Sequence[LearnedStudent], folder: DataFolder, *, chat: str, config: str
) -> dict[str, str]:
    """Give each Student the head that its spec starts from, and return those runs with the versions of their heads.

    Raises:
        SameChatError: a run to start from is of the same chat.
        NoSnapshotError: that run left no head.
    """
    versions = (begin_head(student, folder, chat=chat, config=config) for student in students)
    return {
        str(student.spec.start_from): version
        for student, version in zip(students, versions, strict=True)
        if version is not None
    }


def begin_head(student: LearnedStudent, folder: DataFolder, *, chat: str, config: str) -> str | None:
    """Give the Student the head that its spec starts from, if it names one; return the version of what was read.

    Raises:
        SameChatError: the run to start from is of the same chat.
        NoSnapshotError: that run left no head.
    """
    from moderation_pipeline.agents.learned.snapshot import load_snapshot

    start_from = student.spec.start_from
    if start_from is None:
        return None
    from_chat, _, from_config = start_from.partition("|")
    if from_chat == chat:
        raise SameChatError(
            f"Config {config!r} starts from {start_from!r} and can't moderate {chat!r} itself: the head was "
            "trained on its answers. Choose another chat's run in student: {start_from: …}."
        )
    stem = folder.learned_head(from_chat, from_config)
    student.begin_with(load_snapshot(stem))
    return _version(stem)


def keep_head(student: LearnedStudent, folder: DataFolder, *, chat: str, config: str) -> bool:
    """Save the Student's head for later runs, and return whether it had one."""
    from moderation_pipeline.agents.learned.snapshot import save_snapshot

    snapshot = student.snapshot()
    if snapshot is None:
        return False
    save_snapshot(snapshot, folder.learned_head(chat, config))
    return True


def _version(stem: Path) -> str:
    digest = hashlib.blake2b(digest_size=8)
    for suffix in (".npz", ".json"):
        digest.update(stem.with_suffix(suffix).read_bytes())
    return digest.hexdigest()
