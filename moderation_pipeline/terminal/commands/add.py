"""`moderation add`: put chat logs where they will be found, and read them."""

from __future__ import annotations

import click

from moderation_pipeline.terminal.screen import console, print_json, say
from moderation_pipeline.warehouse.folder import DataFolder


class ListsFormats(click.Command):
    """A command whose help ends with the formats that are read."""

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write what is read, as the readers say it."""
        from moderation_pipeline.comments.formats import READERS

        super().format_epilog(ctx, formatter)
        with formatter.section("Formats (--format)"):
            formatter.write_dl([(reader.name, reader.describes) for reader in READERS])


@click.command(cls=ListsFormats)
@click.argument("files", nargs=-1, required=True, metavar="FILE...")
@click.option("--name", help="What to call the chat; one of that name is added to. Default: the file's name.")
@click.option("--format", "format_name", help="The file's format, where its content would be mistaken.")
@click.option("--column", "columns", multiple=True, help="What a column is, as OURS=THEIRS; may be repeated.")
@click.option("--line", help="What is where in a line, as '[{time:%H:%M}] <{user_name}> {text}'.")
@click.option("--day", metavar="YYYY-MM-DD", help="The day on which a log without dates begins.")
@click.option("--zone", help="Where a log's clock stood: Europe/Berlin, +02:00, UTC.")
@click.option(
    "--act-bound", type=float, metavar="MINUTES", help="How long before an act a line may be its cause."
)
@click.option(
    "--moderator",
    "moderators",
    multiple=True,
    metavar="NAME",
    help="Who moderates, where the log marks nobody.",
)
@click.option(
    "--replace", is_flag=True, help="Put it in the place of a chat of that name, once it is read whole."
)
@click.option("--json", "as_json", is_flag=True, help="Print what was understood as JSON.")
def add(
    files: tuple[str, ...],
    name: str | None,
    format_name: str | None,
    columns: tuple[str, ...],
    line: str | None,
    day: str | None,
    zone: str | None,
    act_bound: float | None,
    moderators: tuple[str, ...],
    replace: bool,
    as_json: bool,
) -> None:
    """Add chat logs: copy them to data/chats as one chat, read it, and show what was understood.

    FILE is a file, a folder of files, or - for standard input; plain, .gz or .zst. A file's format is told by its
    content. What moderators did in a log is read as labels. Several files are one chat, in the order of their times;
    what two of them hold is there once. A chat that there is already is added to: with its --name, or by a file of it
    that has grown. A run of it then starts over, as its first lines may be labelled otherwise; no reply is paid twice.

    \b
    moderation add ~/logs/stream.irc.gz
    moderation add ~/chatterino/Twitch/Channels/arena --name arena
    moderation add arena-2026-03-30.log arena-2026-03-31.log
    zcat day.log.gz | moderation add - --name day
    moderation add bot.txt --line '[{time:%H:%M:%S}] <{user_name}> {text}' --day 2026-03-30 --zone Europe/Berlin
    moderation add forum.csv --name forum --column text=body --column user_id=author
    moderation add tweets.csv --column text=tweet --column shuffle_seed=7 \\
        --column 'label_is_violation={column: class, true_for: [hate]}'

    A name becomes a slug (lower-case letters, digits, - and _). What a table's columns are may also be said
    in a file beside it or beside the folder, FILE.columns.yaml, what a log doesn't say in FILE.log.yaml.
    """
    from moderation_pipeline.terminal import chat_summary
    from moderation_pipeline.terminal.added_chat import add_files
    from moderation_pipeline.terminal.running import due_runs
    from moderation_pipeline.terminal.running.progress_view import run_observer
    from moderation_pipeline.terminal.running.staged_chat import waiting_room

    folder = DataFolder.find()
    options = {
        "line": line,
        "day": day,
        "zone": zone,
        "act_bound_minutes": act_bound,
        "moderators": moderators or None,
    }
    seen = chat_summary.ReadingObserver(run_observer(trace=False, as_json=as_json))
    with waiting_room(folder) as room:
        added = add_files(
            folder,
            room,
            files,
            name=name,
            format_name=format_name,
            columns=columns,
            said={key: value for key, value in options.items() if value is not None},
            replace=replace,
        )
        say(added.says)
        from moderation_pipeline.launch import launcher

        with added.in_owners_words(), launcher(folder) as launch:
            outcome = launch.ingest_chat(added.chat, seen, added.staged)
    summary = chat_summary.summary_of(folder, added.chat, seen)
    if as_json:
        print_json([summary])
    else:
        click.echo(chat_summary.wrapped(chat_summary.lines_of(summary), console().width))
    due_runs.fail_where_broken(due_runs.checks_told(outcome))
    say(f"Next: moderation run {added.chat}")
