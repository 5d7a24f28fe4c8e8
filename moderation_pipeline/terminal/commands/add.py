"""`moderation add`: put a chat log where it will be found, and read it."""

from __future__ import annotations

from pathlib import Path

import click

from moderation_pipeline.terminal.exit_codes import CommandFailed
from moderation_pipeline.terminal.screen import (
    say,
)
from moderation_pipeline.warehouse.folder import DataFolder


@click.command()
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
    """Add the chat log FILE: copy it to data/chats and read it.

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
    from moderation_pipeline.terminal import added_chat, due_runs
    from moderation_pipeline.terminal.progress_view import run_observer

    folder = DataFolder.find()
    added = added_chat.add_file(
        folder, file, name=name, format_name=format_name, columns=columns, replace=replace
    )
    renamed = f" (from {added.wanted!r})" if added.is_renamed else ""
    say(f"Reading {added.path} as the chat {added.chat!r}{renamed}.")
    from moderation_pipeline.launch import launcher

    with due_runs.taken_back_on_failure(added), launcher(folder) as launch:
        outcome = launch.ingest_chat(added.chat, run_observer(trace=False, as_json=as_json))
    failures = due_runs.failed_checks(outcome)
    due_runs.print_reading(folder, added.chat, as_json=as_json)
    if failures:
        raise CommandFailed("\n".join(failures))
    say(f"Next: moderation run {added.chat}")
