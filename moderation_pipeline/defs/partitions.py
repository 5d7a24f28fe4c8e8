"""The dimensions that assets hang on: chats, which arrive; configs, which are YAML files; runs, both at once.

A chat becomes a partition when the sensor or the terminal finds its file. Configs are read when the code
location loads; a new YAML file shows after "Reload" in the UI, and at once in the terminal.
"""

import warnings

import dagster as dg

from moderation_pipeline.config.config_library import ConfigLibrary
from moderation_pipeline.slugs import SLUG
from moderation_pipeline.warehouse.folder import DataFolder


def _config_names() -> list[str]:
    """Return the configs whose names are slugs; `moderation configs` says what ails the others."""
    return [name for name in ConfigLibrary(DataFolder.find()).names() if SLUG.fullmatch(name)]


chats = dg.DynamicPartitionsDefinition(name="chats")
configs = dg.StaticPartitionsDefinition(_config_names())
runs = dg.MultiPartitionsDefinition({"chat": chats, "config": configs})

with warnings.catch_warnings():
    warnings.filterwarnings("ignore", "Class `MultiToSingleDimensionPartitionMapping`", dg.BetaWarning)
    from_chat_to_run = dg.MultiToSingleDimensionPartitionMapping("chat")
"""A run needs its chat's partition; and, the other way round, a chat's comparison all of its runs."""


def run_key(chat: str, config: str) -> dg.MultiPartitionKey:
    """Return the key of a run; it reads `chat|config`."""
    return dg.MultiPartitionKey({"chat": chat, "config": config})
