"""The reply store that several machines share: Postgres, and what it is asked with every call.

Calls ask it in threads, many at once (`gathering.py`), so that those in flight go on while it takes its time; while it
doesn't answer at all, each question is asked again for as long as `in_transaction` has patience.
The SQL is `postgres_statements.py`'s, what is asked once in a run `postgres_ledger.py`'s.
"""

from __future__ import annotations

import os
import socket
import threading
import time
import uuid
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import Any, NamedTuple

from sqlalchemy import Connection, Engine, text

from moderation_pipeline.backends.language_model import ModelIdentity
from moderation_pipeline.backends.stores import postgres_statements as sql
from moderation_pipeline.backends.stores.gathering import Gathering
from moderation_pipeline.backends.stores.postgres_ledger import Patience, PostgresLedger
from moderation_pipeline.backends.stores.stored_replies import (
    LEASE_S,
    RENEWED_EVERY_S,
    Claim,
    ReplyStore,
    Spent,
    StoredReply,
    Wish,
    packed,
    unpacked,
)
from moderation_pipeline.errors import ModerationError
from moderation_pipeline.warehouse.shared_database import (
    PATIENCE_S,
    StoreUnreachableError,
    in_transaction,
    lock_number,
    make_tables,
)

QUESTIONS_AT_ONCE = 4
"""Claims, replies, what is given back and turns: each has one journey under way at a time, and waits for no other's."""

FORGOTTEN_AFTER_S = 86_400.0
"""When an owner that nobody hears of is taken off the list."""


class LostRepliesError(ModerationError):
    """Replies that were paid for could not be kept."""

    def __init__(self, replies: Sequence[Arrived], error: StoreUnreachableError) -> None:
        usd = sum(each.stored.list_cost_usd for each in replies)
        super().__init__(
            f"{len(replies)} replies arrived (${usd:.4f} at list price) and could not be kept: they are lost, and will "
            f"be asked for, and paid, again. {error}"
        )


class Arrived(NamedTuple):
    """A reply that arrived, and whose it is."""

    key: bytes
    identity: ModelIdentity
    stored: StoredReply


class AskedTurn(NamedTuple):
    """A call that wants a turn of an endpoint."""

    identity: ModelIdentity
    request_s: float
    tokens_s: float


class PostgresReplies(PostgresLedger, ReplyStore):
    """The store of one database."""

    def __init__(self, engine: Engine, *, now: Callable[[], float] = time.time) -> None:
        owner = f"{socket.gethostname()}:{os.getpid()}:{uuid.uuid4().hex[:8]}"
        super().__init__(engine, owner, now, Patience(LEASE_S, PATIENCE_S))
        self._threads = ThreadPoolExecutor(QUESTIONS_AT_ONCE, thread_name_prefix="replies")
        self._claims = Gathering(self._threads, self._claimed)
        self._arrivals = Gathering(self._threads, self._put)
        self._releases = Gathering(self._threads, self._release)
        self._turns = Gathering(self._threads, self._turn)
        make_tables(engine, "replies", sql.TABLES)
        self._hear()
        self._do(
            "delete from moderation.owners where heard_until < clock_timestamp() - make_interval(secs => :age_s)",
            age_s=FORGOTTEN_AFTER_S,
        )
        self._renewing = threading.Thread(target=self._renew, name="claims", daemon=True)
        self._renewing.start()

    def close(self) -> None:
        """Keep what has arrived, and give up what was being asked: without its owner a claim is void."""
        self._is_closing.set()  # what has arrived is insisted on all the same
        self._threads.shutdown(wait=True)
        self._renewing.join()
        with suppress(StoreUnreachableError):  # then its claims are void when they are not heard of
            self._do("delete from moderation.owners where owner = :owner", patience_s=0.0, owner=self.owner)

    def at_once(self, key: bytes) -> StoredReply | None:  # noqa: ARG002
        """Return nothing: only the database knows, and `claim` asks it."""
        return None

    async def claim(self, wanted: Wish) -> Claim:
        """Claim the reply, unless it is there and will do, another living process asks, or the day is spent."""
        return await self._claims.ask(wanted)

    async def put(self, key: bytes, identity: ModelIdentity, stored: StoredReply) -> None:
        """Keep a reply, and try for as long as there is patience.

        Raises:
            LostRepliesError: the database didn't answer all the while.
        """
        await self._arrivals.ask(Arrived(key, identity, stored))

    async def release(self, key: bytes) -> None:
        """Give a claim back without a reply."""
        await self._releases.ask(key)

    async def turn(self, identity: ModelIdentity, request_s: float, tokens_s: float) -> float:
        """Take an endpoint's next turn among the processes of all machines."""
        return await self._turns.ask(AskedTurn(identity, request_s, tokens_s))

    def _claimed(self, wishes: Sequence[Wish]) -> list[Claim]:
        """Look up all, claim what is missing, and look that up again: it may have come before the claim was made."""
        claims = self._found(wishes)
        missing = [wish for wish in wishes if wish.key not in claims]
        if missing:
            claims |= self._taken(missing)
            ours = [wish for wish in missing if claims[wish.key].is_ours]
            come = self._found(ours) if ours else {}
            if come:
                self._release(list(come))
            claims |= come
        return [claims[wish.key] for wish in wishes]

    def _found(self, wishes: Sequence[Wish]) -> dict[bytes, Claim]:
        rows = self._do(sql.LOOK_UP, keys=list({wish.key for wish in wishes}))
        stored = {row[0]: _stored(row) for row in rows}
        return {
            wish.key: Claim(reply)
            for wish in wishes
            if (reply := stored.get(wish.key)) is not None and wish.will_do(reply)
        }

    def _taken(self, wishes: Sequence[Wish]) -> dict[bytes, Claim]:
        each = list({wish.key: wish for wish in wishes}.values())
        values: dict[str, Any] = {
            "keys": [wish.key for wish in each],
            "run_ids": [wish.run_id for wish in each],
            "worst_usd": [0.0 if wish.allowance is None else wish.allowance.worst_usd for wish in each],
            "per_day": [None if wish.allowance is None else wish.allowance.usd_per_day for wish in each],
            "owner": self.owner,
            "lease_s": self._patience.lease_s,
        }
        rows = (
            self._within_budgets(values)
            if any(wish.allowance for wish in each)
            else self._do(sql.CLAIM, **values)
        )
        return {
            row.key: Claim(
                is_ours=row.is_ours, beyond=Spent(row.spent_usd, row.in_flight_usd) if row.is_beyond else None
            )
            for row in rows
        }

    def _within_budgets(self, values: Mapping[str, object]) -> Sequence[Any]:
        """Claim while no other claims within a budget: each must see what the one before has reserved."""

        def claimed(connection: Connection) -> Sequence[Any]:
            connection.execute(text("select pg_advisory_xact_lock(:lock)"), {"lock": lock_number("budget")})
            return connection.execute(sql.CLAIM, values).all()

        return in_transaction(self._engine, claimed, patience_s=self._patience.outage_s)

    def _put(self, arrived: Sequence[Arrived]) -> Sequence[None]:
        by_key = {each.key: each for each in arrived}
        if len(by_key) < len(arrived):  # a statement may write a row but once
            for each in arrived:
                self._put_all([each])
        else:
            self._put_all(arrived)
        return [None] * len(arrived)

    def _put_all(self, arrived: Sequence[Arrived]) -> None:
        try:
            self._do(
                sql.PUT,
                owner=self.owner,
                keys=[each.key for each in arrived],
                backends=[each.identity.backend for each in arrived],
                endpoints=[each.identity.endpoint for each in arrived],
                models=[each.identity.model for each in arrived],
                replies=[packed(each.stored.reply) for each in arrived],
                codes=[each.stored.error_code for each in arrived],
                details=[_as_bytes(each.stored.error_detail) for each in arrived],
                costs=[each.stored.list_cost_usd for each in arrived],
                buyers=[each.stored.bought_by for each in arrived],
                times=[each.stored.bought_at for each in arrived],
            )
        except StoreUnreachableError as error:
            raise LostRepliesError(arrived, error) from None

    def _release(self, keys: Sequence[bytes]) -> Sequence[None]:
        self._do(sql.RELEASE, keys=list(keys), owner=self.owner)
        return [None] * len(keys)

    def _turn(self, turns: Sequence[AskedTurn]) -> list[float]:
        def taken(connection: Connection) -> list[float]:
            return [
                float(
                    connection.scalar(
                        sql.TURN,
                        {
                            "identity": "\n".join(each.identity),
                            "request_s": each.request_s,
                            "tokens_s": each.tokens_s,
                        },
                    )
                    or 0.0
                )
                for each in turns
            ]

        return in_transaction(self._engine, taken, patience_s=self._patience.outage_s)

    def _renew(self) -> None:
        """Say every few seconds that the claims' owner is alive; where nobody answers, the next time will do."""
        while not self._is_closing.wait(RENEWED_EVERY_S):
            with suppress(StoreUnreachableError):
                self._hear(patience_s=0.0)

    def _hear(self, patience_s: float | None = None) -> None:
        self._do(sql.HEARD, patience_s=patience_s, owner=self.owner, lease_s=self._patience.lease_s)


def _stored(row: Any) -> StoredReply:
    detail = None if row.error_detail is None else bytes(row.error_detail).decode()
    return StoredReply(unpacked(row.reply), row.error_code, detail, row.bought_by, row.bought_at)


def _as_bytes(detail: str | None) -> bytes | None:
    """Return what a server said as bytes: Postgres takes no NUL in a text."""
    return None if detail is None else detail.encode()
