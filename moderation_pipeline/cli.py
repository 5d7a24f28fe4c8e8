"""The terminal's face of the pipeline: the program, and the commands that start Dagster.

The other commands, and what all of them show, are in `terminal/`; what they do is in the rooms. A command
imports what it needs when it runs, so that `moderation --help` is there at once, and only what moderates a
chat waits for Dagster.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import click

from moderation_pipeline.comments.chat_files import SYNTHETIC
from moderation_pipeline.terminal import looking, upkeep
from moderation_pipeline.terminal.exit_codes import EXIT_CODES, CommandFailed, ended
from moderation_pipeline.terminal.screen import console, print_frame, say
from moderation_pipeline.warehouse.folder import DATA_VARIABLE, DataFolder

if TYPE_CHECKING:
    from moderation_pipeline.config import NamedConfig
    from moderation_pipeline.moderation.trace import RunObserver


@dataclass(slots=True)
class Session:
    """What was asked of the program as a whole, before the command's name."""

    debug: bool = False


@click.group(
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog=EXIT_CODES,
)
@click.version_option(package_name="moderation-pipeline", prog_name="moderation")
@click.option(
    "--data",
    type=click.Path(path_type=Path, file_okay=False),
    help=f"Folder of chats, configs and results. Default: ${DATA_VARIABLE}, else ./data.",
)
@click.option("--debug", is_flag=True, help="Show the traceback of an unexpected error.")
@click.pass_obj
def cli(session: Session, data: Path | None, debug: bool) -> None:
    """Can an AI agent moderate this chat, at what cost, and can it be trusted to act alone?

    \b
    moderation run                        the synthetic chat under four configs, keyless and offline
    moderation add ~/logs/stream.irc.gz   bring a chat of your own
    moderation run stream --trace         watch each comment being decided
    moderation sql "select * from disagreements limit 5"
    """
    session.debug = debug
    if data is not None:
        os.environ[DATA_VARIABLE] = str(data.absolute())


@cli.command()
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
    from moderation_pipeline.terminal import listings, running, summary

    folder = DataFolder.find()
    listings.require_chat(folder, chat)
    named = running.configs_to_run(folder, configs)
    say(f"Moderating {chat} under {', '.join(each.name for each in named)} (data in {folder.root}).")
    failures = _moderated(folder, chat, named, _observer(trace=trace, as_json=as_json))
    comparison = summary.comparison_of(folder, chat)
    if as_json:
        print_frame(comparison, as_json=True)
    elif not comparison.is_empty():
        summary.print_comparison(comparison)
        click.echo(f"Report: {summary.report_path(folder, chat)}")
    if failures:
        raise CommandFailed("\n".join(failures))


def _observer(*, trace: bool, as_json: bool) -> RunObserver:
    from moderation_pipeline.terminal.progress import ProgressView
    from moderation_pipeline.terminal.trace_view import TraceView

    return TraceView(console(err=as_json)) if trace else ProgressView(console(err=True))


def _moderated(
    folder: DataFolder, chat: str, configs: Sequence[NamedConfig], observer: RunObserver
) -> list[str]:
    """Make the runs that are due, and return what failed, in words."""
    from moderation_pipeline.defs.launch import launcher
    from moderation_pipeline.terminal import running

    failures: list[str] = []
    with launcher(folder) as launch:
        if running.is_synthetic_missing(folder, chat):
            launch.synthesize()
        if running.is_reading_due(folder, chat):
            say(f"Reading {chat}.")
            failures += running.failed_checks(launch.ingest_chat(chat, observer))
        ended = 0
        for named in configs:
            with running.failure_noted(named, failures):
                failures += running.failed_checks(launch.moderate_chat(chat, named.name, observer))
                ended += 1
        if ended == 0:  # nothing new to compare, and what failed must not be hidden by that
            return failures
        say("Comparing, drawing, writing the report.")
        failures += running.failed_checks(launch.compare_chat(chat))
    return failures


@cli.command()
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--name", help="What to call the chat. Default: the file's name.")
@click.option("--format", "format_name", help="The file's format, where its content would be mistaken.")
@click.option("--column", "columns", multiple=True, help="What a column is, as OURS=THEIRS; may be repeated.")
@click.option("--replace", is_flag=True, help="Put it in the place of a chat of that name.")
@click.option("--json", "as_json", is_flag=True, help="Print what was read as JSON.")
def add(
    file: Path,
    name: str | None,
    format_name: str | None,
    columns: tuple[str, ...],
    replace: bool,
    as_json: bool,
) -> None:
    """Add the chat log FILE: copy it to data/chats and read it.

    Raw Twitch IRC, justlog, rustlog, TwitchDownloader, chat-downloader, Chatterino, EventSub, JSONL, CSV and
    Parquet are told apart by content; plain, .gz or .zst. What moderators did in a log is read as labels.

    \b
    moderation add ~/logs/stream.irc.gz
    moderation add forum.csv --name forum --column text=body --column user_id=author
    moderation add tweets.csv --column text=tweet --column shuffle_seed=7 \\
        --column 'label_is_violation={column: class, true_for: [hate]}'

    A name becomes a slug (lower-case letters, digits, - and _). What a table's columns are may also be said
    in a file beside it, FILE.columns.yaml.
    """
    from moderation_pipeline.terminal import adding, running

    folder = DataFolder.find()
    added = adding.add_file(
        folder, file, name=name, format_name=format_name, columns=columns, replace=replace
    )
    renamed = f" (from {added.wanted!r})" if added.is_renamed else ""
    say(f"Reading {added.path} as the chat {added.chat!r}{renamed}.")
    from moderation_pipeline.defs.launch import launcher

    with running.taken_back_on_failure(added), launcher(folder) as launch:
        outcome = launch.ingest_chat(added.chat, _observer(trace=False, as_json=as_json))
    failures = running.failed_checks(outcome)
    running.print_reading(folder, added.chat, as_json=as_json)
    if failures:
        raise CommandFailed("\n".join(failures))
    say(f"Next: moderation run {added.chat}")


@cli.command()
@click.option(
    "--comments", default=2_000, show_default=True, type=click.IntRange(1, 1_000_000), help="How many."
)
@click.option(
    "--base-rate",
    default=0.15,
    show_default=True,
    type=click.FloatRange(0, 0.5),
    help="Share that breaks a rule; a real stream has 0.002.",
)
@click.option("--seed", default=7, show_default=True, help="Same seed, same bytes.")
def synthesize(comments: int, base_rate: float, seed: int) -> None:
    """Generate the synthetic chat, data/chats/synthetic.jsonl, with ground-truth labels.

    \b
    moderation synthesize
    moderation synthesize --comments 100000 --base-rate 0.002 --seed 1

    It is rewritten only when its settings change. Quality measured on it says nothing about real chats.
    """
    say("Generating the synthetic chat.")
    from moderation_pipeline.defs.launch import launcher
    from moderation_pipeline.terminal import running

    folder = DataFolder.find()
    with launcher(folder) as launch:
        launch.synthesize({"comments": comments, "base_rate": base_rate, "seed": seed})
        failures = running.failed_checks(launch.ingest_chat(SYNTHETIC))
    running.print_reading(folder, SYNTHETIC, as_json=False)
    if failures:
        raise CommandFailed("\n".join(failures))


@cli.command()
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option("--port", default=3000, show_default=True, help="Port to listen on.")
def ui(host: str, port: int) -> None:
    """Open the Dagster UI on the same chats, runs and assets. Stop it with Ctrl-C.

    \b
    moderation ui                    then http://127.0.0.1:3000
    moderation ui --port 8080

    What the terminal ran is seen there, and the other way round. It takes about 20 seconds to answer.
    """
    folder = DataFolder.find()
    say(
        f"Dagster's UI will be at http://{host}:{port} in about 20 seconds (instance: {folder.dagster_home})."
    )
    from moderation_pipeline.defs.instance import prepare_home
    from moderation_pipeline.terminal import interface

    interface.become_dagster_dev(folder, prepare_home(folder), host=host, port=port)


for command in (*looking.COMMANDS, *upkeep.COMMANDS):
    cli.add_command(command)


def called_with(arguments: Sequence[str]) -> int:
    """Carry out the command that the arguments ask for, and return its exit code."""
    session = Session(debug="--debug" in arguments)
    return ended(
        lambda: cli.main(list(arguments), prog_name="moderation", obj=session, standalone_mode=False),
        debug=session.debug,
    )


def main() -> None:
    """Run the command line, and exit with a code of `terminal/exit_codes.py`."""
    sys.exit(called_with(sys.argv[1:]))


if __name__ == "__main__":
    main()
