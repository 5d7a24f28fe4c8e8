"""The commands about models and what they were paid for: check, attack, cache. They start no run of a chat.

What they do is in `checking.py`, `attacking.py` and `backends/cache_upkeep.py`.
"""

from __future__ import annotations

import time

import click

from moderation_pipeline.terminal.exit_codes import CommandFailed
from moderation_pipeline.terminal.harmless import harmless
from moderation_pipeline.terminal.screen import print_frame, print_records, say
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
    from moderation_pipeline.config import DEFAULT_CONFIG
    from moderation_pipeline.config_library import ConfigLibrary

    named = ConfigLibrary(folder := DataFolder.find()).load(config or DEFAULT_CONFIG)
    from moderation_pipeline.terminal import checking

    say(f"Asking the agents of {named.name} ({named.path}) about: {checking.COMMENT}")
    answers = checking.check(folder, named)
    for each in answers:
        if each.note is not None:
            say(f"{each.role}: {each.note}")
    columns = [name for name in checking.Answer._fields if as_json or name != "note"]
    print_records([each[: len(columns)] for each in answers], columns, as_json=as_json)
    failed = [f"The {each.role} gave no plan: {each.error}" for each in answers if each.error is not None]
    if failed:
        raise CommandFailed("\n".join(failed))


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
    from moderation_pipeline.config import DEFAULT_CONFIG
    from moderation_pipeline.config_library import ConfigLibrary

    named = ConfigLibrary(folder := DataFolder.find()).load(config or DEFAULT_CONFIG)
    from moderation_pipeline.terminal import attacking

    say(f"Attacking the agents of {named.name} ({named.path}).")
    found = attacking.attacked(folder, named)
    print_frame(found.results if as_json else found.results.select(attacking.SHOWN), as_json=as_json)
    say(found.verdict)
    for example in found.examples:
        say(f"Succeeded: {harmless(example)}")
    if not found.is_passed:
        raise CommandFailed(f"{named.name} does not withstand the attacks.")


@click.command()
@click.option("--drop-errors", is_flag=True, help="Drop bad replies: they are asked for, and paid, again.")
@click.option("--older-than", type=float, metavar="DAYS", help="Drop replies bought longer ago.")
@click.option("--larger-than", type=float, metavar="MB", help="Drop the oldest until the rest fits.")
@click.option("--forget-endpoints", is_flag=True, help="Find out anew what each endpoint can do.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON, one object per model.")
def cache(
    drop_errors: bool,
    older_than: float | None,
    larger_than: float | None,
    forget_endpoints: bool,
    as_json: bool,
) -> None:
    """Show the replies that were paid for and kept, by model; drop some of them.

    \b
    moderation cache                     what is held, and what it would cost again
    moderation cache --drop-errors       ask again for replies that were no use
    moderation cache --older-than 30     drop what was bought more than 30 days ago
    """
    from moderation_pipeline.backends.cache_upkeep import CachedReplies, CacheUpkeep

    upkeep = CacheUpkeep(DataFolder.find().reply_cache, time.time())
    dropped = [
        *([upkeep.drop_errors()] if drop_errors else []),
        *([] if older_than is None else [upkeep.drop_older_than(older_than)]),
        *([] if larger_than is None else [upkeep.drop_beyond(larger_than)]),
    ]
    for each in dropped:
        cost = f"${each.list_cost_usd:.4f} to ask again"
        say(f"Dropped {each.replies} replies ({each.megabytes:.1f} MB, {cost}).")
    if forget_endpoints:
        say(f"Forgot what {upkeep.forget_endpoints()} endpoints can do.")
    print_records(upkeep.show(), CachedReplies._fields, as_json=as_json)


COMMANDS = (check, attack, cache)
