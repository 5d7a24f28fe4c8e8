"""What a config's run begins with when it has seen nothing: its agents, its memory, its ladder.

What the config itself starts from (`start_from`, memories or a learned head) is part of that.

For moderating made-up chats (`resistance.py`). What opens models and embedders is passed in: a deployment's
resources in the assets, the same without Dagster in the terminal.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import NamedTuple, Protocol

import polars as pl

from moderation_pipeline.agents.build_agents import Agents, Models
from moderation_pipeline.agents.learned_heads import begin_heads
from moderation_pipeline.config.own_rules import own_rules
from moderation_pipeline.config.run_config import Config, MemorySpec, NamedConfig
from moderation_pipeline.config.sanctions import load_sanctions
from moderation_pipeline.embedders.embedder import Embedder
from moderation_pipeline.memory.start_from import begin_memory
from moderation_pipeline.memory.store import MemoryStore
from moderation_pipeline.moderation.ladder import Ladder
from moderation_pipeline.slugs import VersionedRun
from moderation_pipeline.warehouse.folder import DataFolder
from moderation_pipeline.warehouse.versions import comments_version


class Fresh(NamedTuple):
    """What a run begins with; nothing in it has seen a comment of the chat."""

    agents: Agents
    memory: MemoryStore | None
    ladder: Ladder


Begin = Callable[[pl.DataFrame], AbstractContextManager[Fresh]]
"""Makes a fresh start for a chat, and keeps its models open as long as it is used."""


class OpenModels(Models, Protocol):
    """The models of one run (`backends.build.RunModels`): what they have to say, and the end of the run."""

    @property
    def notes(self) -> list[str]:
        """What is to be said loudly."""
        ...

    def finish(self) -> None:
        """Say that the run is done, and its purchases are accounted for."""
        ...


class Means(NamedTuple):
    """What builds a run's parts: models by the run's key, agents, embedders; and who is told of notes."""

    open_models: Callable[[str], AbstractContextManager[OpenModels]]
    build: Callable[[Config, pl.DataFrame, Models, str], Agents]
    embedder: Callable[[MemorySpec], Embedder]
    say: Callable[[str], object]


def fresh_starts(named: NamedConfig, folder: DataFolder, means: Means) -> Begin:
    """Return what begins runs of the config anew, each with a memory and models of its own."""

    @contextmanager
    def begin(comments: pl.DataFrame) -> Iterator[Fresh]:
        chat = str(comments["chat"][0])
        ladder = Ladder(load_sanctions(named.config.sanctions, folder), shadow=named.config.shadow)
        run_key = str(VersionedRun(chat, named.name, comments_version(comments), named.config_hash))
        with means.open_models(run_key) as models:
            rules = own_rules(named.config.rules, folder)
            agents = means.build(named.config, comments, models, rules)
            for note in (*agents.notes, *models.notes):
                means.say(note)
            begin_heads(agents.learned, folder, chat=chat, config=named.name)
            yield Fresh(agents, _memory(named, folder, means, chat), ladder)
            models.finish()

    return begin


def _memory(named: NamedConfig, folder: DataFolder, means: Means, chat: str) -> MemoryStore | None:
    spec = named.config.memory
    if spec is None:
        return None
    return begin_memory(spec, means.embedder(spec), folder, chat=chat, config=named.name).store
