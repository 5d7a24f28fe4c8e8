"""`moderation publish`: bring what this machine made alone into a warehouse that several share."""

from __future__ import annotations

import click

from moderation_pipeline.terminal.screen import print_table, say
from moderation_pipeline.warehouse.folder import DataFolder


@click.command()
@click.option("--yes", is_flag=True, help="Do it. Without, it is only said what would be published.")
def publish(yes: bool) -> None:
    """Publish chats, runs and reports of this data folder that MODERATION_WAREHOUSE doesn't hold yet.

    \b
    moderation publish          what would be published
    moderation publish --yes

    Once, when a machine that worked alone is to be one of several: what is made afterwards is published by itself. What
    the warehouse holds already stays as it is there.
    """
    from moderation_pipeline.defs.home.shared_runs import log_of
    from moderation_pipeline.terminal.folder_parts import NotSharedError, parts_here
    from moderation_pipeline.warehouse.objects.shared_warehouse import shared_warehouse

    folder = DataFolder.find()
    shared = shared_warehouse(folder)
    if shared is None:
        raise NotSharedError
    missing = shared.unpublished(parts_here(folder))
    if missing:
        print_table(["what", "chat", "config"], [(part.kind, part.chat, part.config) for part in missing])
    if yes:
        shared.publish(missing, lambda chat: log_of(folder, chat))
        say(f"Published: {len(missing)}.")
    elif missing:
        say("Nothing is published yet: the same with --yes does it.")
    else:
        say("The warehouse holds all that is in this folder.")
