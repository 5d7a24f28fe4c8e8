"""`moderation cache`: the replies that were paid for and kept."""

from __future__ import annotations

import time

import click

from moderation_pipeline.report.quantities import dollars
from moderation_pipeline.rounding import rounded
from moderation_pipeline.terminal.screen import (
    print_records,
    say,
)
from moderation_pipeline.warehouse.folder import DataFolder


@click.command()
@click.option("--drop-errors", is_flag=True, help="Drop bad replies: they are asked for, and paid, again.")
@click.option("--older-than", type=float, metavar="DAYS", help="Drop replies bought longer ago.")
@click.option("--larger-than", type=float, metavar="MB", help="Drop the oldest until the rest fits.")
@click.option("--forget-endpoints", is_flag=True, help="Find out anew what each endpoint can do.")
@click.option(
    "--carry-over", is_flag=True, help="Carry what this folder paid for alone into the shared store."
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON, one object per model.")
def cache(
    drop_errors: bool,
    older_than: float | None,
    larger_than: float | None,
    forget_endpoints: bool,
    carry_over: bool,
    as_json: bool,
) -> None:
    """Show the replies that were paid for and kept, by model; drop some of them.

    \b
    moderation cache                     what is held, and what it would cost again
    moderation cache --drop-errors       ask again for replies that were no use
    moderation cache --older-than 30     drop what was bought more than 30 days ago
    moderation cache --carry-over        once, when this machine becomes one of several
    """
    from moderation_pipeline.backends.stores.open_store import upkeep_of_store
    from moderation_pipeline.backends.stores.stored_replies import CachedReplies

    if carry_over:
        _carry_over(DataFolder.find())
    upkeep = upkeep_of_store(DataFolder.find(), time.time())
    dropped = [
        *([upkeep.drop_errors()] if drop_errors else []),
        *([] if older_than is None else [upkeep.drop_older_than(older_than)]),
        *([] if larger_than is None else [upkeep.drop_beyond(larger_than)]),
    ]
    for each in dropped:
        cost = f"{dollars(each.list_cost_usd)} to ask again"
        say(f"Dropped {each.replies} replies ({rounded(each.megabytes, 1)} MB, {cost}).")
    if forget_endpoints:
        say(f"Forgot what {upkeep.forget_endpoints()} endpoints can do.")
    print_records(upkeep.show(), CachedReplies._fields, as_json=as_json)


def _carry_over(folder: DataFolder) -> None:
    from moderation_pipeline.backends.stores.carried_replies import NowhereToCarryError, carried_over
    from moderation_pipeline.warehouse.shared_database import shared_database

    engine = shared_database()
    if engine is None:
        raise NowhereToCarryError
    held, new = carried_over(folder.reply_cache, engine, time.time())
    say(
        f"Carried {new} of {held} replies over; the shared store held the others. The folder's own stay as they are."
    )
