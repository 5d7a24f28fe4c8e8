"""What one machine paid for alone, carried into the store that several share: once, when it becomes one of them.

Replies, batches that are still at a provider, and what the day has cost. Not what endpoints can do and embeddings,
which are found out and computed anew.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any, NamedTuple

from sqlalchemy import Connection, Engine, text

from moderation_pipeline.backends.stores import postgres_statements as sql
from moderation_pipeline.backends.stores.stored_replies import StoredReply, day_of, unpacked
from moderation_pipeline.errors import ModerationError
from moderation_pipeline.warehouse.folder import STORE_VARIABLE
from moderation_pipeline.warehouse.shared_database import in_transaction, make_tables

AT_ONCE = 500

REPLY = text("""
    insert into moderation.replies values (
        :key, :backend, :endpoint, :asked_model, :reply, :error_code, :error_detail, :list_cost_usd, :bought_by,
        :bought_at
    ) on conflict (key) do nothing
""")
BATCH = text("""
    insert into moderation.batches values (
        :batch_id, :backend, :endpoint, :asked_model, :run_key, :requests, :sent_at, :collected_at
    ) on conflict (batch_id) do nothing
""")
BATCH_CALL = text("insert into moderation.batch_calls values (:custom_id, :batch_id) on conflict do nothing")
SPENT = text("""
    insert into moderation.spending values (cast(:day as date), :owner, :usd) on conflict (day, owner) do nothing
""")


class NowhereToCarryError(ModerationError):
    """Replies are to be carried where no store is shared."""

    def __init__(self) -> None:
        super().__init__(
            f"{STORE_VARIABLE} is not set, so there is nowhere to carry replies to. Set it to the Postgres that the "
            "machines share, postgresql://user:password@host/database."
        )


class Carried(NamedTuple):
    """How many replies the folder held, and how many of them the shared store did not."""

    held: int
    new: int


def carried_over(path: Path, engine: Engine, now: float) -> Carried:
    """Carry what a data folder's own store holds into the shared one, which keeps what it has; it may be done again.

    Args:
        path: the folder's store, which is left as it is.
        engine: the shared one.
        now: seconds since 1970; what that day has cost here counts in the shared store too.
    """
    make_tables(engine, "replies", sql.TABLES)
    if not path.exists():
        return Carried(0, 0)
    with closing(sqlite3.connect(path)) as here:
        here.row_factory = sqlite3.Row
        before = in_transaction(engine, _count)
        held = 0
        for statement, rows in _all(here, path, now):
            held += len(rows) if statement is REPLY else 0
            in_transaction(engine, lambda there, done=(statement, rows): there.execute(*done))  # type: ignore[misc]
        return Carried(held, in_transaction(engine, _count) - before)


def _all(
    here: sqlite3.Connection, path: Path, now: float
) -> Iterator[tuple[Any, Sequence[Mapping[str, Any]]]]:
    """Yield statements with the rows to do them with: calls before their batches, so that no batch lacks some."""
    for statement, table in ((REPLY, "replies"), (BATCH_CALL, "batch_calls"), (BATCH, "batches")):
        found = here.execute(f"select * from {table}")  # one of the three named here
        while rows := [dict(row) for row in found.fetchmany(AT_ONCE)]:
            yield statement, [_reply(row) for row in rows] if statement is REPLY else rows
    for row in here.execute("select usd from spending where day = ?", (day_of(now),)):
        yield SPENT, [{"day": day_of(now), "owner": f"alone in {path.resolve()}", "usd": row["usd"]}]


def _reply(row: dict[str, Any]) -> dict[str, Any]:
    stored = StoredReply(unpacked(row["reply"]), None, None, row["bought_by"], row["bought_at"])
    detail = row["error_detail"]
    return {
        **row,
        "error_detail": None if detail is None else detail.encode(),
        "list_cost_usd": stored.list_cost_usd,
    }


def _count(there: Connection) -> int:
    return int(there.scalar(text("select count(*) from moderation.replies")) or 0)
