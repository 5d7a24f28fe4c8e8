"""`moderation dsa-statements`: a file for the EU's transparency database. Answers without starting Dagster."""

from __future__ import annotations

import click

from moderation_pipeline.terminal.screen import print_json
from moderation_pipeline.warehouse.folder import DataFolder


@click.command("dsa-statements")
@click.argument("chat")
@click.option("--config", "-c", default="hybrid", show_default=True, help="The config that was run.")
@click.option(
    "--json", "as_json", is_flag=True, help="Print JSON: said, path, statements, refused, error_rate."
)
def dsa_statements(chat: str, config: str, as_json: bool) -> None:
    """What would a regulator get? Write a statement of reasons per sanction that CONFIG carried out in CHAT.

    \b
    moderation dsa-statements stream -c hybrid

    In the fields of the EU's DSA transparency database, without personal data, a line of JSON each, beside the run's
    log. What the database's published limits refuse, and the error rate of automated means, are said. Nothing is sent.
    """
    from moderation_pipeline.terminal.questions import reasons_answers

    found = reasons_answers.statements(DataFolder.find(), chat, config)
    if as_json:
        print_json(found.as_json())
        return
    for sentence in found.said:
        click.echo(sentence)
