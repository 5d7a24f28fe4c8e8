"""`moderation users`: how users stand after a run. Answers without starting Dagster."""

from __future__ import annotations

import click

from moderation_pipeline.comments.chat_files import SYNTHETIC
from moderation_pipeline.terminal.screen import (
    print_frame,
    print_json,
    say,
)
from moderation_pipeline.warehouse.folder import DataFolder


@click.command()
@click.argument("chat", default=SYNTHETIC)
@click.option("--config", "-c", "configs", multiple=True, help="Only under this config; may be repeated.")
@click.option("--top", default=10, show_default=True, type=click.IntRange(min=0), help="How many to name.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON: by_config and most_sanctioned.")
def users(chat: str, configs: tuple[str, ...], top: int, as_json: bool) -> None:
    """Show how the users of CHAT stand after its runs: counts by config, and who was sanctioned most.

    \b
    moderation users                       the synthetic chat, under every config it was run with
    moderation users stream -c hybrid --top 50
    """
    from moderation_pipeline.evaluation.comparable import SHOWN_AS_IT_WAS, stale_sentence
    from moderation_pipeline.terminal import listings, summary

    folder = DataFolder.find()
    found = listings.users(folder, chat, configs, top=top)
    shown = set(found.by_config["config"])
    stale = {name: why for name, why in summary.stale_runs(folder, chat).items() if name in shown}
    if (said := stale_sentence(chat, stale, SHOWN_AS_IT_WAS)) is not None:
        say(said)
    if as_json:
        print_json({name: frame.to_dicts() for name, frame in found._asdict().items()})
        return
    print_frame(found.by_config)
    if not found.most_sanctioned.is_empty():
        print_frame(found.most_sanctioned, title="Sanctioned most")
