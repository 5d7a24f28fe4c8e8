"""`moderation check`: put one made-up comment to a config's agents."""

from __future__ import annotations

import click

from moderation_pipeline.terminal.exit_codes import CommandFailed
from moderation_pipeline.terminal.screen import (
    print_records,
    say,
)
from moderation_pipeline.warehouse.folder import DataFolder


@click.command()
@click.argument("config", required=False)
@click.option("--json", "as_json", is_flag=True, help="Print JSON, one object per agent.")
def check(config: str | None, as_json: bool) -> None:
    """Put one made-up comment to the Student and the Expert of CONFIG: two calls that find what is wrong.

    A key, model or endpoint that doesn't work is named, and what the endpoint serves instead.

    \b
    moderation check                 the default config, hybrid
    moderation check my_config       before a run of thousands of comments

    Exits with 1 where an agent gave no plan.
    """
    from moderation_pipeline.config.config_library import ConfigLibrary
    from moderation_pipeline.config.run_config import DEFAULT_CONFIG

    named = ConfigLibrary(folder := DataFolder.find()).load(config or DEFAULT_CONFIG)
    from moderation_pipeline.terminal import agent_answers

    say(f"Asking the agents of {named.name} ({named.path}) about: {agent_answers.COMMENT}")
    answers = agent_answers.check(folder, named)
    for each in answers:
        if each.note is not None:
            say(f"{each.role}: {each.note}")
    columns = [name for name in agent_answers.Answer._fields if as_json or name != "note"]
    print_records([each[: len(columns)] for each in answers], columns, as_json=as_json)
    failed = [f"The {each.role} gave no plan: {each.error}" for each in answers if each.error is not None]
    if failed:
        raise CommandFailed("\n".join(failed))
