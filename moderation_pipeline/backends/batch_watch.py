"""Which runs wait for batches, and which of those could go on: for the asset that shows it and the sensor.

The batches themselves are `batches.py`'s. A provider is only asked how far a batch is, which costs nothing.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping
from typing import NamedTuple

from moderation_pipeline.backends.batches.batch_doors import batch_door
from moderation_pipeline.backends.batches.batched_model import BatchStatus, SentBatch
from moderation_pipeline.backends.chat.chat_backends import chat_endpoint
from moderation_pipeline.backends.stores.open_store import is_there_a_store, open_store
from moderation_pipeline.config.model_specs import RemoteExpert
from moderation_pipeline.config.run_config import Config
from moderation_pipeline.slugs import RunKey, VersionedRun
from moderation_pipeline.warehouse.folder import DataFolder


class WaitingRun(NamedTuple):
    """A run that waits: its partition, and its batches."""

    chat: str
    config: str
    batches: tuple[SentBatch, ...]


def waiting_runs(folder: DataFolder) -> list[WaitingRun]:
    """Return the runs that wait for batches, the longest first; none where nothing was ever asked."""
    if not is_there_a_store(folder):
        return []
    store = open_store(folder)
    try:
        sent = store.sent_batches()
    finally:
        store.close()
    runs: dict[RunKey, list[SentBatch]] = {}
    for batch in sent:
        runs.setdefault(VersionedRun.parse(batch.run_key).key, []).append(batch)
    return [WaitingRun(*run, tuple(batches)) for run, batches in runs.items()]


def answered_runs(
    runs: Iterable[WaitingRun], config_of: Callable[[str], Config], variables: Mapping[str, str]
) -> list[WaitingRun]:
    """Return the runs all of whose batches have ended, well or badly: either way they can go on.

    Raises:
        ModerationError: a config or its key is gone, or the provider can't be asked.
    """
    return [run for run in runs if asyncio.run(_is_answered(run, config_of(run.config), variables))]


async def _is_answered(run: WaitingRun, config: Config, variables: Mapping[str, str]) -> bool:
    spec = config.expert
    if not isinstance(spec, RemoteExpert) or not spec.batch:
        return True  # the config no longer asks by batch: its run needs none of these
    endpoint = chat_endpoint(spec, variables)
    try:
        door = batch_door(spec, endpoint)
        states = [await door.state(batch.batch_id) for batch in run.batches]
    finally:
        await endpoint.aclose()
    return all(state.status is not BatchStatus.PENDING for state in states)
