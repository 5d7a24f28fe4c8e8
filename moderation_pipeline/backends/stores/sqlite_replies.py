"""The reply store of one machine: SQLite (WAL) in the data folder, for several processes."""

from __future__ import annotations

import os
import socket
import sqlite3
import threading
import time
import uuid
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path

import orjson

from moderation_pipeline.backends.batches.batched_model import SentBatch
from moderation_pipeline.backends.chat.abilities import FoundAbilities
from moderation_pipeline.backends.chat.chat_wire import Abilities
from moderation_pipeline.backends.language_model import ModelIdentity
from moderation_pipeline.backends.stores.stored_replies import (
    LEASE_S,
    RENEWED_EVERY_S,
    Attempt,
    Claim,
    ReplyStore,
    Spent,
    StoredReply,
    Wish,
    day_of,
    host_of,
    name_of,
    packed,
    unpacked,
)
from moderation_pipeline.warehouse.shared_file import connected

SCHEMA = """
create table if not exists replies (
    key blob primary key,
    backend text not null, endpoint text not null, asked_model text not null,
    reply blob not null, error_code text, error_detail text,
    bought_by text not null, bought_at real not null
) without rowid;
create index if not exists replies_by_age on replies (bought_at);
create table if not exists claims (
    key blob primary key, owner text not null, run_id text not null, claimed_at real not null
) without rowid;
create table if not exists reservations (
    key blob primary key, owner text not null, usd real not null, reserved_at real not null
) without rowid;
create table if not exists turns (
    identity text primary key, requests_until real not null, tokens_until real not null
) without rowid;
create table if not exists runs (
    run_id text primary key, run_key text not null, begun_at real not null, finished_at real,
    repeated_calls integer not null default 0
) without rowid;
create index if not exists runs_by_key on runs (run_key);
create table if not exists spending (day text primary key, usd real not null) without rowid;
create table if not exists batches (
    batch_id text primary key, backend text not null, endpoint text not null, asked_model text not null,
    run_key text not null, requests integer not null, sent_at real not null, collected_at real
) without rowid;
create table if not exists batch_calls (custom_id text primary key, batch_id text not null) without rowid;
create table if not exists endpoints (
    identity text primary key, abilities text not null, found_at real not null
) without rowid;
"""

OPEN_STORES: set[str] = set()
"""The owners of this process: a claim of one that was closed, or of a process that had our id, is void."""


class SqliteReplies(ReplyStore):
    """The store of one data folder. Every method is one short transaction; processes wait for each other."""

    def __init__(self, path: Path, *, now: Callable[[], float] = time.time) -> None:
        self.path = path
        self._now = now
        self.owner = f"{socket.gethostname()}:{os.getpid()}:{uuid.uuid4().hex[:8]}"
        OPEN_STORES.add(self.owner)
        self._db = self._connected()
        self._db.executescript(SCHEMA)
        self._reserved: set[bytes] = set()
        self._is_closed = threading.Event()
        self._renewing = threading.Thread(target=self._renew, name="claims", daemon=True)
        self._renewing.start()

    @property
    def now(self) -> Callable[[], float]:
        """The time of this machine."""
        return self._now

    def close(self) -> None:
        """Close the file, and give up what was being asked."""
        self._is_closed.set()
        self._renewing.join()
        OPEN_STORES.discard(self.owner)
        self._db.close()

    def _connected(self) -> sqlite3.Connection:
        return connected(self.path, patience_s=60.0, is_autocommit=True, check_same_thread=False)

    def _renew(self) -> None:
        """Say every few seconds, on a connection of this thread's own, that the claims' owner is alive."""
        while not self._is_closed.wait(RENEWED_EVERY_S):
            with closing(self._connected()) as db:
                db.execute("update claims set claimed_at = ? where owner = ?", (self.now(), self.owner))
                db.execute(
                    "update reservations set reserved_at = ? where owner = ?", (self.now(), self.owner)
                )

    def at_once(self, key: bytes) -> StoredReply | None:
        """Return the reply stored under the key."""
        row = self._db.execute(
            "select reply, error_code, error_detail, bought_by, bought_at from replies where key = ?", (key,)
        ).fetchone()
        return None if row is None else StoredReply(unpacked(row[0]), *row[1:])

    async def claim(self, wanted: Wish) -> Claim:
        """Claim the reply, unless it is there and will do, another living process asks, or the day is spent."""
        key, allowance = wanted.key, wanted.allowance
        with self._transaction():
            stored = self.at_once(key)
            if stored is not None and wanted.will_do(stored):
                return Claim(stored)
            row = self._db.execute("select owner, claimed_at from claims where key = ?", (key,)).fetchone()
            if row is not None and row[0] != self.owner:
                if _is_alive(row[0], self.now() - row[1]):
                    return Claim()
                self._give_up([key])
            if allowance is not None and not (spent := self.spent_today()).leaves(allowance):
                return Claim(beyond=spent)
            claim = (key, self.owner, wanted.run_id, self.now())
            self._db.execute("insert or replace into claims values (?, ?, ?, ?)", claim)
            if allowance is not None:
                self._reserved.add(key)
                reserved = (key, self.owner, allowance.worst_usd, self.now())
                self._db.execute("insert or replace into reservations values (?, ?, ?, ?)", reserved)
            return Claim(is_ours=True)

    async def put(self, key: bytes, identity: ModelIdentity, stored: StoredReply) -> None:
        """Keep a reply, count what it cost, and give the claim on it back."""
        with self._transaction():
            self._db.execute(
                "insert or replace into replies values (?, ?, ?, ?, ?, ?, ?, ?, ?)",
                (
                    *(key, *identity, packed(stored.reply)),
                    *(stored.error_code, stored.error_detail, stored.bought_by, stored.bought_at),
                ),
            )
            self._delete_claim(key)
            if stored.list_cost_usd:
                self._spend(stored.list_cost_usd, stored.bought_at)

    async def release(self, key: bytes) -> None:
        """Give a claim back without a reply."""
        with self._transaction():
            self._delete_claim(key)

    async def turn(self, identity: ModelIdentity, request_s: float, tokens_s: float) -> float:
        """Take an endpoint's next turn among the processes of this machine."""
        now = self.now()
        (requests_until, tokens_until) = self._db.execute(
            "insert into turns values (?1, ?2 + ?3, ?2 + ?4) on conflict (identity) do update set "
            "requests_until = max(requests_until, ?2) + ?3, tokens_until = max(tokens_until, ?2) + ?4 "
            "returning requests_until, tokens_until",
            ("\n".join(identity), now, request_s, tokens_s),
        ).fetchone()
        return float(max(requests_until - request_s, tokens_until - tokens_s) - now)

    def begin_run(self, run_key: str) -> Attempt:
        """Return the run of that key: the unfinished one where there is one, else a new one.

        `repeated_calls` counts the calls that were in flight when the attempt before was killed: they will be
        asked again, and may have been paid for.
        """
        with self._transaction():
            row = self._db.execute(
                "select run_id from runs where run_key = ? and finished_at is null order by begun_at desc",
                (run_key,),
            ).fetchone()
            if row is None:
                run_id = uuid.uuid4().hex
                self._db.execute(
                    "insert into runs (run_id, run_key, begun_at) values (?, ?, ?)",
                    (run_id, run_key, self.now()),
                )
                return Attempt(run_id, is_resumed=False, repeated_calls=0)
            return self._resumed(str(row[0]))

    def finish_run(self, run_id: str) -> None:
        """Say that the run is through: what it bought is another run's from now on."""
        self._db.execute("update runs set finished_at = ? where run_id = ?", (self.now(), run_id))

    def spent_today(self) -> Spent:
        """Return what was spent today (UTC), and what calls in flight may cost."""
        self._give_up(self._lost("select key, owner, reserved_at from reservations"))
        ((usd,),) = self._db.execute(
            "select coalesce(sum(usd), 0) from spending where day = ?", (day_of(self.now()),)
        )
        ((in_flight_usd,),) = self._db.execute("select coalesce(sum(usd), 0) from reservations")
        return Spent(float(usd), float(in_flight_usd))

    def spend(self, usd: float) -> None:
        """Count what was spent today on something that is not kept as a reply."""
        self._spend(usd, self.now())

    def abilities_of(self, identity: ModelIdentity) -> Abilities | None:
        """Return what was found out about an endpoint."""
        row = self._db.execute(
            "select abilities from endpoints where identity = ?", (name_of(identity),)
        ).fetchone()
        return None if row is None else Abilities.from_mapping(orjson.loads(row[0]))

    def keep_abilities(self, identity: ModelIdentity, found: FoundAbilities) -> None:
        """Keep what was found out about an endpoint."""
        abilities = orjson.dumps(found.abilities.as_mapping()).decode()
        self._db.execute(
            "insert or replace into endpoints values (?, ?, ?)", (name_of(identity), abilities, self.now())
        )

    def batches_of(self, custom_ids: Iterable[str]) -> dict[str, str]:
        """Return the batch of each call that was sent in one."""
        wanted = orjson.dumps(list(custom_ids)).decode()
        rows = self._db.execute(
            "select custom_id, batch_id from batch_calls where custom_id in (select value from json_each(?))",
            (wanted,),
        )
        return dict(rows.fetchall())

    def keep_batch(
        self, batch_id: str, identity: ModelIdentity, run_key: str, custom_ids: Sequence[str]
    ) -> None:
        """Keep that these calls were sent as that batch, the moment it is known."""
        with self._transaction():
            self._db.execute(
                "insert or replace into batches values (?, ?, ?, ?, ?, ?, ?, null)",
                (batch_id, *identity, run_key, len(custom_ids), self.now()),
            )
            self._db.executemany(
                "insert or replace into batch_calls values (?, ?)",
                [(custom_id, batch_id) for custom_id in custom_ids],
            )

    def batch_collected(self, batch_id: str) -> None:
        """Keep that the batch's answers were brought."""
        self._db.execute("update batches set collected_at = ? where batch_id = ?", (self.now(), batch_id))

    def forget_calls(self, custom_ids: Iterable[str]) -> None:
        """Forget that these calls were sent."""
        self._db.executemany("delete from batch_calls where custom_id = ?", [(each,) for each in custom_ids])

    def sent_batches(self) -> list[SentBatch]:
        """Return the batches whose answers have not been brought yet, the oldest first."""
        rows = self._db.execute(
            "select * from batches where collected_at is null order by sent_at, batch_id"
        ).fetchall()
        return [SentBatch(row[0], ModelIdentity(*row[1:4]), *row[4:]) for row in rows]

    def _resumed(self, run_id: str) -> Attempt:
        lost = self._lost("select key, owner, claimed_at from claims where run_id = ?", run_id)
        self._give_up(lost)
        owners = self._db.execute("select distinct owner from claims where run_id = ?", (run_id,)).fetchall()
        ((repeated_calls,),) = self._db.execute(
            "update runs set repeated_calls = repeated_calls + ? where run_id = ? returning repeated_calls",
            (len(lost), run_id),
        ).fetchall()
        elsewhere = tuple(sorted({host_of(owner) for (owner,) in owners} - {socket.gethostname()}))
        return Attempt(run_id, True, int(repeated_calls), elsewhere)

    def _lost(self, claims: str, *values: str) -> list[bytes]:
        """Return the keys of those claims (key, owner, time) whose owner is not alive any more."""
        rows = self._db.execute(claims, values).fetchall()
        newest = {owner: max(at for _, who, at in rows if who == owner) for owner in {row[1] for row in rows}}
        dead = {owner for owner, at in newest.items() if not _is_alive(owner, self.now() - at)}
        return [key for key, owner, _ in rows if owner in dead]

    def _give_up(self, keys: Iterable[bytes]) -> None:
        """Take away the claims of calls that are lost, and count what they may have cost as spent."""
        for key in keys:
            self._db.execute("delete from claims where key = ?", (key,))
            gone = self._db.execute(
                "delete from reservations where key = ? returning usd, reserved_at", (key,)
            )
            for usd, at in gone.fetchall():
                self._spend(usd, at)

    def _delete_claim(self, key: bytes) -> None:
        self._db.execute("delete from claims where key = ? and owner = ?", (key, self.owner))
        if key in self._reserved:  # on the path of every reply, and most know no budget
            self._reserved.discard(key)
            self._db.execute("delete from reservations where key = ? and owner = ?", (key, self.owner))

    def _spend(self, usd: float, moment: float) -> None:
        self._db.execute(
            "insert into spending values (?, ?) on conflict (day) do update set usd = usd + excluded.usd",
            (day_of(moment), usd),
        )

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        self._db.execute("begin immediate")
        try:
            yield
        except BaseException:
            self._db.execute("rollback")
            raise
        self._db.execute("commit")


def _is_alive(owner: str, age_s: float) -> bool:
    """Whether a claim's owner may still be asking: its process lives, or is elsewhere and the claim young."""
    host, pid, _ = owner.rsplit(":", 2)
    if host != socket.gethostname():
        return age_s < LEASE_S
    if int(pid) == os.getpid():
        return owner in OPEN_STORES
    try:
        os.kill(int(pid), 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return age_s < LEASE_S
