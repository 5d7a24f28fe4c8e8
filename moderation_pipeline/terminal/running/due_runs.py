"""`moderation run`, `add` and `synthesize` from the outside: what is due, in which order, what is said of it.

The runs themselves are Dagster's, and are started through the launcher that `cli.py` passes in.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

from moderation_pipeline.comments.chat_files import SYNTHETIC, chat_files
from moderation_pipeline.comments.keeping.chat_states import is_newer
from moderation_pipeline.config.champions import CHAMPION
from moderation_pipeline.config.config_library import ConfigLibrary
from moderation_pipeline.config.run_config import KEYLESS_REGIMES, NamedConfig
from moderation_pipeline.moderation.run_states import champion_of
from moderation_pipeline.terminal.exit_codes import users_mistake
from moderation_pipeline.terminal.listings import usable_config
from moderation_pipeline.terminal.screen import print_frame
from moderation_pipeline.warehouse.damage import is_damaged
from moderation_pipeline.warehouse.files import partition_path, read_table
from moderation_pipeline.warehouse.folder import DataFolder
from moderation_pipeline.warehouse.tables import COMMENTS, INGESTION

if TYPE_CHECKING:
    from moderation_pipeline.launch import RunOutcome


def configs_to_run(folder: DataFolder, names: Sequence[str]) -> list[NamedConfig]:
    """Return the configs of these names, each once, the keyless regimes where none is named.

    Those of regime expert_only come first: the others' agreement is measured against their plans.

    Raises:
        ConfigError: one of them can't be used. None is run then.
    """
    library = ConfigLibrary(folder)
    wanted = [name for name in dict.fromkeys(names or KEYLESS_REGIMES) if name != CHAMPION]
    configs = [usable_config(folder, library, name) for name in wanted]
    return experts_first(configs)


def with_champion(folder: DataFolder, chat: str, configs: Sequence[NamedConfig]) -> list[NamedConfig]:
    """Return the configs and the chat's champion, each once.

    Raises:
        ConfigError: the champion can't be used.
    """
    name = champion_of(folder, chat)
    champion = (
        [usable_config(folder, ConfigLibrary(folder), name)] if name not in {c.name for c in configs} else []
    )
    return experts_first([*configs, *champion])


def experts_first(configs: Sequence[NamedConfig]) -> list[NamedConfig]:
    """Return the configs in the order in which they are run."""
    return sorted(configs, key=lambda named: named.config.regime != "expert_only")


def is_synthetic_missing(folder: DataFolder, chat: str) -> bool:
    """Whether the chat is the generated one and was not written yet."""
    return chat == SYNTHETIC and SYNTHETIC not in chat_files(folder)


def is_reading_due(folder: DataFolder, chat: str, *, is_current: bool) -> bool:
    """Whether a file of the chat, or what is said beside it, is newer than its comments, or another source read them.

    A chat whose files are gone is taken as it was read.
    """
    path = chat_files(folder).get(chat)
    if path is None:
        return False
    table = partition_path(folder, COMMENTS, chat)
    if not table.exists() or is_damaged(table) or not is_current:
        return True
    return is_newer(path, table)


def failed_checks(outcome: RunOutcome) -> list[str]:
    """Return a sentence for each check of a run that did not hold."""
    return [
        f"Check failed: {check.name} of {check.asset} ({outcome.partition}). {check.description}"
        for check in outcome.failed_checks
    ]


@contextmanager
def failure_noted(named: NamedConfig, failures: list[str]) -> Iterator[None]:
    """Note what a user can mend and go on, so that one config's missing key doesn't stop the others."""
    try:
        yield
    except Exception as error:
        mistake = users_mistake(error)
        if mistake is None:
            raise
        failures.append(f"The run of {named.name} failed: {mistake}")


def print_reading(folder: DataFolder, chat: str) -> None:
    """Say what was read of a chat's file."""
    print_frame(read_table(folder, INGESTION, chat).drop("file_hash"), as_json=False)
