"""`moderation run`: moderate a chat, or several, under some configs, compare them, write the report."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import nullcontext
from typing import TYPE_CHECKING

import click

from moderation_pipeline.terminal.exit_codes import CommandFailed
from moderation_pipeline.terminal.screen import (
    print_frame,
    print_json,
    say,
)
from moderation_pipeline.warehouse.folder import DataFolder

if TYPE_CHECKING:
    from moderation_pipeline.moderation.trace import RunObserver
    from moderation_pipeline.terminal.nights.chat_runs import ChatOutcome, Wanted


@click.command()
@click.argument("chats", nargs=-1)
@click.option("--config", "-c", "configs", multiple=True, help="Moderate under this config; may be repeated.")
@click.option("--all-chats", is_flag=True, help="Moderate every chat that there is and can be read.")
@click.option(
    "--new", "only_new", is_flag=True, help="Only runs whose chat or config changed since the last."
)
@click.option("--night", is_flag=True, help="What data/nights.yaml says: what the nightly schedule does.")
@click.option(
    "--retries",
    type=click.IntRange(0, 10),
    help="Try a run that failed again. Default: 0, or as --night says.",
)
@click.option(
    "--jobs",
    "-j",
    type=click.IntRange(1, 256),
    help="How many runs are made at once, each by a process. Default: as many as have a core, where that pays.",
)
@click.option("--trace", is_flag=True, help="Show each comment as it is decided.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON: one object per config, or per chat.")
def run(
    chats: tuple[str, ...],
    configs: tuple[str, ...],
    all_chats: bool,
    only_new: bool,
    night: bool,
    retries: int | None,
    jobs: int | None,
    trace: bool,
    as_json: bool,
) -> None:
    """Moderate CHATS under some configs, compare them, and write the report.

    \b
    moderation run                            the synthetic chat, the four keyless regimes
    moderation run stream                     a chat of your own ('moderation add' first)
    moderation run stream -c hybrid -c mine   under these configs: a backfill
    moderation run stream -c hybrid --trace   each comment as it is decided
    moderation run stream -c a -c b -j 2      two runs at once
    moderation run monday tuesday             several chats, the long ones at once
    moderation run --new -c hybrid            all chats that changed since their last run
    moderation run --night                    for cron or systemd: as data/nights.yaml says

    Ends with the comparison and the report's path, or with a line per chat where there are several. Every run leaves a
    log of each comment with what was decided, done and paid, for zstdcat: data/results/CHAT/CONFIG.jsonl.zst. Exits
    with 1 where a run failed; the other chats go on, and MODERATION_WEBHOOK, an address in the environment, is told.
    """
    from moderation_pipeline.comments.chat_files import SYNTHETIC
    from moderation_pipeline.config.champions import CHAMPION
    from moderation_pipeline.terminal import listings
    from moderation_pipeline.terminal.nights.chat_runs import Wanted, chats_that_can_be
    from moderation_pipeline.terminal.nights.night_runs import alerted_where_it_ends, night_wanted
    from moderation_pipeline.terminal.running import due_runs
    from moderation_pipeline.terminal.running.progress_view import run_observer
    from moderation_pipeline.terminal.running.staged_chat import clear_up

    folder = DataFolder.find()
    with alerted_where_it_ends() if night else nullcontext():
        clear_up(folder)
        observer = run_observer(trace=trace, as_json=as_json)
        if night:
            of_settings, wanted = night_wanted(folder, configs, retries)
        else:
            named = due_runs.configs_to_run(folder, configs)
            of_settings, wanted = (), Wanted(named, only_new, retries or 0, has_champion=CHAMPION in configs)
        wanted = wanted._replace(at_once=1 if trace else jobs)
        for chat in chats:
            listings.require_chat(folder, chat)
        if len(chats) < 2 and not (all_chats or only_new or night):
            _run_one(folder, chats[0] if chats else SYNTHETIC, wanted, observer, as_json=as_json)
            return
        are_named = bool(chats) and not all_chats
        names, left_out = (
            (list(dict.fromkeys(chats)), [])
            if are_named
            else chats_that_can_be(folder, () if all_chats else of_settings)
        )
        _run_several(folder, names, left_out, wanted, observer, as_json=as_json)


def _run_one(folder: DataFolder, chat: str, wanted: Wanted, observer: RunObserver, *, as_json: bool) -> None:
    from moderation_pipeline.launch import launcher
    from moderation_pipeline.terminal import summary
    from moderation_pipeline.terminal.nights.chat_runs import allow_at_once, moderated
    from moderation_pipeline.terminal.running.due_runs import ChecksTold, fail_where_broken

    say(f"Moderating {chat} under {wanted.told} (data in {folder.root}).")
    with launcher(folder) as launch:
        allow_at_once(launch, folder, [chat], wanted)
        outcome = moderated(launch, folder, chat, wanted, observer)
    comparison = summary.comparison_of(folder, chat)
    if as_json:
        print_frame(comparison, as_json=True)
    elif not comparison.is_empty():
        summary.print_comparison(folder, comparison)
        click.echo(f"Report: {summary.report_path(folder, chat)}")
    fail_where_broken(ChecksTold(outcome.failures, outcome.warnings))


def _run_several(
    folder: DataFolder,
    chats: Sequence[str],
    left_out: Sequence[ChatOutcome],
    wanted: Wanted,
    observer: RunObserver,
    *,
    as_json: bool,
) -> None:
    from moderation_pipeline.report.quantities import plural
    from moderation_pipeline.terminal.nights.chat_runs import all_moderated
    from moderation_pipeline.terminal.nights.night_runs import alerted, as_objects, told_of, total_of

    say(f"Moderating {plural(len(chats), 'chat')} under {wanted.told} (data in {folder.root}).")
    outcomes = [*all_moderated(folder, chats, wanted, observer), *left_out]
    if as_json:
        print_json(as_objects(folder, outcomes))
    else:
        for outcome in outcomes:
            click.echo(outcome.line)
    say(total_of(outcomes))
    told = told_of(outcomes)
    if told is None:
        return
    alerted(told, outcomes)
    if any(each.failures for each in outcomes):
        raise CommandFailed(told)
    say(told)
