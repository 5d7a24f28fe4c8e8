"""`moderation run`, `add` and `synthesize` from the outside: what is due, in which order, what is said of it.

The runs themselves are Dagster's, and are started through the launcher that `cli.py` passes in.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, NamedTuple

from moderation_pipeline.comments.chat_files import SYNTHETIC, chat_file
from moderation_pipeline.comments.keeping.chat_states import has_changed
from moderation_pipeline.config.champions import CHAMPION
from moderation_pipeline.config.config_library import ConfigLibrary
from moderation_pipeline.config.run_config import KEYLESS_REGIMES, NamedConfig
from moderation_pipeline.moderation.run_states import champion_of
from moderation_pipeline.terminal.exit_codes import CommandFailed, users_mistake
from moderation_pipeline.terminal.listings import usable_config
from moderation_pipeline.terminal.screen import print_frame, say
from moderation_pipeline.warehouse.damage import is_damaged
from moderation_pipeline.warehouse.files import partition_path, read_table, stored_partitions
from moderation_pipeline.warehouse.folder import DataFolder
from moderation_pipeline.warehouse.tables import COMMENTS, INGESTION, METRICS, REJECTED_LINES

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
    return chat == SYNTHETIC and chat_file(folder, SYNTHETIC) is None


def is_reading_due(folder: DataFolder, chat: str, *, is_current: bool) -> bool:
    """Whether a file of the chat, or what is said beside it, is not what was read, or another source read it.

    A chat whose files are gone is taken as it was read.
    """
    path = chat_file(folder, chat)
    if path is None:
        return False
    tables = [partition_path(folder, table, chat) for table in READ_TABLES]
    if not is_current or any(is_damaged(table) or not table.exists() for table in tables):
        return True
    return has_changed(folder, chat, path)


def is_comparing_due(folder: DataFolder, chat: str) -> bool:
    """Whether a chat's report, which comes last, is older than one of its runs, as after a night that was ended."""
    report = folder.report(chat, "html")
    made = [path.stat().st_mtime for path in stored_partitions(folder, METRICS, chat)]
    return bool(made) and (not report.exists() or report.stat().st_mtime < max(made))


READ_TABLES = (COMMENTS, REJECTED_LINES, INGESTION)
"""What the reading of a chat leaves."""


class ChecksTold(NamedTuple):
    """What is to be said of checks that did not hold, a sentence each: what broke, and what somebody should look at."""

    failures: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()

    def beside(self, other: ChecksTold) -> ChecksTold:
        """Return what is to be said of both."""
        return ChecksTold(self.failures + other.failures, self.warnings + other.warnings)


def checks_told(outcome: RunOutcome) -> ChecksTold:
    """Return a sentence for each check of a run that did not hold."""
    told = {
        is_warning: tuple(
            f"{word}: {check.name} of {check.asset} ({outcome.partition}). {check.description}"
            for check in outcome.failed_checks
            if check.is_warning is is_warning
        )
        for is_warning, word in ((False, "Check failed"), (True, "Check warns"))
    }
    return ChecksTold(told[False], told[True])


def fail_where_broken(told: ChecksTold) -> None:
    """Say what checks warn of, and end the command where one failed.

    Raises:
        CommandFailed: a check failed.
    """
    for each in told.warnings:
        say(each)
    if told.failures:
        raise CommandFailed("\n".join(told.failures))


class Noted(NamedTuple):
    """Why a run failed, and whether trying again at once is known to fail as well."""

    why: str
    is_lasting: bool


@contextmanager
def failure_noted(named: NamedConfig, failures: list[Noted]) -> Iterator[None]:
    """Note what a user can mend and go on, so that one config's missing key doesn't stop the others."""
    try:
        yield
    except Exception as error:
        mistake = users_mistake(error)
        if mistake is None:
            raise
        failures.append(Noted(f"The run of {named.name} failed: {mistake}", mistake.is_lasting))


def print_reading(folder: DataFolder, chat: str) -> None:
    """Say what was read of a chat's file."""
    print_frame(read_table(folder, INGESTION, chat).drop("file_hash"), as_json=False)
