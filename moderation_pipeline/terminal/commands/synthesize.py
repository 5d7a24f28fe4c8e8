"""`moderation synthesize`: generate the synthetic chat, and read it."""

from __future__ import annotations

import click

from moderation_pipeline.comments.chat_files import SYNTHETIC
from moderation_pipeline.terminal.screen import (
    say,
)
from moderation_pipeline.warehouse.folder import DataFolder


@click.command()
@click.option(
    "--comments", default=2_000, show_default=True, type=click.IntRange(1, 1_000_000), help="How many."
)
@click.option(
    "--base-rate",
    default=0.15,
    show_default=True,
    type=click.FloatRange(0, 0.5),
    help="Share that breaks a rule; a real stream has 0.002.",
)
@click.option("--seed", default=7, show_default=True, help="Same seed, same bytes.")
def synthesize(comments: int, base_rate: float, seed: int) -> None:
    """Generate the synthetic chat, data/chats/synthetic.jsonl, with ground-truth labels.

    \b
    moderation synthesize
    moderation synthesize --comments 100000 --base-rate 0.002 --seed 1

    It is rewritten only when its settings change. Quality measured on it says nothing about real chats.
    """
    say("Generating the synthetic chat.")
    from moderation_pipeline.launch import launcher
    from moderation_pipeline.terminal.running import due_runs

    folder = DataFolder.find()
    with launcher(folder) as launch:
        launch.synthesize({"comments": comments, "base_rate": base_rate, "seed": seed})
        told = due_runs.checks_told(launch.ingest_chat(SYNTHETIC))
    due_runs.print_reading(folder, SYNTHETIC)
    due_runs.fail_where_broken(told)
