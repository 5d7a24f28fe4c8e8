"""What the shared reply store is asked for once in a run: runs, batches, what endpoints can do, what a day cost.

These are asked in the caller's own thread, which waits; what is asked with every call is `postgres_replies.py`'s.
"""

from __future__ import annotations

import threading
import uuid
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, NamedTuple

import orjson
from sqlalchemy import Connection, Engine, TextClause, text

from moderation_pipeline.backends.batches.batched_model import SentBatch
from moderation_pipeline.backends.chat.abilities import FoundAbilities
from moderation_pipeline.backends.chat.chat_wire import Abilities
from moderation_pipeline.backends.language_model import ModelIdentity
from moderation_pipeline.backends.stores import postgres_statements as sql
from moderation_pipeline.backends.stores.stored_replies import Attempt, Spent, host_of, name_of
from moderation_pipeline.errors import ModerationError
from moderation_pipeline.warehouse.shared_database import StoreUnreachableError, in_transaction, lock_number


class LostBatchError(ModerationError):
    """A batch was sent, and that it was could not be kept."""

    def __init__(
        self, batch_id: str, identity: ModelIdentity, calls: int, error: StoreUnreachableError
    ) -> None:
        super().__init__(
            f"Batch {batch_id} ({calls} calls) was sent to {identity.backend}, which could not be kept: cancel it "
            f"there, or its calls are paid again. {error}"
        )


class Patience(NamedTuple):
    """How long a claim counts that is not renewed, and how long a database is asked that doesn't answer."""

    lease_s: float
    outage_s: float


class PostgresLedger:
    """The tables of one owner's runs; every method is one statement or one short transaction."""

    def __init__(self, engine: Engine, owner: str, now: Callable[[], float], patience: Patience) -> None:
        self.owner = owner
        self._patience = patience
        self._engine = engine
        # A single statement needs no transaction around it, and thus one journey instead of three.
        self._single = engine.execution_options(isolation_level="AUTOCOMMIT")
        self._now = now
        self._is_closing = threading.Event()

    @property
    def now(self) -> Callable[[], float]:
        """The time of this machine: how old replies are may be seconds wrong, whose claim holds may not."""
        return self._now

    def begin_run(self, run_key: str) -> Attempt:
        """Return the unfinished run of that key where there is one, else a new one."""

        def begun(connection: Connection) -> Attempt:
            lock = {"lock": lock_number(f"run {run_key}")}
            connection.execute(text("select pg_advisory_xact_lock(:lock)"), lock)
            run_id = connection.scalar(
                text(
                    "select run_id from moderation.asking_runs where run_key = :run_key and finished_at is null "
                    "order by begun_at desc limit 1"
                ),
                {"run_key": run_key},
            )
            return self._begun(connection, run_key) if run_id is None else self._resumed(connection, run_id)

        return in_transaction(self._engine, begun, patience_s=self._patience.outage_s)

    def finish_run(self, run_id: str) -> None:
        """Say that the run is through."""
        self._do(
            "update moderation.asking_runs set finished_at = clock_timestamp() where run_id = :run_id",
            run_id=run_id,
        )

    def spent_today(self) -> Spent:
        """Return what was spent today by all machines, and what their calls in flight may cost."""
        return Spent(*map(float, self._do(sql.SPENT)[0]))

    def spend(self, usd: float) -> None:
        """Count what was spent today on something that is not kept as a reply."""
        if usd:
            self._do(sql.SPEND, owner=self.owner, usd=usd)

    def abilities_of(self, identity: ModelIdentity) -> Abilities | None:
        """Return what was found out about an endpoint."""
        rows = self._do(
            "select abilities from moderation.endpoints where identity = :identity",
            identity=name_of(identity),
        )
        return Abilities.from_mapping(orjson.loads(rows[0][0])) if rows else None

    def keep_abilities(self, identity: ModelIdentity, found: FoundAbilities) -> None:
        """Keep what was found out about an endpoint."""
        self._do(
            "insert into moderation.endpoints values (:identity, :abilities, clock_timestamp()) on conflict (identity) "
            "do update set abilities = excluded.abilities, found_at = excluded.found_at",
            identity=name_of(identity),
            abilities=orjson.dumps(found.abilities.as_mapping()).decode(),
        )

    def batches_of(self, custom_ids: Iterable[str]) -> Mapping[str, str]:
        """Return the batch of each call that was sent in one."""
        rows = self._do(
            "select custom_id, batch_id from moderation.batch_calls where custom_id = any(cast(:ids as text[]))",
            ids=list(custom_ids),
        )
        return {row[0]: row[1] for row in rows}

    def keep_batch(
        self, batch_id: str, identity: ModelIdentity, run_key: str, custom_ids: Sequence[str]
    ) -> None:
        """Keep that these calls were sent as that batch.

        Raises:
            LostBatchError: the database didn't answer all the while.
        """

        def kept(connection: Connection) -> None:
            connection.execute(
                text(
                    "insert into moderation.batches values (:batch_id, :backend, :endpoint, :model, :run_key, "
                    ":requests, :sent_at, null) on conflict (batch_id) do nothing"
                ),
                {
                    **identity._asdict(),
                    "batch_id": batch_id,
                    "run_key": run_key,
                    "requests": len(custom_ids),
                    "sent_at": self.now(),
                },
            )
            connection.execute(
                text(
                    "insert into moderation.batch_calls select unnest(cast(:ids as text[])), :batch_id "
                    "on conflict (custom_id) do update set batch_id = excluded.batch_id"
                ),
                {"ids": list(custom_ids), "batch_id": batch_id},
            )

        try:
            in_transaction(self._engine, kept, patience_s=self._patience.outage_s)
        except StoreUnreachableError as error:
            raise LostBatchError(batch_id, identity, len(custom_ids), error) from None

    def batch_collected(self, batch_id: str) -> None:
        """Keep that the batch's answers were brought."""
        self._do(
            "update moderation.batches set collected_at = :now where batch_id = :batch_id",
            now=self.now(),
            batch_id=batch_id,
        )

    def forget_calls(self, custom_ids: Iterable[str]) -> None:
        """Forget that these calls were sent."""
        self._do(
            "delete from moderation.batch_calls where custom_id = any(cast(:ids as text[]))",
            ids=list(custom_ids),
        )

    def sent_batches(self) -> list[SentBatch]:
        """Return the batches whose answers have not been brought yet, the oldest first."""
        rows = self._do(
            "select batch_id, backend, endpoint, asked_model, run_key, requests, sent_at, collected_at "
            "from moderation.batches where collected_at is null order by sent_at, batch_id"
        )
        return [SentBatch(row[0], ModelIdentity(*row[1:4]), *row[4:]) for row in rows]

    def _begun(self, connection: Connection, run_key: str) -> Attempt:
        run_id = uuid.uuid4().hex
        connection.execute(
            text("insert into moderation.asking_runs values (:run_id, :run_key, clock_timestamp())"),
            {"run_id": run_id, "run_key": run_key},
        )
        return Attempt(run_id, is_resumed=False, repeated_calls=0)

    def _resumed(self, connection: Connection, run_id: str) -> Attempt:
        values = {"run_id": run_id, "owner": self.owner, "lease_s": self._patience.lease_s}
        repeated_calls = connection.scalar(sql.LOST_OF_RUN, values)
        owners = connection.scalars(
            text("select distinct owner from moderation.claims where run_id = :run_id and owner <> :owner"),
            values,
        )
        return Attempt(
            run_id, True, int(repeated_calls or 0), tuple(sorted({host_of(owner) for owner in owners}))
        )

    def _do(
        self, statement: str | TextClause, *, patience_s: float | None = None, **values: object
    ) -> Sequence[Any]:
        """Return the rows of a statement on its own."""
        asked = text(statement) if isinstance(statement, str) else statement

        def done(connection: Connection) -> Sequence[Any]:
            result = connection.execute(asked, values)
            return result.all() if result.returns_rows else []

        return in_transaction(
            self._single,
            done,
            patience_s=self._patience.outage_s if patience_s is None else patience_s,
            gives_up=None if statement is sql.PUT else self._is_closing,
        )
