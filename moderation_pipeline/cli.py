"""The terminal's face of the pipeline: the commands, thin, each with its help and examples.

What they show is in `terminal/`, what they do in the rooms. A command imports what it needs when it runs, so
that `moderation --help` is there at once and only what moderates a chat waits for Dagster.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import click

from moderation_pipeline.comments.chat_files import SYNTHETIC
from moderation_pipeline.terminal.exit_codes import EXIT_CODES, CommandFailed, ended
from moderation_pipeline.terminal.screen import console, print_frame, print_json, print_records, say
from moderation_pipeline.warehouse.folder import DATA_VARIABLE, DataFolder

if TYPE_CHECKING:
    from moderation_pipeline.config import NamedConfig
    from moderation_pipeline.moderation.trace import RunObserver


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
@click.argument("chat", default=SYNTHETIC)
@click.option("--config", "-c", "configs", multiple=True, help="Moderate under this config; may be repeated.")
@click.option("--trace", is_flag=True, help="Show each comment as it is decided.")
@click.option("--json", "as_json", is_flag=True, help="Print the comparison as JSON, one object per config.")
def run(chat: str, configs: tuple[str, ...], trace: bool, as_json: bool) -> None:
    r"""Moderate CHAT under some configs, compare them, and write the report.

    \b
    moderation run                            the synthetic chat, the four keyless regimes
    moderation run stream                     a chat of your own ('moderation add' first)
    moderation run stream -c hybrid -c mine   under these configs: a backfill
    moderation run stream -c hybrid --trace   each comment as it is decided

    Ends with the comparison and the report's path. Every run leaves a log of each comment with what was
    decided, done and paid: data/results/CHAT/CONFIG.jsonl. Exits with 1 where a config's run failed.
    """
    from moderation_pipeline.terminal import listings, running, summary

    folder = DataFolder.find()
    listings.require_chat(folder, chat)
    named = running.configs_to_run(folder, configs)
    say(f"Moderating {chat} under {', '.join(each.name for each in named)} (data in {folder.root}).")
    failures = _moderated(folder, chat, named, _observer(trace=trace, as_json=as_json))
    comparison = summary.comparison_of(folder, chat)
    if as_json:
        print_frame(comparison, as_json=True)
    elif not comparison.is_empty():
        summary.print_comparison(comparison)
        click.echo(f"Report: {summary.report_path(folder, chat)}")
    if failures:
        raise CommandFailed("\n".join(failures))


def _observer(*, trace: bool, as_json: bool) -> RunObserver:
    from moderation_pipeline.terminal.progress import ProgressView
    from moderation_pipeline.terminal.trace_view import TraceView

    return TraceView(console(err=as_json)) if trace else ProgressView(console(err=True))


def _moderated(
    folder: DataFolder, chat: str, configs: Sequence[NamedConfig], observer: RunObserver
) -> list[str]:
    """Make the runs that are due, and return what failed, in words."""
    from moderation_pipeline.defs.launch import launcher
    from moderation_pipeline.terminal import running

    failures: list[str] = []
    with launcher(folder) as launch:
        if running.is_synthetic_missing(folder, chat):
            launch.synthesize()
        if running.is_reading_due(folder, chat):
            say(f"Reading {chat}.")
            failures += running.failed_checks(launch.ingest_chat(chat, observer))
        for named in configs:
            with running.failure_noted(named, failures):
                failures += running.failed_checks(launch.moderate_chat(chat, named.name, observer))
        say("Comparing, drawing, writing the report.")
        failures += running.failed_checks(launch.compare_chat(chat))
    return failures


@cli.command()
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--name", help="What to call the chat. Default: the file's name.")
@click.option("--format", "format_name", help="The file's format, where its content would be mistaken.")
@click.option("--column", "columns", multiple=True, help="What a column is, as OURS=THEIRS; may be repeated.")
@click.option("--replace", is_flag=True, help="Put it in the place of a chat of that name.")
@click.option("--json", "as_json", is_flag=True, help="Print what was read as JSON.")
def add(
    file: Path,
    name: str | None,
    format_name: str | None,
    columns: tuple[str, ...],
    replace: bool,
    as_json: bool,
) -> None:
    r"""Add the chat log FILE: copy it to data/chats and read it.

    Raw Twitch IRC, justlog, rustlog, TwitchDownloader, chat-downloader, Chatterino, EventSub, JSONL, CSV and
    Parquet are told apart by content; plain, .gz or .zst. What moderators did in a log is read as labels.

    \b
    moderation add ~/logs/stream.irc.gz
    moderation add forum.csv --name forum --column text=body --column user_id=author
    moderation add tweets.csv --column text=tweet --column shuffle_seed=7 \\
        --column 'label_is_violation={column: class, true_for: [hate]}'

    A name becomes a slug (lower-case letters, digits, - and _). What a table's columns are may also be said
    in a file beside it, FILE.columns.yaml.
    """
    from moderation_pipeline.terminal import adding, running

    folder = DataFolder.find()
    added = adding.add_file(
        folder, file, name=name, format_name=format_name, columns=columns, replace=replace
    )
    renamed = f" (from {added.wanted!r})" if added.is_renamed else ""
    say(f"Reading {added.path} as the chat {added.chat!r}{renamed}.")
    from moderation_pipeline.defs.launch import launcher

    with running.taken_back_on_failure(added), launcher(folder) as launch:
        outcome = launch.ingest_chat(added.chat, _observer(trace=False, as_json=as_json))
    failures = running.failed_checks(outcome)
    running.print_reading(folder, added.chat, as_json=as_json)
    if failures:
        raise CommandFailed("\n".join(failures))
    say(f"Next: moderation run {added.chat}")


@cli.command()
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
    r"""Generate the synthetic chat, data/chats/synthetic.jsonl, with ground-truth labels.

    \b
    moderation synthesize
    moderation synthesize --comments 100000 --base-rate 0.002 --seed 1

    It is rewritten only when its settings change. Quality measured on it says nothing about real chats.
    """
    say("Generating the synthetic chat.")
    from moderation_pipeline.defs.launch import launcher
    from moderation_pipeline.terminal import running

    folder = DataFolder.find()
    with launcher(folder) as launch:
        launch.synthesize({"comments": comments, "base_rate": base_rate, "seed": seed})
        failures = running.failed_checks(launch.ingest_chat(SYNTHETIC))
    running.print_reading(folder, SYNTHETIC, as_json=False)
    if failures:
        raise CommandFailed("\n".join(failures))


@cli.command()
@click.option("--json", "as_json", is_flag=True, help="Print JSON, one object per chat.")
def chats(as_json: bool) -> None:
    r"""List the chats that can be moderated, and the configs each was run under.

    \b
    moderation chats
    moderation chats --json | jq '.[] | select(.rejected > 0)'

    A chat is a file under data/chats; 'moderation add FILE' puts one there. A chat without numbers has
    not been read yet: 'moderation run' or the Dagster UI reads it.
    """
    from moderation_pipeline.terminal import listings

    print_frame(listings.chats(DataFolder.find()), as_json=as_json)


@cli.command()
@click.option("--json", "as_json", is_flag=True, help="Print JSON, one object per valid config.")
def configs(as_json: bool) -> None:
    r"""List the configs, ready-made and your own, and validate every one.

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
    from moderation_pipeline.config import DEFAULT_CONFIG
    from moderation_pipeline.config_library import ConfigLibrary

    named = ConfigLibrary(folder := DataFolder.find()).load(config or DEFAULT_CONFIG)
    from moderation_pipeline.terminal import checking

    say(f"Asking the agents of {named.name} ({named.path}) about: {checking.COMMENT}")
    answers = checking.check(folder, named)
    for each in answers:
        if each.note is not None:
            say(f"{each.role}: {each.note}")
    columns = [name for name in checking.Answer._fields if as_json or name != "note"]
    print_records([each[: len(columns)] for each in answers], columns, as_json=as_json)
    failed = [f"The {each.role} gave no plan: {each.error}" for each in answers if each.error is not None]
    if failed:
        raise CommandFailed("\n".join(failed))


@cli.command()
@click.option("--drop-errors", is_flag=True, help="Drop bad replies: they are asked for, and paid, again.")
@click.option("--older-than", type=float, metavar="DAYS", help="Drop replies bought longer ago.")
@click.option("--larger-than", type=float, metavar="MB", help="Drop the oldest until the rest fits.")
@click.option("--forget-endpoints", is_flag=True, help="Find out anew what each endpoint can do.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON, one object per model.")
def cache(
    drop_errors: bool,
    older_than: float | None,
    larger_than: float | None,
    forget_endpoints: bool,
    as_json: bool,
) -> None:
    r"""Show the replies that were paid for and kept, by model; drop some of them.

    \b
    moderation cache                     what is held, and what it would cost again
    moderation cache --drop-errors       ask again for replies that were no use
    moderation cache --older-than 30     drop what was bought more than 30 days ago
    """
    from moderation_pipeline.backends.cache_upkeep import CachedReplies, CacheUpkeep

    upkeep = CacheUpkeep(DataFolder.find().reply_cache, time.time())
    dropped = [
        *([upkeep.drop_errors()] if drop_errors else []),
        *([] if older_than is None else [upkeep.drop_older_than(older_than)]),
        *([] if larger_than is None else [upkeep.drop_beyond(larger_than)]),
    ]
    for each in dropped:
        cost = f"${each.list_cost_usd:.4f} to ask again"
        say(f"Dropped {each.replies} replies ({each.megabytes:.1f} MB, {cost}).")
    if forget_endpoints:
        say(f"Forgot what {upkeep.forget_endpoints()} endpoints can do.")
    print_records(upkeep.show(), CachedReplies._fields, as_json=as_json)


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
    folder = DataFolder.find()
    say(
        f"Dagster's UI will be at http://{host}:{port} in about 20 seconds (instance: {folder.dagster_home})."
    )
    from moderation_pipeline.defs.instance import prepare_home
    from moderation_pipeline.terminal import interface

    interface.become_dagster_dev(folder, prepare_home(folder), host=host, port=port)


def called_with(arguments: Sequence[str]) -> int:
    """Carry out the command that the arguments ask for, and return its exit code."""
    session = Session(debug="--debug" in arguments)
    return ended(
        lambda: cli.main(list(arguments), prog_name="moderation", obj=session, standalone_mode=False),
        debug=session.debug,
    )


def main() -> None:
    """Run the command line, and exit with a code of `terminal/exit_codes.py`."""
    sys.exit(called_with(sys.argv[1:]))


if __name__ == "__main__":
    main()
