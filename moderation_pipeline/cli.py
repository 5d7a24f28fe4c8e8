"""The terminal's face of the pipeline: the commands, thin, each with its help and examples.

What they show is in `terminal/`, what they do in the rooms. A command imports what it needs when it runs, so
that `moderation --help` is there at once and only what moderates a chat waits for Dagster.
"""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass
from pathlib import Path

import click

from moderation_pipeline.comments.chat_files import SYNTHETIC
from moderation_pipeline.terminal.exit_codes import EXIT_CODES, CommandFailed, ended
from moderation_pipeline.terminal.screen import print_frame, print_json, print_records, say
from moderation_pipeline.warehouse.folder import DATA_VARIABLE, DataFolder


@dataclass(slots=True)
class Session:
    """What was asked of the program as a whole, before the command's name."""

    debug: bool = False


@click.group(
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog=EXIT_CODES,
)
@click.version_option(package_name="moderation-pipeline", prog_name="moderation")
@click.option(
    "--data",
    type=click.Path(path_type=Path, file_okay=False),
    help=f"Folder of chats, configs and results. Default: ${DATA_VARIABLE}, else ./data.",
)
@click.option("--debug", is_flag=True, help="Show the traceback of an unexpected error.")
@click.pass_obj
def cli(session: Session, data: Path | None, debug: bool) -> None:
    r"""Can an AI agent moderate this chat, at what cost, and can it be trusted to act alone?

    \b
    moderation run                        the synthetic chat under four configs, keyless and offline
    moderation add ~/logs/stream.irc.gz   bring a chat of your own
    moderation run stream --trace         watch each comment being decided
    moderation sql "select * from disagreements limit 5"
    """
    session.debug = debug
    if data is not None:
        os.environ[DATA_VARIABLE] = str(data.absolute())


@cli.command()
@click.option("--json", "as_json", is_flag=True, help="Print JSON, one object per chat.")
def chats(as_json: bool) -> None:
    """List the chats that can be moderated, and the configs each was run under.

    A chat is a file under data/chats; 'moderation add FILE' puts one there. A chat without numbers has
    not been read yet: 'moderation run' or the Dagster UI reads it.
    """
    from moderation_pipeline.terminal import listings

    print_frame(listings.chats(DataFolder.find()), as_json=as_json)


@cli.command()
@click.option("--json", "as_json", is_flag=True, help="Print JSON, one object per valid config.")
def configs(as_json: bool) -> None:
    """List the configs, ready-made and your own, and validate every one.

    Your own are YAML files under data/configs; one with the name of a ready-made config replaces it.
    Exits with 1 where a config is invalid, after saying what is wrong with it.
    """
    from moderation_pipeline.terminal import listings

    frame, problems = listings.configs(DataFolder.find())
    print_frame(frame, as_json=as_json)
    if problems:
        raise CommandFailed("\n".join(problems))


@cli.command()
@click.argument("query", required=False)
@click.option("--json", "as_json", is_flag=True, help="Print JSON, one object per row.")
def sql(query: str | None, as_json: bool) -> None:
    r"""Ask the warehouse in SQL (DuckDB's). Without a QUERY: list the views.

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


@cli.command()
@click.argument("chat", default=SYNTHETIC)
@click.option("--config", "-c", "configs", multiple=True, help="Only under this config; may be repeated.")
@click.option("--top", default=10, show_default=True, type=click.IntRange(min=0), help="How many to name.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON: by_config and most_sanctioned.")
def users(chat: str, configs: tuple[str, ...], top: int, as_json: bool) -> None:
    r"""Show how the users of CHAT stand after its runs: counts by config, and who was sanctioned most.

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


@cli.command()
@click.argument("config", required=False)
@click.option("--json", "as_json", is_flag=True, help="Print JSON, one object per agent.")
def check(config: str | None, as_json: bool) -> None:
    r"""Put one made-up comment to the Student and the Expert of CONFIG: two calls that find a wrong key.

    \b
    moderation check                 the default config, hybrid
    moderation check my_config       before a run of thousands of comments

    Exits with 1 where an agent gave no plan.
    """
    from moderation_pipeline.config import DEFAULT_CONFIG, ConfigLibrary

    named = ConfigLibrary(folder := DataFolder.find()).load(config or DEFAULT_CONFIG)
    from moderation_pipeline.terminal import checking

    say(f"Asking the agents of {named.name} ({named.path}) about: {checking.COMMENT}")
    answers = checking.check(folder, named)
    print_records(answers, checking.Answer._fields, as_json=as_json)
    failed = [f"The {each.role} gave no plan: {each.error}" for each in answers if each.error is not None]
    if failed:
        raise CommandFailed("\n".join(failed))


@cli.command()
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option("--port", default=3000, show_default=True, help="Port to listen on.")
def ui(host: str, port: int) -> None:
    r"""Open the Dagster UI on the same chats, runs and assets. Stop it with Ctrl-C.

    \b
    moderation ui                    then http://127.0.0.1:3000
    moderation ui --port 8080

    What the terminal ran is seen there, and the other way round. It takes about 20 seconds to answer.
    """
    from moderation_pipeline.terminal import interface

    folder = DataFolder.find()
    say(
        f"Dagster's UI will be at http://{host}:{port} in about 20 seconds (instance: {folder.dagster_home})."
    )
    interface.become_dagster_dev(folder, host=host, port=port)


def main() -> None:
    """Run the command line, and exit with a code of `terminal/exit_codes.py`."""
    session = Session(debug="--debug" in sys.argv)
    sys.exit(ended(lambda: cli.main(obj=session, standalone_mode=False), debug=session.debug))


if __name__ == "__main__":
    main()
