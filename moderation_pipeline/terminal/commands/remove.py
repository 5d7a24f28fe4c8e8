"""`moderation remove`: forget a chat, with all that was made of it."""

from __future__ import annotations

import click

from moderation_pipeline.terminal.screen import print_table, say
from moderation_pipeline.warehouse.folder import DataFolder


@click.command()
@click.argument("chat")
@click.option("--yes", is_flag=True, help="Do it. Without, it is only said what would go.")
def remove(chat: str, yes: bool) -> None:
    """Forget CHAT: its log, its tables, plots and reports, its runs in Dagster and its partition.

    \b
    moderation remove stream          what would go
    moderation remove stream --yes

    Replies that were paid for stay ('moderation cache'). A log that was added was copied: where it came from, it stays.
    """
    from moderation_pipeline.comments.chat_files import chat_file
    from moderation_pipeline.comments.keeping.chat_leavings import leavings, take_away
    from moderation_pipeline.terminal.listings import NoSuchChatError, known_chats
    from moderation_pipeline.warehouse.objects.follow import forget

    folder = DataFolder.find()
    found = leavings(folder, chat, chat_file(folder, chat))
    if found:
        rows = [(each.what, str(each.path), each.size / 1e6) for each in found]
        print_table(["what", "where", "MB"], rows, right=["MB"])
    from moderation_pipeline.defs.home.instance import instance
    from moderation_pipeline.defs.home.live_runs import end_dead_runs
    from moderation_pipeline.defs.home.past_runs import forget_key, forget_runs, runs_of
    from moderation_pipeline.defs.partitions import chats

    with instance(folder) as dagster:
        end_dead_runs(dagster, folder.dagster_home)
        runs = runs_of(dagster, chat)
        has_key = dagster.has_dynamic_partition(str(chats.name), chat)
        if not (found or runs or has_key):
            raise NoSuchChatError(chat, known_chats(folder), folder)
        told = f"{len(runs)} runs in Dagster{', and its partition' if has_key else ''}"
        if not yes:
            say(f"And {told}. Nothing is gone yet: 'moderation remove {chat} --yes' does it.")
            return
        forget(folder, chat)
        forget_key(dagster, chat)
        take_away(folder, chat)
        forget_runs(dagster, folder.dagster_home, runs)
    say(f"Chat {chat!r} is forgotten, with {told}.")
