"""Whether a run is of what there is now: which of a chat's runs are due, and why.

How a chat itself stands is `comments/keeping/chat_states.py`'s.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from moderation_pipeline.comments.keeping.chat_states import ChatState
from moderation_pipeline.config.champions import champions
from moderation_pipeline.config.config_library import ConfigLibrary
from moderation_pipeline.config.run_config import NamedConfig
from moderation_pipeline.warehouse.damage import is_damaged, was_set_aside
from moderation_pipeline.warehouse.files import partition_path, read_table
from moderation_pipeline.warehouse.folder import DataFolder
from moderation_pipeline.warehouse.tables import COMMENTS, INGESTION, METRICS, PROVENANCE, WHOLE_RUN


def champion_of(folder: DataFolder, chat: str) -> str:
    """Return the config that a chat is moderated under where settings say `champion`.

    Raises:
        ConfigError: data/champions.yaml can't be read.
    """
    channels = read_table(folder, COMMENTS, chat)["channel"].unique().drop_nulls().sort()
    return champions(folder).of_chat(chat, channels)


class DueRun(NamedTuple):
    """A run that is to be made, and why."""

    chat: str
    config: str
    why: str


def due_runs_of(folder: DataFolder, chats: Iterable[str], configs: Iterable[NamedConfig]) -> list[DueRun]:
    """Return the runs of these chats under these configs that were never made, or of other comments or configs."""
    wanted = list(configs)
    found = ((chat, named, why_due(folder, chat, named)) for chat in chats for named in wanted)
    return [DueRun(chat, named.name, why) for chat, named, why in found if why is not None]


def longest_unmade_first(folder: DataFolder, runs: Iterable[DueRun]) -> list[DueRun]:
    """Return the runs in the order in which they were made last; those that never were come first.

    Where all runs are made anew, a day's budget that is too small for them would else be spent on the same ones every
    night, and the last ones never be made.
    """
    return sorted(runs, key=lambda run: _made_at(folder, run.chat, run.config))


def _made_at(folder: DataFolder, chat: str, config: str) -> float:
    """Return when a run was decided, in seconds since 1970; 0 where it never was."""
    path = partition_path(folder, PROVENANCE, chat, config)
    return path.stat().st_mtime if path.exists() else 0.0


def changed_at(folder: DataFolder, chat: str, config: str) -> float:
    """Return when a chat was read last, or a config's files were written: a run that began before is of others."""
    paths = [partition_path(folder, COMMENTS, chat), *ConfigLibrary(folder).files(config)]
    return max(path.stat().st_mtime for path in paths if path.exists())


def asks_anew(run_config: Mapping[str, Any]) -> bool:
    """Whether a run, by what Dagster's launchpad says of it, asks models anew, whatever replies there are."""
    said: Any = run_config
    for key in ("resources", "language_models", "config"):
        said = said.get(key) or {}
    return bool(said.get("fresh"))


def why_due(folder: DataFolder, chat: str, named: NamedConfig) -> str | None:
    """Return why a run is due; null where it is of the chat's comments and of the config as both are, and whole."""
    for table in WHOLE_RUN:
        path = partition_path(folder, table, chat, named.name)
        if is_damaged(path) or was_set_aside(path):
            return f"its table {table.name} is damaged"
    made = read_table(folder, METRICS, chat, named.name)
    if made.is_empty():
        return "never made"
    for table in WHOLE_RUN:
        if not partition_path(folder, table, chat, named.name).exists():
            return f"its table {table.name} is missing"
    version = read_table(folder, INGESTION, chat)["data_version"].first()
    if version is None or made["data_version"][0] != version:
        return "the chat's comments have changed since"
    return None if made["config_hash"][0] == named.config_hash else "the config has changed since"


def readable(states: dict[str, ChatState], *, only: Iterable[str] = ()) -> tuple[list[str], list[str]]:
    """Return the chats that can be moderated, of all or of those named, and of the others why they can't, in words."""
    wanted = dict.fromkeys(only) or states
    usable = [chat for chat in wanted if chat in states and states[chat].can_be_moderated]
    left_out = [_left_out(chat, states.get(chat)) for chat in wanted if chat not in usable]
    return usable, left_out


def _left_out(chat: str, state: ChatState | None) -> str:
    if state is None:
        return f"{chat}: there is no such chat"
    return f"{chat} ({state.state}): {state.why}"
