"""The reply store: every paid reply, good or bad, in SQLite (WAL) under data/, for several processes.

Only SQL lives here: which reply may be used, and who pays for it, is `cache.py`'s. Beside the replies it
keeps who is asking right now (claims), unfinished runs, what each day has cost, and what endpoints can do.
"""

from __future__ import annotations

import os
import socket
import sqlite3
import threading
import time
import uuid
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

import orjson

from moderation_pipeline.backends.batches.batched_model import SentBatch
from moderation_pipeline.backends.chat.abilities import PROBE_VERSION, FoundAbilities
from moderation_pipeline.backends.chat.chat_wire import Abilities
from moderation_pipeline.backends.language_model import ModelIdentity, Reply, TokenLogprob
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

LEASE_S = 20.0
"""How long a claim counts after its process was last heard of, where it can't be looked for: on another machine,
or in a container that came back under another name. A living process renews its claims every RENEWED_EVERY_S."""

RENEWED_EVERY_S = 5.0

DAY_S = 86_400.0

OPEN_STORES: set[str] = set()
"""The owners of this process: a claim of one that was closed, or of a process that had our id, is void."""


@dataclass(frozen=True, slots=True)
class StoredReply:
    """A reply as it is kept; a bad one with its error's code. `bought_by` is the id of the run that paid."""

    reply: Reply | None
    error_code: str | None
    error_detail: str | None
    bought_by: str
    bought_at: float


class Attempt(NamedTuple):
    """A run as the store knows it: the same id through all its attempts, so that what it paid stays paid."""

    run_id: str
    is_resumed: bool
    repeated_calls: int
    claimed_elsewhere: tuple[str, ...] = ()
    """Machines of which a process asks for replies of this run, or did so a moment ago."""


class ReplyStore:
    """The store of one data folder. Every method is one short transaction; processes wait for each other."""

    def __init__(self, path: Path, *, now: Callable[[], float] = time.time) -> None:
        self.path = path
        self.now = now
        self.owner = f"{socket.gethostname()}:{os.getpid()}:{uuid.uuid4().hex[:8]}"
        OPEN_STORES.add(self.owner)
        self._db = self._connected()
        self._db.executescript(SCHEMA)
        self._is_closed = threading.Event()
        self._renewing = threading.Thread(target=self._renew, name="claims", daemon=True)
        self._renewing.start()

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

    def get(self, key: bytes) -> StoredReply | None:
        """Return the reply stored under the key."""
        row = self._db.execute(
            "select reply, error_code, error_detail, bought_by, bought_at from replies where key = ?", (key,)
        ).fetchone()
        return None if row is None else StoredReply(_unpacked(row[0]), *row[1:])

    def put(self, key: bytes, identity: ModelIdentity, stored: StoredReply) -> None:
        """Keep a reply the moment it arrived, count what it cost, and give the claim on it back."""
        with self._transaction():
            self._db.execute(
                "insert or replace into replies values (?, ?, ?, ?, ?, ?, ?, ?, ?)",
                (
                    *(key, *identity, _packed(stored.reply)),
                    *(stored.error_code, stored.error_detail, stored.bought_by, stored.bought_at),
                ),
            )
            self._db.execute("delete from claims where key = ?", (key,))
            if stored.reply is not None and stored.reply.list_cost_usd:
                self._spend(stored.reply.list_cost_usd, stored.bought_at)

    def claim(self, key: bytes, run_id: str) -> bool:
        """Say that this process asks for the reply; False where another one that is alive already does."""
        with self._transaction():
            row = self._db.execute("select owner, claimed_at from claims where key = ?", (key,)).fetchone()
            if row is not None and row[0] != self.owner and _is_alive(row[0], self.now() - row[1]):
                return False
            self._db.execute(
                "insert or replace into claims values (?, ?, ?, ?)", (key, self.owner, run_id, self.now())
            )
            return True

    def release(self, key: bytes) -> None:
        """Give a claim back without a reply."""
        self._db.execute("delete from claims where key = ? and owner = ?", (key, self.owner))

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

    def spent_usd_on(self, moment: float) -> float:
        """Return what was spent on the day (UTC) of that moment."""
        row = self._db.execute("select usd from spending where day = ?", (_day(moment),)).fetchone()
        return 0.0 if row is None else float(row[0])

    def spend(self, usd: float) -> None:
        """Count what was spent today on something that is not kept as a reply."""
        self._spend(usd, self.now())

    def abilities_of(self, identity: ModelIdentity) -> Abilities | None:
        """Return what was found out about an endpoint."""
        row = self._db.execute(
            "select abilities from endpoints where identity = ?", (_joined(identity),)
        ).fetchone()
        return None if row is None else Abilities.from_mapping(orjson.loads(row[0]))

    def keep_abilities(self, identity: ModelIdentity, found: FoundAbilities) -> None:
        """Keep what was found out about an endpoint."""
        abilities = orjson.dumps(found.abilities.as_mapping()).decode()
        self._db.execute(
            "insert or replace into endpoints values (?, ?, ?)", (_joined(identity), abilities, self.now())
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
        claims = self._db.execute(
            "select key, owner, claimed_at from claims where run_id = ?", (run_id,)
        ).fetchall()
        alive = {owner for _, owner, at in claims if _is_alive(owner, self.now() - at)}
        lost = [key for key, owner, _ in claims if owner not in alive]
        self._db.executemany("delete from claims where key = ?", [(key,) for key in lost])
        self._db.execute(
            "update runs set repeated_calls = repeated_calls + ? where run_id = ?", (len(lost), run_id)
        )
        total = self._db.execute("select repeated_calls from runs where run_id = ?", (run_id,)).fetchone()
        elsewhere = tuple(sorted({_host(owner) for owner in alive} - {socket.gethostname()}))
        return Attempt(run_id, True, int(total[0]), elsewhere)

    def _spend(self, usd: float, moment: float) -> None:
        self._db.execute(
            "insert into spending values (?, ?) on conflict (day) do update set usd = usd + excluded.usd",
            (_day(moment), usd),
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


def _host(owner: str) -> str:
    return owner.rsplit(":", 2)[0]


def _day(moment: float) -> str:
    return datetime.fromtimestamp(moment, UTC).date().isoformat()


def _joined(identity: ModelIdentity) -> str:
    """Return the key of what was found out about an endpoint: by this probe, and no older one."""
    return "\n".join((*identity, f"probe {PROBE_VERSION}"))


def _packed(reply: Reply | None) -> bytes:
    return orjson.dumps(reply, default=tuple)  # log-probabilities are named tuples


def _unpacked(blob: bytes) -> Reply | None:
    data = orjson.loads(blob)
    if data is None:
        return None
    for name in ("logprobs", "first_tokens"):
        if data.get(name) is not None:
            data[name] = tuple(TokenLogprob(*pair) for pair in data[name])
    return Reply(**data)
