"""`moderation run`: moderate a chat under some configs, compare them, write the report."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import click

from moderation_pipeline.comments.chat_files import SYNTHETIC
from moderation_pipeline.terminal.exit_codes import CommandFailed
from moderation_pipeline.terminal.screen import (
    print_frame,
    say,
)
from moderation_pipeline.warehouse.folder import DataFolder

if TYPE_CHECKING:
    from moderation_pipeline.config.run_config import NamedConfig
    from moderation_pipeline.moderation.trace import RunObserver


@click.command()
@click.argument("chat", default=SYNTHETIC)
@click.option("--config", "-c", "configs", multiple=True, help="Moderate under this config; may be repeated.")
@click.option("--trace", is_flag=True, help="Show each comment as it is decided.")
@click.option("--json", "as_json", is_flag=True, help="Print the comparison as JSON, one object per config.")
def run(chat: str, configs: tuple[str, ...], trace: bool, as_json: bool) -> None:
    """Moderate CHAT under some configs, compare them, and write the report.

    \b
    moderation run                            the synthetic chat, the four keyless regimes
    moderation run stream                     a chat of your own ('moderation add' first)
    moderation run stream -c hybrid -c mine   under these configs: a backfill
    moderation run stream -c hybrid --trace   each comment as it is decided

    Ends with the comparison and the report's path. Every run leaves a log of each comment with what was
    decided, done and paid: data/results/CHAT/CONFIG.jsonl. Exits with 1 where a config's run failed.
    """
    from moderation_pipeline.terminal import due_runs, listings, summary
    from moderation_pipeline.terminal.progress_view import run_observer
    from moderation_pipeline.terminal.staged_chat import clear_up

    folder = DataFolder.find()
    clear_up(folder)
    listings.require_chat(folder, chat)
    named = due_runs.configs_to_run(folder, configs)
    say(f"Moderating {chat} under {', '.join(each.name for each in named)} (data in {folder.root}).")
    failures = _moderated(folder, chat, named, run_observer(trace=trace, as_json=as_json))
    comparison = summary.comparison_of(folder, chat)
    if as_json:
        print_frame(comparison, as_json=True)
    elif not comparison.is_empty():
        summary.print_comparison(folder, comparison)
        click.echo(f"Report: {summary.report_path(folder, chat)}")
    if failures:
        raise CommandFailed("\n".join(failures))


def _moderated(
    folder: DataFolder, chat: str, configs: Sequence[NamedConfig], observer: RunObserver
) -> list[str]:
    """Make the runs that are due, and return what failed, in words."""
    from moderation_pipeline.defs.comments import READING_VERSION
    from moderation_pipeline.launch import launcher
    from moderation_pipeline.terminal import due_runs

    failures: list[str] = []
    with launcher(folder) as launch:
        if due_runs.is_synthetic_missing(folder, chat):
            launch.synthesize()
        is_current = launch.last_read_by(chat) == READING_VERSION
        if due_runs.is_reading_due(folder, chat, is_current=is_current):
            say(f"Reading {chat}.")
            failures += due_runs.failed_checks(launch.ingest_chat(chat, observer))
        ended = 0
        for named in configs:
            with due_runs.failure_noted(named, failures):
                failures += due_runs.failed_checks(launch.moderate_chat(chat, named.name, observer))
                ended += 1
        if ended == 0:  # nothing new to compare, and what failed must not be hidden by that
            return failures
        say("Comparing, drawing, writing the report.")
        failures += due_runs.failed_checks(launch.compare_chat(chat))
    return failures
