"""`moderation prune`: take away what was made long ago."""

from __future__ import annotations

import re
import time
from datetime import UTC, datetime

import click

from moderation_pipeline.terminal.screen import print_table, say
from moderation_pipeline.warehouse.folder import DataFolder

SECONDS = {"d": 86_400, "w": 7 * 86_400}
KINDS = ("logs", "history", "runs", "replies", "objects")


def _age(context: click.Context, option: click.Parameter, given: str) -> float:
    """Return the seconds of an age such as 90d or 12w."""
    found = re.fullmatch(r"(\d+)([dw])", given)
    if found is None:
        raise click.BadParameter(f"{given!r} is no age. Write days or weeks: 90d, 12w.", context, option)
    return float(found[1]) * SECONDS[found[2]]


@click.command()
@click.option("--older-than", callback=_age, required=True, metavar="AGE", help="Of what age: 90d, 12w.")
@click.option(
    "--only",
    "kinds",
    multiple=True,
    type=click.Choice(KINDS),
    help="Of what; may be repeated. Default: logs, history, objects.",
)
@click.option("--yes", is_flag=True, help="Do it. Without, it is only said what would go.")
def prune(older_than: float, kinds: tuple[str, ...], yes: bool) -> None:
    """Take away what was made long ago; by default what nothing else is made of.

    \b
    moderation prune --older-than 90d                          what would go
    moderation prune --older-than 90d --yes
    moderation prune --older-than 52w --only runs --only replies --yes

    \b
    logs      runs' logs of each comment (data/results/CHAT/CONFIG.jsonl.zst)
    history   runs in Dagster with their events; metric_history stays
    runs      the tables of runs; their rows in metric_history stay
    replies   what was paid for: it is asked for, and paid, again
    objects   of a warehouse that machines share: what nothing has named for so long, at least a day
    """
    from moderation_pipeline.terminal.nights import pruning

    folder = DataFolder.find()
    before = max(
        0.0, time.time() - older_than
    )  # nothing was made before 1970, and no date is before the year 1
    wanted = kinds or ("logs", "history", "objects")
    files = {kind: pruning.files_before(folder, kind, before) for kind in wanted if kind in ("logs", "runs")}
    rows: list[tuple[str, int, float | None]] = [
        (kind, len(paths), sum(path.stat().st_size for path in paths) / 1e6) for kind, paths in files.items()
    ]
    if "replies" in wanted:
        dropped = pruning.replies_before(folder, older_than, really=yes)
        rows.append(("replies", dropped.replies, dropped.megabytes))
    if "history" in wanted:
        from moderation_pipeline.defs.home.instance import instance
        from moderation_pipeline.defs.home.past_runs import forget_runs, runs_before

        with instance(folder) as dagster:
            runs = runs_before(dagster, datetime.fromtimestamp(before, UTC))
            rows.append(("history", len(runs), None))
            if yes:
                forget_runs(dagster, folder.dagster_home, runs)
    if yes:
        pruning.take_away(folder, [path for paths in files.values() for path in paths])
    if "objects" in wanted and (swept := pruning.objects_before(folder, older_than, really=yes)) is not None:
        rows.append(("objects", swept.objects, swept.size / 1e6))
    print_table(["what", "files" if not yes else "gone", "MB"], rows, right=["files", "gone", "MB"])
    if not yes:
        say("Nothing is gone yet: the same with --yes does it.")
