"""`moderation compare`: what flipped between two runs of a chat, of two configs or of one. Without starting Dagster."""

from __future__ import annotations

import click

from moderation_pipeline.warehouse.folder import DataFolder


@click.command()
@click.argument("chat")
@click.argument("one")
@click.argument("other", required=False)
@click.option(
    "--since-accepted",
    is_flag=True,
    help="Compare the run of ONE with its own earlier run, the one accepted last, instead of with OTHER.",
)
@click.option("--lines", default=20, show_default=True, type=click.IntRange(min=0), help="How many to show.")
@click.option(
    "--json", "as_json", is_flag=True, help="Print JSON: said, totals, counts, rules and every line."
)
def compare(
    chat: str, one: str, other: str | None, lines: int, *, since_accepted: bool, as_json: bool
) -> None:
    """What flipped? Show which comments of CHAT fare otherwise under config OTHER than under config ONE.

    \b
    moderation compare stream hybrid learned
    moderation compare stream hybrid learned --json | jq '.lines[] | select(.way == "harsher") | .text'
    moderation compare stream hybrid --since-accepted

    By category and rule, by newcomers and regulars, with the lines; what the labels say of each, where there are any.
    The run accepted last is a config's first on a chat, until 'moderation accept' or 'promote' accepts another: what
    has changed in between (the chat's file, the code, the model behind the same name) is said.
    """
    from moderation_pipeline.terminal.questions import changes_answers
    from moderation_pipeline.terminal.questions.changes_view import print_changes

    if since_accepted == (other is not None):
        raise click.UsageError(
            "Say what the run is held against, one of the two: OTHER, another config, or --since-accepted, the run of"
            f" {one} that was accepted last."
        )
    folder = DataFolder.find()
    if other is None:
        found = changes_answers.flips_since_accepted(folder, chat, one)
    else:
        found = changes_answers.flips(folder, chat, one, other)
    print_changes(found, lines, as_json=as_json)
