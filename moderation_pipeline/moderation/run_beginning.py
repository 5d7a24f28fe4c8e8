"""What a run begins with, in one place: its models, its agents with their heads, its memory, its ladder.

The asset of the loop, the attack suite and `moderation check` all begin a run here. What opens models and embedders
is passed in (`Means`): a deployment's resources in the assets, the same without Dagster in the terminal.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from typing import NamedTuple, Protocol

import polars as pl

from moderation_pipeline.agents.build_agents import Agents, Models
from moderation_pipeline.agents.learned_heads import begin_heads
from moderation_pipeline.config.own_rules import own_rules
from moderation_pipeline.config.replacing import Replacement
from moderation_pipeline.config.run_config import Config, MemorySpec, NamedConfig
from moderation_pipeline.config.sanctions import load_sanctions, replaced_sanctions
from moderation_pipeline.embedders.embedder import Embedder
from moderation_pipeline.memory.start_from import Beginning, begin_memory
from moderation_pipeline.memory.store import MemoryStore
from moderation_pipeline.moderation.ladder import Ladder
from moderation_pipeline.slugs import VersionedRun
from moderation_pipeline.warehouse.chance_secret import chance_secret
from moderation_pipeline.warehouse.folder import DataFolder
from moderation_pipeline.warehouse.versions import comments_version


class OpenModels(Models, Protocol):
    """The models of one run (`backends/run_models.py`): what they have to say, and the end of the run."""

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


class Begun(NamedTuple):
    """A run before its first comment. `heads` are the versions of the learned heads it begins with, by their run.

    `replaced` are the data folder's files that decide in place of ready-made ones.
    `secret` goes into the draws of its audits, empty where they are public.
    """

    agents: Agents
    memory: MemoryStore | None
    ladder: Ladder
    comments_version: str = ""
    memory_from: Beginning | None = None
    heads: Mapping[str, str] = {}
    replaced: tuple[Replacement, ...] = ()
    secret: str = ""


Begin = Callable[[pl.DataFrame], AbstractContextManager[Begun]]
"""Begins a run of some config over a chat's comments."""


@contextmanager
def begin(named: NamedConfig, comments: pl.DataFrame, folder: DataFolder, means: Means) -> Iterator[Begun]:
    """Begin a run, and keep its models open as long as it is used.

    Only where the block comes to its end is the run finished: one that was killed or failed before goes on where it
    stopped, and keeps its costs.

    Raises:
        ModerationError: the config can't be run: no key, no such model, sanctions, rules, or run to start from.
    """
    config, chat = named.config, str(comments["chat"][0]) if comments.height else ""
    replaced = (*named.replaces, *replaced_sanctions(config.sanctions, folder))
    for each in replaced:  # first of all: whatever else goes wrong may be that file's doing
        means.say(each.note)
    ladder = Ladder(load_sanctions(config.sanctions, folder), shadow=config.shadow)
    memory = None
    if config.memory is not None:
        embedder = means.embedder(config.memory)
        memory = begin_memory(config.memory, embedder, folder, chat=chat, config=named.name)
    version = comments_version(comments)
    run_key = str(VersionedRun(chat, named.name, version, named.config_hash))
    with means.open_models(run_key) as models:
        agents = means.build(config, comments, models, own_rules(config.rules, folder))
        for note in (*agents.notes, *models.notes):
            means.say(note)
        heads = begin_heads(agents.learned, folder, chat=chat, config=named.name)
        yield Begun(
            agents=agents,
            memory=None if memory is None else memory.store,
            ladder=ladder,
            comments_version=version,
            memory_from=memory,
            heads=heads,
            replaced=replaced,
            secret=chance_secret(folder) if config.audit.secret else "",
        )
        models.finish()
