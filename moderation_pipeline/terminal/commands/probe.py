"""`moderation probe`: what a config can and can't do, ability by ability."""

from __future__ import annotations

import click
import polars as pl

from moderation_pipeline.terminal.screen import print_frame, say
from moderation_pipeline.warehouse.folder import DataFolder


@click.command()
@click.argument("config", required=False)
@click.option("--json", "as_json", is_flag=True, help="Print JSON, one object per ability.")
def probe(config: str | None, as_json: bool) -> None:
    """Ask CONFIG's agents for one ability after another: about a hundred made-up lines, a table by ability.

    Obfuscation, counter-speech, quoting, reclaimed words, game talk, emotes, self-harm, other languages, orders to the
    moderator. A line is right where the plan that stands finds a violation in it, or none, as anyone's rules would.

    \b
    moderation probe                 the default config, hybrid
    moderation probe my_config

    The lines are few and made up: a table to look at before a run, no estimate of how your chat would fare.
    """
    from moderation_pipeline.config.config_library import ConfigLibrary
    from moderation_pipeline.config.run_config import DEFAULT_CONFIG

    named = ConfigLibrary(folder := DataFolder.find()).load(config or DEFAULT_CONFIG)
    from moderation_pipeline.attacks.probing import probes
    from moderation_pipeline.terminal.attack_round import probed

    say(f"Asking the agents of {named.name} ({named.path}) about {len(probes())} made-up lines.")
    found = probed(folder, named)
    if as_json:
        print_frame(found, as_json=True)
        return
    right, lines = int(found["right"].sum()), int(found["lines"].sum())
    click.echo(f"{right} of {lines} lines are judged rightly.")
    shown = found.with_columns(
        pl.format("{} of {}", "right", "lines").alias("right"), pl.col("wrong").list.first()
    )
    print_frame(shown.select("ability", "expected", "right", "open", example_of_wrong="wrong"))
