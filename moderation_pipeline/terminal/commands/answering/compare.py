"""`moderation compare`: what flipped between two configs' runs of a chat. Answers without starting Dagster."""

from __future__ import annotations

import click

from moderation_pipeline.warehouse.folder import DataFolder


@click.command()
@click.argument("chat")
@click.argument("one")
@click.argument("other")
@click.option("--lines", default=20, show_default=True, type=click.IntRange(min=0), help="How many to show.")
@click.option(
    "--json", "as_json", is_flag=True, help="Print JSON: said, totals, counts, rules and every line."
)
def compare(chat: str, one: str, other: str, lines: int, as_json: bool) -> None:
    """What flipped? Show which comments of CHAT fare otherwise under config OTHER than under config ONE.

    \b
    moderation compare stream hybrid learned
    moderation compare stream hybrid learned --json | jq '.lines[] | select(.way == "harsher") | .text'

    By category and rule, by newcomers and regulars, with the lines; what the labels say of each, where there are any.
    """
    from moderation_pipeline.terminal.questions import changes_answers
    from moderation_pipeline.terminal.questions.changes_view import print_changes

    found = changes_answers.flips(DataFolder.find(), chat, one, other)
    print_changes(found, lines, as_json=as_json)
