"""How it is shown who fares otherwise: in a sentence, in totals, by kind of user, by rule where known, line by line."""

from __future__ import annotations

import click

from moderation_pipeline.terminal.questions.changes_answers import ChangesShown
from moderation_pipeline.terminal.screen import print_frame, print_json


def print_changes(found: ChangesShown, lines: int, *, as_json: bool) -> None:
    """Print what changes and at most so many of the lines, the costliest first; as JSON all of it."""
    if as_json:
        print_json(found.as_json())
        return
    click.echo(found.said)
    print_frame(found.totals)
    if found.lines.is_empty():
        return
    print_frame(
        found.counts, title="Who fares otherwise (newcomers: a user's first five comments in a channel)"
    )
    if found.rules.height:
        print_frame(found.rules, title="By category and rule (before → after)")
    shown = found.costliest(lines)
    print_frame(
        shown, title=f"{shown.height:,} of {found.lines.height:,} comments, the largest changes first"
    )
