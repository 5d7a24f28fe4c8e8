"""The first stage: chat logs in. The synthetic chat, and any chat's comments with what could not be read."""

from collections.abc import Iterator
from pathlib import Path

import dagster as dg
import polars as pl

from moderation_pipeline.comments.chat_files import SYNTHETIC, chat_file, chat_files
from moderation_pipeline.comments.files.arrival import Arrival
from moderation_pipeline.comments.keeping.chat_states import (
    fingerprint,
    forget_unreadable,
    note_read,
    note_unreadable,
)
from moderation_pipeline.defs.checking import OWNERS, declared, holds
from moderation_pipeline.defs.partitions import chats
from moderation_pipeline.errors import ModerationError
from moderation_pipeline.moderation.trace import RunObserver
from moderation_pipeline.warehouse import laws
from moderation_pipeline.warehouse.folder import DataFolder
from moderation_pipeline.warehouse.versions import source_version

GROUP = "comments"
READING_VERSION = source_version("comments.ingest")


class MissingChatError(ModerationError):
    """A chat whose file is gone, or never was."""


class SyntheticConfig(dg.Config):
    """The synthetic chat that is wanted; a share of `base_rate` of its lines breaks a rule."""

    comments: int = 2_000
    base_rate: float = 0.15
    seed: int = 7


@dg.asset(
    group_name=GROUP,
    kinds={"file"},
    owners=OWNERS,
    code_version=source_version("synthetic.synthetic_chat"),
)
def synthetic_comments(
    config: SyntheticConfig, data_folder: dg.ResourceParam[DataFolder]
) -> dg.MaterializeResult[None]:
    """The default chat, generated: data/chats/synthetic.jsonl, rewritten only when its settings change.

    It is upstream of `comments` by lineage alone, so that no other chat's backfill rewrites it.
    """
    from moderation_pipeline.synthetic.synthetic_chat import SyntheticSettings, write_synthetic

    settings = SyntheticSettings(comments=config.comments, base_rate=config.base_rate, seed=config.seed)
    path = data_folder.chats / f"{SYNTHETIC}.jsonl"
    is_rewritten = write_synthetic(path, settings)
    return dg.MaterializeResult(
        data_version=dg.DataVersion(settings.settings_hash),
        metadata={
            "comments": settings.comments,
            "is_rewritten": is_rewritten,
            "path": dg.MetadataValue.path(path),
        },
    )


def _out(description: str) -> dg.AssetOut:
    return dg.AssetOut(
        description=description,
        group_name=GROUP,
        kinds={"polars", "parquet"},
        owners=OWNERS,
        code_version=READING_VERSION,
        dagster_type=pl.DataFrame,
    )


@dg.multi_asset(
    partitions_def=chats,
    deps=[synthetic_comments],
    outs={
        "comments": _out("One row per comment of a chat, in stream order: what everything else is about."),
        "rejected_lines": _out("One row per line that could not be read, with the reason and the line."),
        "ingestion": _out("One row per file of a chat, counted. Every record is accounted for."),
    },
)
def chat_log(
    context: dg.AssetExecutionContext,
    data_folder: dg.ResourceParam[DataFolder],
    observer: dg.ResourceParam[RunObserver],
    arrival: dg.ResourceParam[Arrival],
) -> Iterator[dg.MaterializeResult[pl.DataFrame]]:
    """Read a chat's files into comments, lines that can't be read, and the counts of both."""
    from moderation_pipeline.comments.ingest import ingest

    chat = context.partition_key
    path = arrival.waits_at(chat) or _place_of(chat, data_folder)
    read_from = fingerprint(path)  # before it is read: what is written to it meanwhile is not in the tables
    try:
        ingested = ingest(path, chat)
    except ModerationError as error:
        if arrival.waits_at(chat) is None:  # else it takes no place under data/chats
            note_unreadable(data_folder, chat, path, str(error))
        raise
    forget_unreadable(data_folder, chat)
    # Now, and not before: what can't be read takes no other chat's place. Tables that could not be written after
    # this are older than the files, so the chat is read again.
    arrival.was_read(chat)
    for note in ingested.notes:
        context.log.info(note)
        observer.noted(note)
    observer.read(ingested.acts, ingested.ignored, ingested.why)
    version = dg.DataVersion(ingested.ingestion["data_version"][0])
    yield dg.MaterializeResult(
        asset_key="comments", value=ingested.comments, data_version=version, metadata=_told(ingested.comments)
    )
    yield dg.MaterializeResult(
        asset_key="rejected_lines", value=ingested.rejected_lines, data_version=version
    )
    yield dg.MaterializeResult(
        asset_key="ingestion",
        value=ingested.ingestion,
        data_version=version,
        metadata={
            **_counts(ingested.ingestion),
            "notes": dg.MetadataValue.md("\n".join(f"- `{note}`" for note in ingested.notes)),
        },
    )
    # Dagster asks for what comes next once it has stored what came before.
    note_read(data_folder, chat, read_from)


def _place_of(chat: str, folder: DataFolder) -> Path:
    path = chat_file(folder, chat)
    if path is None:
        there = ", ".join(chat_files(folder)) or "none"
        raise MissingChatError(f"Chat {chat!r} has no file in {folder.chats}. Chats there: {there}.")
    return path


def _counts(ingestion: pl.DataFrame) -> dict[str, str | int]:
    """Return a chat's counts over all its files; of several files the names and hashes are in the table."""
    first = ingestion.row(0, named=True)
    of_file = ("file", "file_hash") if ingestion.height == 1 else ()
    counts = ingestion.select(pl.col(pl.Int64).sum()).row(0, named=True)
    return {"files": ingestion.height, "format": first["format"], **{n: first[n] for n in of_file}, **counts}


def _told(comments: pl.DataFrame) -> dict[str, int]:
    return {
        "comments": comments.height,
        "users": comments.select("channel", "user_id").n_unique(),
        "channels": comments["channel"].n_unique(),
        "labelled": comments["label_is_violation"].count(),
        "labelled_violations": int(comments["label_is_violation"].sum() or 0),
    }


CHAT_TABLES = [dg.AssetDep(name) for name in ("comments", "rejected_lines", "ingestion")]


@dg.multi_asset_check(
    specs=[
        declared(
            "ingestion",
            "every_record_is_accounted_for",
            "Records = comments + rejected + ignored + moderation events + merged (law 2).",
            of=chats,
            blocking=True,
        ),
        declared(
            "ingestion",
            "tables_hold_what_was_counted",
            "The tables have as many rows as the ingestion says.",
            of=chats,
            reads=CHAT_TABLES,
            blocking=True,
        ),
        declared(
            "comments",
            "comment_ids_are_unique",
            "Every comment has an id of its own, which everything else refers to.",
            of=chats,
            blocking=True,
        ),
        declared(
            "comments",
            "positions_count_from_nought",
            "A comment's position is its place in the stream.",
            of=chats,
            blocking=True,
        ),
    ]
)
def chat_log_checks(
    comments: pl.DataFrame, rejected_lines: pl.DataFrame, ingestion: pl.DataFrame
) -> Iterator[dg.AssetCheckResult]:
    """Ask of the stored tables of a chat whether every record is in one of them."""
    yield holds("ingestion", "every_record_is_accounted_for", laws.unaccounted_records(ingestion))
    yield holds(
        "ingestion",
        "tables_hold_what_was_counted",
        laws.miscounted_tables(ingestion, comments, rejected_lines),
    )
    keys = comments.select("comment_id", "position")
    yield holds("comments", "comment_ids_are_unique", laws.repeated(keys, "comment_id"))
    yield holds("comments", "positions_count_from_nought", laws.out_of_order(keys))
