"""The database that several machines share: one Postgres, named by MODERATION_STORE; none where that is unset.

Here are its address, its connections, whose tables are made when, and what is done while it doesn't answer. What is
kept in it is each room's own: the replies' (`backends/stores/`), the embeddings', the catalogue's. All tables lie in
the Postgres schema `moderation`, so that Dagster's own may lie in the same database.

The address holds a password: it is read from the environment alone, never from a .env, which lies in whatever folder
one works in, and no error, log or table repeats it.
"""

from __future__ import annotations

import logging
import os
import threading
import time
from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import TypeVar
from zlib import crc32

from sqlalchemy import URL, Connection, Engine, create_engine, make_url, text
from sqlalchemy.exc import ArgumentError, DBAPIError, OperationalError
from sqlalchemy.exc import TimeoutError as NoneFreeError

from moderation_pipeline.errors import ModerationError
from moderation_pipeline.warehouse.folder import STORE_VARIABLE as STORE_VARIABLE
from moderation_pipeline.warehouse.folder import has_shared_store

EXAMPLE = "postgresql://user:password@host:5432/database"
SCHEMA = "moderation"
"""Where in the database all our tables are: `moderation.replies` and so on."""

PATIENCE_S = 120.0
"""How long a database that doesn't answer is asked again before the run stops: a restart takes seconds, a failover a
minute."""

REFUSED_S = 15.0
"""The same where it answers and lets us not in: too many clients pass, a wrong password doesn't."""

FIRST_WAIT_S, LONGEST_WAIT_S = 0.1, 5.0

UNANSWERED = "The shared store at %s doesn't answer (%s). It is tried again for %.0f s."

MOST_CONNECTIONS = 4
"""Of one process. Postgres takes 100 as it is installed; docs/operations.md says what that is in workers."""

UNLESS_SAID = {
    "connect_timeout": 10,
    "keepalives_idle": 10,
    "keepalives_interval": 5,
    "keepalives_count": 3,
    "tcp_user_timeout": 30_000,
    "application_name": "moderation",
}
"""What libpq is told where the address doesn't: a machine that vanished is found gone in half a minute."""

TRY_AGAIN = ("08", "57P", "53300", "40001", "40P01")
"""How the codes of errors begin that pass: connections, shutting down and starting, too many clients, two transactions
that stood in each other's way (https://www.postgresql.org/docs/current/errcodes-appendix.html)."""

LOG = logging.getLogger(__name__)

Result = TypeVar("Result")


class StoreAddressError(ModerationError):
    """MODERATION_STORE holds something that is no address of a Postgres."""

    def __init__(self, why: str) -> None:
        super().__init__(
            f"{STORE_VARIABLE} can't be used: {why}. Write it as {EXAMPLE}, with ?sslmode=verify-full at the end where "
            "it is on another machine, and what is special in user or password percent-encoded (@ as %40, / as %2F); "
            "or unset it to keep everything in the data folder."
        )


class StoreUnreachableError(ModerationError):
    """The shared database doesn't answer, or doesn't let us in."""

    def __init__(self, engine: Engine, said: str, waited_s: float) -> None:
        super().__init__(
            f"The shared store at {place_of(engine)} ({STORE_VARIABLE}) didn't answer for {waited_s:.0f} s; the last "
            f"word was: {said}. Is it up, and may this machine reach it as that user? Replies that were stored stay; "
            "the same command goes on where it stopped."
        )


def shared_database() -> Engine | None:
    """Return the database that MODERATION_STORE names, the same one as long as the process lives; None where unset.

    Raises:
        StoreAddressError: it holds no address of a Postgres, or the extra `fleet` is not installed.
    """
    return named_database() if has_shared_store() else None


def named_database() -> Engine:
    """Return the same where it is known that one is named.

    Raises:
        StoreAddressError: as above.
    """
    # By process too: a connection that two processes share after a fork mixes up their answers.
    return _engine(os.environ.get(STORE_VARIABLE, "").strip(), os.getpid())


def place_of(engine: Engine) -> str:
    """Return where the database is, for people to read: host, port and name, without user and password."""
    url = engine.url
    return f"{url.host or 'this machine'}{f':{url.port}' if url.port else ''}/{url.database}"


def in_transaction(
    engine: Engine,
    work: Callable[[Connection], Result],
    *,
    patience_s: float = PATIENCE_S,
    gives_up: threading.Event | None = None,
) -> Result:
    """Return what `work` returns of a connection in a transaction of its own, tried again while nobody answers.

    Whether a transaction was committed isn't known where the connection broke at its very end: then it is done
    again, so `work` must come to the same when it is done twice.

    Args:
        engine: the database.
        work: what to do; also asks what it needs to know within the same transaction.
        patience_s: how long to try.
        gives_up: set by whoever no longer wants to wait.

    Raises:
        StoreUnreachableError: it didn't answer for as long as `patience_s`, or refuses this user.
    """
    waiting = _Waiting(engine, patience_s, gives_up or threading.Event())
    while True:
        try:
            with engine.begin() as connection:
                return work(connection)
        except (DBAPIError, NoneFreeError) as error:
            if not waiting.until_next_try(error):
                raise


class _Waiting:
    """The pauses between tries of one transaction, each twice as long as the one before, and their end."""

    def __init__(self, engine: Engine, patience_s: float, gives_up: threading.Event) -> None:
        self._engine = engine
        self._patience_s = patience_s
        self._gives_up = gives_up
        self._began = time.monotonic()
        self._tries = 0

    def until_next_try(self, error: DBAPIError | NoneFreeError) -> bool:
        """Wait; false where the error is none of the connection's, and trying again is no use.

        Raises:
            StoreUnreachableError: it was tried for long enough.
        """
        if not _passes(error):
            return False
        said, waited_s = _said(self._engine, error), time.monotonic() - self._began
        patience_s = min(self._patience_s, REFUSED_S) if _was_refused(error) else self._patience_s
        if waited_s >= patience_s or self._gives_up.is_set():
            raise StoreUnreachableError(self._engine, said, waited_s) from None
        self._tries += 1
        if self._tries == 2:  # a connection that broke while nobody used it is no news
            LOG.warning(UNANSWERED, place_of(self._engine), said, patience_s)
        self._gives_up.wait(min(FIRST_WAIT_S * 2 ** (self._tries - 1), LONGEST_WAIT_S))
        return True


def make_tables(engine: Engine, room: str, statements: Sequence[str]) -> None:
    """Make a room's tables where they lack: once a process, and by one process at a time.

    The statements run in this order, each `create … if not exists moderation.…`; a lock of the database's own keeps two
    processes from making the same table at once, which Postgres answers with an error to one of them.
    """
    if (engine, room) in _MADE:
        return

    def made(connection: Connection) -> None:
        connection.execute(text("select pg_advisory_xact_lock(:lock)"), {"lock": lock_number("tables")})
        # Looked at first: who may use the schema but make none may not say "if not exists" either.
        if connection.scalar(text("select to_regnamespace(:name)"), {"name": SCHEMA}) is None:
            connection.execute(text(f"create schema if not exists {SCHEMA}"))
        for statement in statements:
            connection.execute(text(statement))

    in_transaction(engine, made)
    _MADE.add((engine, room))


_MADE: set[tuple[Engine, str]] = set()


def lock_number(name: str) -> int:
    """Return the number by which an advisory lock of that name is known to all processes."""
    return crc32(f"{SCHEMA} {name}".encode())


@lru_cache(maxsize=8)
def _engine(given: str, _process: int) -> Engine:
    url = _url(given)
    try:
        return create_engine(
            url,
            connect_args={key: value for key, value in UNLESS_SAID.items() if key not in url.query},
            pool_size=MOST_CONNECTIONS,
            max_overflow=0,
            pool_use_lifo=True,
            isolation_level="READ COMMITTED",  # claims and budgets count on it, whatever the server's default is
            hide_parameters=True,  # an error would show comments and replies otherwise
        )
    except ModuleNotFoundError:
        raise StoreAddressError(
            "psycopg is not installed; it comes with `pip install -e '.[fleet]'`"
        ) from None


def _url(given: str) -> URL:
    """Return the address for psycopg; what is wrong with it is said without any part of it, for it holds a password."""
    head, _, rest = given.partition("://")
    if head not in ("postgresql", "postgres"):
        raise StoreAddressError("it doesn't begin with postgresql://")
    if rest.partition("?")[0].count("@") > 1:
        raise StoreAddressError("it holds more than one @")
    try:
        url = make_url(f"postgresql+psycopg://{rest}")
    except (ArgumentError, ValueError):
        raise StoreAddressError("it can't be read as an address") from None
    if not url.database:
        raise StoreAddressError("it names no database")
    return url


def _passes(error: DBAPIError | NoneFreeError) -> bool:
    if isinstance(error, NoneFreeError):  # all connections wait for a database that is silent
        return True
    code = getattr(error.orig, "sqlstate", None)
    return str(code).startswith(TRY_AGAIN) if code is not None else isinstance(error, OperationalError)


def _was_refused(error: DBAPIError | NoneFreeError) -> bool:
    """Whether a server asked for a password and let us not in: mostly a wrong password, or too many clients."""
    connection = getattr(getattr(error, "orig", None), "pgconn", None)
    return connection is not None and bool(connection.needs_password or connection.used_password)


def _said(engine: Engine, error: DBAPIError | NoneFreeError) -> str:
    """Return the first line of what the driver said, without the password."""
    line = str(getattr(error, "orig", error)).strip().partition("\n")[0]
    password = engine.url.password
    return (line.replace(str(password), "[password]") if password else line).rstrip(".")
