"""`moderation chats`: which chats there are. Answers without starting Dagster."""

from __future__ import annotations

from textwrap import shorten

import click

from moderation_pipeline.terminal.screen import (
    print_frame,
    say,
)
from moderation_pipeline.warehouse.folder import DataFolder

LONGEST_WHY = 120
"""So much of why a file can't be read stands in the table; --json has all of it."""


@click.command()
@click.option("--json", "as_json", is_flag=True, help="Print JSON, one object per chat.")
def chats(as_json: bool) -> None:
    """List the chats that can be moderated, and the configs each was run under.

    \b
    moderation chats
    moderation chats --json | jq '.[] | select(.rejected > 0)'

    A chat is a file or folder under data/chats; 'moderation add FILE' puts one there, 'moderation remove CHAT' takes it
    away. Its state is read, changed (its file is newer than what was read), unread, unreadable (why says what ails the
    file) or gone (only its tables are left); stale are runs of comments that have changed since.
    """
    import polars as pl

    from moderation_pipeline.terminal import listings
    from moderation_pipeline.warehouse.damage import left_out_told
    from moderation_pipeline.warehouse.duckdb_file import repair_duckdb_file
    from moderation_pipeline.warehouse.tables import TABLES

    folder = DataFolder.find()
    if (repaired := repair_duckdb_file(folder)) is not None:
        say(repaired)
    for sentence in left_out_told(folder, TABLES):
        say(sentence)
    frame = listings.chats(folder)
    # What ails a file lists all formats that were tried, and would make the table wider than any window.
    if not as_json:
        briefly = [why and shorten(why, LONGEST_WHY, placeholder=" …") for why in frame["why"]]
        frame = frame.with_columns(pl.Series("why", briefly, pl.String))
    print_frame(frame, as_json=as_json)
