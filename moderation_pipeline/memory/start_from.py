"""The memory a run begins with: empty, or another chat's run as it was left (`start_from`)."""

from __future__ import annotations

import hashlib
from typing import NamedTuple

from moderation_pipeline.config.run_config import MemorySpec
from moderation_pipeline.embedders.embedder import Embedder
from moderation_pipeline.errors import ModerationError
from moderation_pipeline.memory.store import MemoryStore
from moderation_pipeline.slugs import RunKey
from moderation_pipeline.warehouse.files import is_stored, partition_path, read_table
from moderation_pipeline.warehouse.folder import DataFolder
from moderation_pipeline.warehouse.tables import MEMORY_SNAPSHOT


class StartFromError(ModerationError):
    """A run that can't be begun from."""


class Beginning(NamedTuple):
    """A run's memory before its first comment; whose it was, and the version of what was read."""

    store: MemoryStore
    start_from: RunKey | None
    version: str | None


def begin_memory(
    spec: MemorySpec, embedder: Embedder, folder: DataFolder, *, chat: str, config: str
) -> Beginning:
    """Return the memory that the config asks for.

    Raises:
        StartFromError: the run to start from is of the same chat, holds memories of it, or was never made.
    """
    if spec.start_from is None:
        return Beginning(MemoryStore(spec, embedder, chat=chat, config=config), None, None)
    begins_from = f"Config {config!r} starts from '{spec.start_from}'"
    holds_answers = StartFromError(
        f"{begins_from} and can't moderate {chat!r} itself: the memory "
        f"would hold the answers. Choose another chat's run in memory: {{start_from: …}}."
    )
    if spec.start_from.chat == chat:
        raise holds_answers
    if not is_stored(folder, MEMORY_SNAPSHOT, *spec.start_from):
        raise StartFromError(
            f"{begins_from}, a run that was never made. "
            f"'moderation run {spec.start_from.chat} --config {spec.start_from.config}' makes it."
        )
    content = partition_path(folder, MEMORY_SNAPSHOT, *spec.start_from).read_bytes()
    frame = read_table(folder, MEMORY_SNAPSHOT, *spec.start_from)
    if chat in frame["source_chat"]:  # that run began with memories of this chat
        raise holds_answers
    store = MemoryStore.start_from(frame, spec, embedder, chat=chat, config=config)
    return Beginning(store, spec.start_from, hashlib.blake2b(content, digest_size=8).hexdigest())
