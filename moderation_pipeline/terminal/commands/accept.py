"""`moderation accept`: make a stored run the one that later runs of its config are held against."""

from __future__ import annotations

import click

from moderation_pipeline.terminal.screen import say
from moderation_pipeline.warehouse.folder import DataFolder


@click.command()
@click.argument("chat")
@click.argument("config")
@click.argument("reason")
def accept(chat: str, config: str, reason: str) -> None:
    """Hold later runs of CONFIG on CHAT against the run there is now. REASON is kept beside it.

    \b
    moderation compare stream mine --since-accepted               what flipped since, and what changed
    moderation accept stream mine "the model's May version"

    The first run of a config is the accepted one until then. Who is champion stays as it is: 'moderation promote'
    changes that, and accepts the new champion's runs. No model is asked.
    """
    from moderation_pipeline.launch import launcher
    from moderation_pipeline.terminal.questions.promoting import refuse_what_is_stale

    folder = DataFolder.find()
    if not reason.strip():
        raise click.UsageError("Say why: the reason is what is known of it later.")
    refuse_what_is_stale(folder, chat, config)
    with launcher(folder) as launch:
        launch.accept_run(chat, config, reason)
    say(f"Later runs of {config} on {chat} are held against the run there is now: {reason}.")
