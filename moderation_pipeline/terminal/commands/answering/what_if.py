"""`moderation what-if`: a stored run acted upon anew. Answers without starting Dagster and without asking a model."""

from __future__ import annotations

import click

from moderation_pipeline.comments.chat_files import SYNTHETIC
from moderation_pipeline.warehouse.folder import DataFolder


@click.command("what-if")
@click.argument("chat", default=SYNTHETIC)
@click.option(
    "--from", "config", default="hybrid", show_default=True, help="The config whose run is replayed."
)
@click.option(
    "--threshold",
    "thresholds",
    multiple=True,
    metavar="CATEGORY=SHARE",
    help="Act on a category only from this probability on; may be repeated.",
)
@click.option("--sanctions", help="Climb this sanctions file's ladder instead of the config's.")
@click.option("--lines", default=20, show_default=True, type=click.IntRange(min=0), help="How many to show.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON: said, totals, counts and every line.")
def what_if(
    chat: str, config: str, thresholds: tuple[str, ...], sanctions: str | None, lines: int, as_json: bool
) -> None:
    """Who would be hit? Replay a run of CHAT under another ladder or other thresholds, before anything acts.

    \b
    moderation what-if stream --from hybrid --sanctions strict
    moderation what-if stream --from hybrid_decisions --threshold harassment=.8 --threshold hate=.9

    Plans are re-decided from what the run stored, by the loop's own code, and no model is asked. Who was audited, what
    the Expert said and what memory had learnt stay as they were.
    """
    from moderation_pipeline.terminal.questions import changes_answers
    from moderation_pipeline.terminal.questions.changes_view import print_changes

    found = changes_answers.what_if(DataFolder.find(), chat, config, thresholds, sanctions)
    print_changes(found, lines, as_json=as_json)
