"""Lines of logs for tests, in the few fields that a test is about, and a chat made of them."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from pathlib import Path

import polars as pl

from moderation_pipeline.comments.ingest import Ingested, ingest
from moderation_pipeline.comments.log_spec import LogSpec

START_MS = 1_700_000_000_000


def said(
    text: str,
    *,
    user: str = "ann",
    second: float = 0,
    comment_id: str | None = None,
    channel: str = "room",
    tags: str = "",
) -> str:
    """Return a raw IRC line; ids follow from names, so that acts can name them."""
    sent = START_MS + int(second * 1000)
    own_id = comment_id if comment_id is not None else f"{user}-{second}"
    return (
        f"@badges=;display-name={user};emotes=;id={own_id};room-id=1{channel};{tags}tmi-sent-ts={sent};"
        f"user-id=u-{user} :{user}!{user}@{user}.tmi.twitch.tv PRIVMSG #{channel} :{text}"
    )


def cleared(user: str, *, second: float, duration_s: int | None = None, channel: str = "room") -> str:
    """Return a CLEARCHAT line: a timeout with a duration, else a ban."""
    duration = f"ban-duration={duration_s};" if duration_s is not None else ""
    return (
        f"@{duration}room-id=1{channel};target-user-id=u-{user};tmi-sent-ts={START_MS + int(second * 1000)} "
        f":tmi.twitch.tv CLEARCHAT #{channel} :{user}"
    )


def deleted(comment_id: str, *, second: float, channel: str = "room") -> str:
    """Return a CLEARMSG line."""
    return (
        f"@login=x;room-id=;target-msg-id={comment_id};tmi-sent-ts={START_MS + int(second * 1000)} "
        f":tmi.twitch.tv CLEARMSG #{channel} :gone"
    )


def read(
    lines: Sequence[str] | bytes,
    *,
    name: str = "chat.log",
    format_name: str | None = None,
    log: LogSpec | None = None,
) -> Ingested:
    """Return what ingesting a file of these lines gives."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, name)
        path.write_bytes(lines if isinstance(lines, bytes) else "\n".join(lines).encode())
        return ingest(path, "chat", format=format_name, log=log)


def written(table: pl.DataFrame, path: Path) -> Path:
    """Write a table as the kind that its path's ending names, and return the path."""
    match path.suffix:
        case ".csv":
            table.write_csv(path)
        case ".jsonl":
            table.write_ndjson(path)
        case ".json":
            table.write_json(path)
        case ".feather":
            table.write_ipc(path)
        case _:
            table.write_parquet(path)
    return path


def counts(ingested: Ingested) -> dict[str, int]:
    """Return the numbers of the ingestion table."""
    row = ingested.ingestion.row(0, named=True)
    return {
        key: row[key] for key in ("records", "comments", "rejected", "ignored", "moderation_events", "merged")
    }


def is_conserved(ingested: Ingested) -> bool:
    """Whether law 2 holds, and the tables are as long as the counts say."""
    got = counts(ingested)
    records = got.pop("records")
    return (
        records == sum(got.values())
        and ingested.comments.height == got["comments"]
        and ingested.rejected_lines.height == got["rejected"]
    )
