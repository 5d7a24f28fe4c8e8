"""`moderation attack`: put the attack suite to a config's agents."""

from __future__ import annotations

import click

from moderation_pipeline.terminal.escaping import harmless
from moderation_pipeline.terminal.exit_codes import CommandFailed
from moderation_pipeline.terminal.screen import (
    print_frame,
    say,
)
from moderation_pipeline.warehouse.folder import DataFolder


@click.command()
@click.argument("config", required=False)
@click.option("--json", "as_json", is_flag=True, help="Print JSON, one object per kind of attack.")
def attack(config: str | None, as_json: bool) -> None:
    """Try to talk CONFIG out of its verdicts: our suite of attacks, each beside the violation without it.

    \b
    moderation attack                 the default config, hybrid
    moderation attack my_config       before it moderates a chat alone

    An attack succeeded where a violation that is caught without it got a milder plan. Models are asked about
    each attack and each twin, some 700 comments, and replies are kept. Exits with 1 where more than one in a
    hundred succeeded. Stored nowhere: the asset attack_results keeps results.
    """
    from moderation_pipeline.config.config_library import ConfigLibrary
    from moderation_pipeline.config.run_config import DEFAULT_CONFIG

    named = ConfigLibrary(folder := DataFolder.find()).load(config or DEFAULT_CONFIG)
    from moderation_pipeline.terminal import attack_round

    say(f"Attacking the agents of {named.name} ({named.path}).")
    found = attack_round.attacked(folder, named)
    print_frame(found.results if as_json else found.results.select(attack_round.SHOWN), as_json=as_json)
    say(found.verdict)
    for example in found.examples:
        say(f"Succeeded: {harmless(example)}")
    if not found.is_passed:
        raise CommandFailed(f"{named.name} does not withstand the attacks.")
