"""`moderation ui`: Dagster's web interface on the same chats, runs and assets."""

from __future__ import annotations

import click

from moderation_pipeline.terminal.screen import (
    say,
)
from moderation_pipeline.warehouse.folder import DataFolder


@click.command()
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option("--port", default=3000, show_default=True, help="Port to listen on.")
@click.option(
    "--part",
    type=click.Choice(["both", "webserver", "daemon"]),
    default="both",
    show_default=True,
    help="What to start: where a container is one process, each has its own.",
)
@click.option(
    "--allow-host", "allowed_hosts", multiple=True, help="Another name that the page may be asked for by."
)
def ui(host: str, port: int, part: str, allowed_hosts: tuple[str, ...]) -> None:
    """Open the Dagster UI on the same chats, runs and assets. Stop it with Ctrl-C.

    \b
    moderation ui                    then http://127.0.0.1:3000
    moderation ui --port 8080
    moderation ui --host 0.0.0.0 --allow-host moderation.example.org   behind a proxy that asks who you are

    What the terminal ran is seen there, and the other way round. It takes about 20 seconds to answer. It asks
    nobody for a password: whoever reaches the address may start runs, paid ones too. Requests under another name,
    or from another site's page, are refused.
    """
    folder = DataFolder.find()
    say(
        f"Dagster's UI will be at http://{host}:{port} in about 20 seconds (instance: {folder.dagster_home})."
    )
    from moderation_pipeline.defs.home.instance import instance, prepare_home
    from moderation_pipeline.defs.home.live_runs import end_dead_runs
    from moderation_pipeline.terminal import dagster_ui

    with instance(folder) as dagster:
        end_dead_runs(dagster, folder.dagster_home)
    parts = dagster_ui.PARTS if part == "both" else (part,)
    page = dagster_ui.Page(host, port, allowed_hosts)
    dagster_ui.serve(folder, prepare_home(folder), page, parts)
