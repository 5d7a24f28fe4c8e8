"""`moderation tune`: find out on a labelled chat how a config's model is best asked."""

from __future__ import annotations

import click

from moderation_pipeline.terminal.screen import print_records, say
from moderation_pipeline.warehouse.folder import DataFolder


@click.command()
@click.argument("config")
@click.argument("chat")
@click.option("--usd", type=click.FloatRange(min=0), default=1.0, show_default=True, help="What it may cost.")
@click.option(
    "--comments",
    type=click.IntRange(min=20),
    default=300,
    show_default=True,
    help="How many labelled comments each way is asked about, half of them violations.",
)
@click.option("--to", help="The name of the winner's config. Default: CONFIG_tuned.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON, one object per way to ask.")
def tune(config: str, chat: str, usd: float, comments: int, to: str | None, as_json: bool) -> None:
    """Compare ways to ask the model of CONFIG on the labels of CHAT, and write the best as a config.

    \b
    moderation tune my_config stream            forms of the prompt, or thresholds, for a dollar
    moderation tune my_config stream --usd 5    goes on: no reply is paid twice

    A language model is asked in each form of the prompt; a decision model's probabilities are held against other
    thresholds, which costs nothing more. All are asked about the same comments. The winner is written only where it
    is better than CONFIG by more than chance; else it is said how small a difference could have been seen.
    """
    from moderation_pipeline.config.config_library import ConfigLibrary
    from moderation_pipeline.terminal import listings, tuning_round

    folder = DataFolder.find()
    listings.require_chat(folder, chat)
    named = ConfigLibrary(folder).load(config)
    found = tuning_round.tuned(folder, named, chat, usd=usd, most=comments, to=to or f"{named.name}_tuned")
    print_records(found.rows, tuning_round.ShownWay._fields, as_json=as_json)
    say(found.sentence)
