"""The commands that only look: chats, configs, sql, users, certify. They answer without starting Dagster.

What they find is in `listings.py`, `asking.py` and `certifying.py`.
"""

from __future__ import annotations

import sys

import click

from moderation_pipeline.comments.chat_files import SYNTHETIC
from moderation_pipeline.terminal.exit_codes import CommandFailed, ExitCode
from moderation_pipeline.terminal.screen import print_frame, print_json, say
from moderation_pipeline.warehouse.folder import DataFolder


@click.command()
@click.option("--json", "as_json", is_flag=True, help="Print JSON, one object per chat.")
def chats(as_json: bool) -> None:
    """List the chats that can be moderated, and the configs each was run under.

    \b
    moderation chats
    moderation chats --json | jq '.[] | select(.rejected > 0)'

    A chat is a file under data/chats; 'moderation add FILE' puts one there. A chat without numbers has
    not been read yet: 'moderation run' or the Dagster UI reads it.
    """
    from moderation_pipeline.terminal import listings

    print_frame(listings.chats(DataFolder.find()), as_json=as_json)


@click.command()
@click.option("--json", "as_json", is_flag=True, help="Print JSON, one object per valid config.")
def configs(as_json: bool) -> None:
    """List the configs, ready-made and your own, and validate every one.

    \b
    moderation configs
    moderation configs --json | jq '.[].config'

    Your own are YAML files under data/configs; one with the name of a ready-made config replaces it.
    Exits with 1 where a config is invalid, after saying what is wrong with it.
    """
    from moderation_pipeline.terminal import listings

    frame, problems = listings.configs(DataFolder.find())
    print_frame(frame, as_json=as_json)
    if problems:
        raise CommandFailed("\n".join(problems))


@click.command()
@click.argument("query", required=False)
@click.option("--json", "as_json", is_flag=True, help="Print JSON, one object per row.")
def sql(query: str | None, as_json: bool) -> None:
    """Ask the warehouse in SQL (DuckDB's). Without a QUERY: list the views.

    \b
    moderation sql "select config, f1, audit_share from metrics where chat = 'synthetic'"
    moderation sql "select text, student_action, expert_action from disagreements limit 5" --json
    echo "from sanctioned_users" | moderation sql -

    A query never waits for a run, nor a run for a query.
    """
    from moderation_pipeline.terminal import asking

    text = sys.stdin.read() if query == "-" else query
    print_frame(asking.answer(DataFolder.find(), text), as_json=as_json)
    if text is None and not as_json:
        say("\nmoderation sql \"select * from VIEW limit 5\" shows a view; 'describe VIEW' its columns.")


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
    from moderation_pipeline.terminal import listings

    found = listings.users(DataFolder.find(), chat, configs, top=top)
    if as_json:
        print_json({name: frame.to_dicts() for name, frame in found._asdict().items()})
        return
    print_frame(found.by_config)
    if not found.most_sanctioned.is_empty():
        print_frame(found.most_sanctioned, title="Sanctioned most")


@click.command()
@click.argument("chat", default=SYNTHETIC)
@click.option("--config", "-c", default="certified", show_default=True, help="The config that was run.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON: sentence, is_certified, rows and more.")
def certify(chat: str, config: str, as_json: bool) -> None:
    """Say what CONFIG may do alone on CHAT, by the random audits of its run, or what it would take.

    \b
    moderation run stream -c certified
    moderation certify stream -c certified

    Void once the config, its Student or Expert, sanctions, rules or prompts changed since the run. Exits with
    0 where everything may be done alone, else with 3.
    """
    from moderation_pipeline.terminal import certifying

    found = certifying.certified(DataFolder.find(), chat, config)
    if as_json:
        print_json(found.as_json())
    else:
        click.echo(found.sentence)
        for caution in found.cautions:
            click.echo(caution)
        print_frame(found.rows.select(certifying.SHOWN))
    if not found.is_certified:
        raise CommandFailed(code=ExitCode.NOT_CERTIFIED)


COMMANDS = (chats, configs, sql, users, certify)
