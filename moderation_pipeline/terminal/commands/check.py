"""`moderation check`: put ten made-up lines to a config's agents."""

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
    """Put ten made-up lines to the Student and the Expert of CONFIG, and see what is wrong before it costs money.

    A key, model or endpoint that doesn't work is named, and what the endpoint serves instead. Five of the lines are
    violations: an agent that gives all ten the same plan is said to be useless.

    \b
    moderation check                 the default config, hybrid
    moderation check my_config       before a run of thousands of comments

    Exits with 1 where an agent gave no plan, or judges nothing, or where nobody knows a price that a budget needs.
    """
    from moderation_pipeline.config.config_library import ConfigLibrary
    from moderation_pipeline.config.run_config import DEFAULT_CONFIG

    named = ConfigLibrary(folder := DataFolder.find()).load(config or DEFAULT_CONFIG)
    from moderation_pipeline.terminal import agent_answers
    from moderation_pipeline.terminal.check_lines import CHECK_LINES

    say(f"Asking the agents of {named.name} ({named.path}) about {len(CHECK_LINES)} made-up lines.")
    answers = agent_answers.check(folder, named)
    for each in answers:
        if each.note is not None:
            say(f"{each.role}: {each.note}")
    shown = [name for name in agent_answers.Answer._fields if as_json or name not in ("note", "useless")]
    # Drawn, an error is its code: the sentence below has all of it, and a table as wide as that can't be read.
    rows = (
        answers
        if as_json
        else [each._replace(error=each.error and each.error.partition(":")[0]) for each in answers]
    )
    print_records([[getattr(each, name) for name in shown] for each in rows], shown, as_json=as_json)
    failed = [each.useless for each in answers if each.useless is not None]
    failed += [f"The {each.role} gave no plan: {each.error}" for each in answers if each.error is not None]
    failed += agent_answers.unheld_budgets(named.config.budget, answers)
    if failed:
        raise CommandFailed("\n".join(failed))
