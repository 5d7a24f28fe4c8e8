"""`moderation configs`: which configs there are, and what is wrong with them. Answers without starting Dagster."""

from __future__ import annotations

import click

from moderation_pipeline.terminal.exit_codes import CommandFailed
from moderation_pipeline.terminal.screen import (
    print_frame,
)
from moderation_pipeline.warehouse.folder import DataFolder


@click.command()
@click.option(
    "--keys", is_flag=False, flag_value="", metavar="[PREFIX]", help="List what a config may say instead."
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON, one object per valid config, or per key.")
def configs(keys: str | None, as_json: bool) -> None:
    """List the configs, ready-made and your own, and validate every one.

    \b
    moderation configs
    moderation configs --json | jq '.[].config'
    moderation configs --keys memory        what may be said of memory, and what it means

    Your own are YAML files under data/configs; one with the name of a ready-made config replaces it,
    and the list and every run say so.
    Exits with 1 where a config is invalid, after saying what is wrong with it.
    """
    from moderation_pipeline.terminal import listings

    if keys is not None:
        print_frame(listings.keys(keys), as_json=as_json)
        return
    frame, problems = listings.configs(DataFolder.find())
    has_none = frame["replaces"].null_count() == frame.height
    print_frame(frame.drop("replaces") if has_none and not as_json else frame, as_json=as_json)
    if problems:
        raise CommandFailed("\n".join(problems))
