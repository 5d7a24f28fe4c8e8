"""`moderation labels`: which labels of a chat look wrong. Answers without starting Dagster."""

from __future__ import annotations

import click

from moderation_pipeline.terminal.screen import print_csv, print_frame, print_json
from moderation_pipeline.warehouse.folder import DataFolder


@click.command()
@click.argument("chat")
@click.option("--lines", default=20, show_default=True, type=click.IntRange(min=0), help="How many to show.")
@click.option(
    "--csv", "as_csv", is_flag=True, help="Print every doubted label as CSV, to be looked at in a sheet."
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON: said and every line.")
def labels(chat: str, lines: int, as_csv: bool, as_json: bool) -> None:
    """Which labels look wrong? Rank those of CHAT that what is written elsewhere in it speaks against.

    \b
    moderation labels stream
    moderation labels stream --csv > doubts.csv

    No run is needed and no model is asked. Nobody who decides learns anything from it.
    """
    from moderation_pipeline.terminal.questions import labels_answers

    found = labels_answers.doubtful(DataFolder.find(), chat)
    if as_json:
        print_json(found.as_json())
    elif as_csv:
        print_csv(found.lines)
    else:
        for sentence in found.said:
            click.echo(sentence)
        shown = labels_answers.in_a_window(found.lines.head(lines))
        print_frame(shown, title=f"{shown.height:,} of {found.lines.height:,}, the most doubtful first")
