"""`moderation add`: put a chat log where it will be found, and read it."""

from __future__ import annotations

import click

from moderation_pipeline.terminal.exit_codes import CommandFailed
from moderation_pipeline.terminal.screen import (
    print_json,
    say,
)
from moderation_pipeline.warehouse.folder import DataFolder


@click.command()
@click.argument("file")
@click.option("--name", help="What to call the chat. Default: the file's name.")
@click.option("--format", "format_name", help="The file's format, where its content would be mistaken.")
@click.option("--column", "columns", multiple=True, help="What a column is, as OURS=THEIRS; may be repeated.")
@click.option("--line", help="What is where in a line, as '[{time:%H:%M}] <{user_name}> {text}'.")
@click.option("--day", metavar="YYYY-MM-DD", help="The day on which a log without dates begins.")
@click.option("--zone", help="Where a log's clock stood: Europe/Berlin, +02:00, UTC.")
@click.option(
    "--act-bound", type=float, metavar="MINUTES", help="How long before an act a line may be its cause."
)
@click.option(
    "--replace", is_flag=True, help="Put it in the place of a chat of that name, once it is read whole."
)
@click.option("--json", "as_json", is_flag=True, help="Print what was understood as JSON.")
def add(
    file: str,
    name: str | None,
    format_name: str | None,
    columns: tuple[str, ...],
    line: str | None,
    day: str | None,
    zone: str | None,
    act_bound: float | None,
    replace: bool,
    as_json: bool,
) -> None:
    """Add the chat log FILE: copy it to data/chats, read it, and show what was understood.

    A file's format is told by its content; plain, .gz or .zst. What moderators did in a log is read as labels.
    Read are raw Twitch IRC (irc), justlog and rustlog (justlog, justlog_text), recent-messages (recent_messages),
    EventSub (eventsub), TwitchDownloader (twitchdownloader, twitchdownloader_text), Twitch's GQL (gql_comments),
    chat-downloader (chat_downloader, chat_downloader_text), yt-dlp (live_chat), Chatterino (chatterino),
    DiscordChatExporter (discord), mIRC, irssi, WeeChat, HexChat, znc, The Lounge and Chatty (irc_text), tables
    (jsonl, csv, parquet), and lines of any program by a pattern of your own (lines).

    \b
    moderation add ~/logs/stream.irc.gz
    zcat day.log.gz | moderation add - --name day
    moderation add bot.txt --line '[{time:%H:%M:%S}] <{user_name}> {text}' --day 2026-03-30 --zone Europe/Berlin
    moderation add forum.csv --name forum --column text=body --column user_id=author
    moderation add tweets.csv --column text=tweet --column shuffle_seed=7 \\
        --column 'label_is_violation={column: class, true_for: [hate]}'

    A name becomes a slug (lower-case letters, digits, - and _). What a table's columns are may also be said
    in a file beside it, FILE.columns.yaml.
    """
    from moderation_pipeline.terminal import added_chat, chat_summary, due_runs
    from moderation_pipeline.terminal.progress_view import run_observer

    folder = DataFolder.find()
    said = {"line": line, "day": day, "zone": zone, "act_bound_minutes": act_bound}
    with added_chat.source_of(file, name) as source:
        added = added_chat.add_file(
            folder,
            source,
            name=name,
            format_name=format_name,
            columns=columns,
            said={key: value for key, value in said.items() if value is not None},
            replace=replace,
        )
    renamed = f" (from {added.wanted!r})" if added.is_renamed else ""
    say(f"Reading {added.path} as the chat {added.chat!r}{renamed}.")
    from moderation_pipeline.launch import launcher

    seen = chat_summary.ReadingObserver(run_observer(trace=False, as_json=as_json))
    with due_runs.taken_back_on_failure(added), launcher(folder) as launch:
        outcome = launch.ingest_chat(added.chat, seen)
    failures = due_runs.failed_checks(outcome)
    summary = chat_summary.summary_of(folder, added.chat, seen)
    if as_json:
        print_json([summary])
    else:
        click.echo("\n".join(chat_summary.lines_of(summary)))
    if failures:
        raise CommandFailed("\n".join(failures))
    say(f"Next: moderation run {added.chat}")
