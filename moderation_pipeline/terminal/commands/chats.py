"""`moderation chats`: which chats there are. Answers without starting Dagster."""

from __future__ import annotations

import click

from moderation_pipeline.terminal.screen import (
    print_frame,
    say,
)
from moderation_pipeline.warehouse.folder import DataFolder


@click.command()
@click.option("--json", "as_json", is_flag=True, help="Print JSON, one object per chat.")
def chats(as_json: bool) -> None:
    """List the chats that can be moderated, and the configs each was run under.

    \b
    moderation chats
    moderation chats --json | jq '.[] | select(.rejected > 0)'

    A chat is a file or folder under data/chats; 'moderation add FILE' puts one there. A chat without numbers has
    not been read yet: 'moderation run' or the Dagster UI reads it.
    """
    from moderation_pipeline.terminal import listings
    from moderation_pipeline.warehouse.duckdb_file import repair_duckdb_file

    folder = DataFolder.find()
    if (repaired := repair_duckdb_file(folder)) is not None:
        say(repaired)
    print_frame(listings.chats(folder), as_json=as_json)
