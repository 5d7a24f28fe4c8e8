"""The `moderation` program: its commands are in `terminal/commands/`, one a file; what they do is in the rooms.

A command imports what it needs when it runs, so that `moderation --help` is there at once, and only what moderates
a chat waits for Dagster.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import click

from moderation_pipeline.moderation.gc_pause import seldom_collected
from moderation_pipeline.terminal.commands.accept import accept
from moderation_pipeline.terminal.commands.add import add
from moderation_pipeline.terminal.commands.allow import allow
from moderation_pipeline.terminal.commands.answering.beside_moderators import moderators
from moderation_pipeline.terminal.commands.answering.compare import compare
from moderation_pipeline.terminal.commands.answering.dsa_statements import dsa_statements
from moderation_pipeline.terminal.commands.answering.labels import labels
from moderation_pipeline.terminal.commands.answering.sql import sql
from moderation_pipeline.terminal.commands.answering.users import users
from moderation_pipeline.terminal.commands.answering.what_if import what_if
from moderation_pipeline.terminal.commands.attack import attack
from moderation_pipeline.terminal.commands.cache import cache
from moderation_pipeline.terminal.commands.certify import certify
from moderation_pipeline.terminal.commands.chats import chats
from moderation_pipeline.terminal.commands.check import check
from moderation_pipeline.terminal.commands.configs import configs
from moderation_pipeline.terminal.commands.evaluate import evaluate
from moderation_pipeline.terminal.commands.probe import probe
from moderation_pipeline.terminal.commands.promote import promote
from moderation_pipeline.terminal.commands.prune import prune
from moderation_pipeline.terminal.commands.publish import publish
from moderation_pipeline.terminal.commands.remove import remove
from moderation_pipeline.terminal.commands.run import run
from moderation_pipeline.terminal.commands.synthesize import synthesize
from moderation_pipeline.terminal.commands.tune import tune
from moderation_pipeline.terminal.commands.ui import ui
from moderation_pipeline.terminal.exit_codes import EXIT_CODES, ended
from moderation_pipeline.terminal.streams import make_fit
from moderation_pipeline.warehouse.access import keep_private
from moderation_pipeline.warehouse.folder import DATA_VARIABLE, DataFolder, as_folder
from moderation_pipeline.warehouse.objects.follow import follow


@dataclass(slots=True)
class Session:
    """What was asked of the program as a whole, before the command's name."""

    debug: bool = False
    asks_for_help: bool = False


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
@click.pass_context
def cli(context: click.Context, session: Session, data: Path | None, debug: bool) -> None:
    """Can an AI agent moderate this chat, at what cost, and can it be trusted to act alone?

    \b
    moderation run                        the synthetic chat under four configs, keyless and offline
    moderation add ~/logs/stream.irc.gz   bring a chat of your own
    moderation run stream --trace         watch each comment being decided
    moderation evaluate table.csv …       what the scores in a labelled table are worth
    moderation sql "select * from disagreements limit 5"
    """
    session.debug = debug
    if data is not None:
        os.environ[DATA_VARIABLE] = str(as_folder(str(data)))
    folder = DataFolder.find()
    keep_private(folder)
    if context.invoked_subcommand not in READS_NO_TABLES and not session.asks_for_help:
        follow(folder)


READS_NO_TABLES = ("configs", "check", "probe", "allow", "cache")
"""Where machines share a warehouse, all other commands begin with what the others published."""

COMMANDS = (
    run,
    evaluate,
    add,
    synthesize,
    ui,
    chats,
    configs,
    sql,
    users,
    compare,
    what_if,
    moderators,
    labels,
    dsa_statements,
    certify,
    promote,
    accept,
    check,
    tune,
    allow,
    attack,
    probe,
    cache,
    remove,
    prune,
    publish,
)
"""In the order of their use. `--help` sorts them by name."""

for command in COMMANDS:
    cli.add_command(command)


def called_with(arguments: Sequence[str]) -> int:
    """Carry out the command that the arguments ask for, and return its exit code."""
    session = Session(debug="--debug" in arguments, asks_for_help=bool({"-h", "--help"} & set(arguments)))
    return ended(
        lambda: cli.main(list(arguments), prog_name="moderation", obj=session, standalone_mode=False),
        debug=session.debug,
    )


def main() -> None:
    """Run the command line, and exit with a code of `terminal/exit_codes.py`."""
    make_fit()
    # Imports and Dagster leave next to no garbage in cycles; looking for it takes a twentieth of a `moderation run`.
    with seldom_collected():
        code = called_with(sys.argv[1:])
    sys.exit(code)


if __name__ == "__main__":
    main()
