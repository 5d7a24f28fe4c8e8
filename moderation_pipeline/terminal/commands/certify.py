"""`moderation certify`: what a config may do alone. Answers without starting Dagster."""

from __future__ import annotations

import click

from moderation_pipeline.comments.chat_files import SYNTHETIC
from moderation_pipeline.terminal.exit_codes import CommandFailed, ExitCode
from moderation_pipeline.terminal.screen import (
    print_frame,
    print_json,
)
from moderation_pipeline.warehouse.folder import DataFolder


@click.command()
@click.argument("chat", default=SYNTHETIC)
@click.option("--config", "-c", default="certified", show_default=True, help="The config that was run.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON: sentence, is_certified, rows and more.")
def certify(chat: str, config: str, as_json: bool) -> None:
    """Say what CONFIG may do alone on CHAT, by the random audits of its run, or what it would take.

    \b
    moderation run stream -c certified
    moderation certify stream -c certified

    Void once the config, its Student or Expert, sanctions, rules or prompts changed since the run. Exits with
    0 where everything may be done alone, else with 3.
    """
    from moderation_pipeline.terminal import certified_runs

    found = certified_runs.certified(DataFolder.find(), chat, config)
    if as_json:
        print_json(found.as_json())
    else:
        click.echo(found.sentence)
        for caution in found.cautions:
            click.echo(caution)
        print_frame(found.rows.select(certified_runs.SHOWN))
    if not found.is_certified:
        raise CommandFailed(code=ExitCode.NOT_CERTIFIED)
