"""`moderation moderators`: human moderators beside a config. Answers without starting Dagster."""

from __future__ import annotations

import click

from moderation_pipeline.terminal.screen import print_frame, print_json
from moderation_pipeline.warehouse.folder import DataFolder


@click.command()
@click.argument("chat")
@click.option("--config", "-c", default="hybrid", show_default=True, help="The config that was run.")
@click.option("--lines", default=20, show_default=True, type=click.IntRange(min=0), help="How many to show.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON: said, counts, by_category and every line.")
def moderators(chat: str, config: str, lines: int, as_json: bool) -> None:
    """Where do we and our moderators differ? Hold CONFIG against what human moderators did in CHAT.

    \b
    moderation moderators stream -c hybrid

    What only the config would have acted on, what only they did, and how consistent both are: what they did when the
    same was said again.
    """
    from moderation_pipeline.terminal.questions import labels_answers

    found = labels_answers.moderators(DataFolder.find(), chat, config)
    if as_json:
        print_json(found.as_json())
        return
    for sentence in found.said:
        click.echo(sentence)
    print_frame(found.counts)
    print_frame(found.by_category, title=f"What {config} acts on, by its category")
    for who in ("only the config", "only the moderators"):
        shown = found.lines.filter(found.lines["who_acts"] == who)
        title = f"Where {who} would act, {min(lines, shown.height):,} of {shown.height:,}"
        print_frame(labels_answers.in_a_window(shown.head(lines).drop("who_acts")), title=title)
