"""What `moderation run` over several chats says and sends in the end, and what data/nights.yaml has it do."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import click

from moderation_pipeline.config.champions import CHAMPION
from moderation_pipeline.config.nights import night_settings
from moderation_pipeline.report.quantities import plural
from moderation_pipeline.terminal import summary
from moderation_pipeline.terminal.exit_codes import CommandFailed, in_a_sentence
from moderation_pipeline.terminal.nights.chat_runs import ChatOutcome, Wanted
from moderation_pipeline.terminal.running import due_runs
from moderation_pipeline.terminal.screen import say
from moderation_pipeline.warehouse.folder import DataFolder


def night_wanted(
    folder: DataFolder, configs: Sequence[str], retries: int | None
) -> tuple[tuple[str, ...], Wanted]:
    """Return the chats (none: all) and what is wanted of them, as the settings say where the command says nothing.

    Raises:
        ConfigError: the settings, or a config that they name, can't be used.
    """
    from moderation_pipeline.defs.schedules import run_config

    settings = night_settings(folder)
    names = tuple(configs) or settings.configs
    named, has_champion = due_runs.configs_to_run(folder, names), CHAMPION in names
    tries = settings.retries if retries is None else retries
    wanted = Wanted(named, not settings.fresh, tries, run_config(settings), has_champion, since=time.time())
    return settings.chats, wanted


def total_of(outcomes: Sequence[ChatOutcome]) -> str:
    """Return in one line what became of all chats: nobody counts 200 lines."""
    runs = {
        "made": sum(len(each.made) for each in outcomes),
        "up to date": sum(len(each.current) for each in outcomes),
        "left to Dagster": sum(len(each.elsewhere) for each in outcomes),
    }
    left_out = sum(each.left_out is not None for each in outcomes)
    told = [f"{plural(number, 'run')} {what}" for what, number in runs.items() if number]
    told += [f"{plural(left_out, 'chat')} left out"] if left_out else []
    return f"{plural(len(outcomes), 'chat')}: {', '.join(told) or 'no run made'}."


def told_of(outcomes: Sequence[ChatOutcome]) -> str | None:
    """Return each warning and failure behind its chat, and in the last lines of which chats; null where all is well."""
    lines = [f"{outcome.chat}: {each}" for outcome in outcomes for each in outcome.warnings]
    lines += [f"{outcome.chat}: {each}" for outcome in outcomes for each in outcome.failures]
    for word, named in (
        ("To be looked at", [outcome.chat for outcome in outcomes if outcome.warnings]),
        ("Failed", [outcome.chat for outcome in outcomes if outcome.failures]),
    ):
        lines += [f"{word}: {', '.join(named)} ({len(named)} of {len(outcomes)} chats)."] if named else []
    return "\n".join(lines) or None


def alerted(told: str, outcomes: Sequence[ChatOutcome]) -> None:
    """Tell the address that alerts go to, where there is one, and say where that failed."""
    from moderation_pipeline.moderation.alerts import alert

    failed = [{"chat": each.chat, "failures": list(each.failures)} for each in outcomes if each.failures]
    warned = [{"chat": each.chat, "warnings": list(each.warnings)} for each in outcomes if each.warnings]
    problem = alert(os.environ, told, failed, warned)
    if problem is not None:
        say(problem)


@contextmanager
def alerted_where_it_ends() -> Iterator[None]:
    """Tell the address that alerts go to of a night that could not go on: nobody looks at the terminal of one."""
    try:
        yield
    except (CommandFailed, click.ClickException, click.Abort):  # told, or stopped by somebody who knows
        raise
    except Exception as error:
        alerted(f"The night could not be done. {in_a_sentence(error) or f'A bug of ours: {error}'}", [])
        raise


def as_objects(folder: DataFolder, outcomes: Sequence[ChatOutcome]) -> list[dict[str, object]]:
    """Return what became of each chat, and its comparison as it is now."""
    return [
        {**outcome._asdict(), "comparison": summary.comparison_of(folder, outcome.chat).to_dicts()}
        for outcome in outcomes
    ]
