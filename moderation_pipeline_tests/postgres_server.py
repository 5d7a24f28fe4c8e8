"""A real Postgres for tests and benchmarks: the one that MODERATION_TEST_POSTGRES names, else Debian's, started here.

It refuses to run as root, so root starts it as the user `postgres` or `nobody`; everybody else as themselves.
"""

from __future__ import annotations

import contextlib
import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import uuid
from collections.abc import Iterator
from pathlib import Path

TEST_VARIABLE = "MODERATION_TEST_POSTGRES"
"""Holds the address of a server, as a user who may make databases: postgresql://user:password@host/postgres."""

DEBIANS = Path("/usr/lib/postgresql")
PASSWORD = "made-up-for-tests"
QUICK = {"fsync": "off", "full_page_writes": "off", "max_connections": "400"}
"""A test's databases need not outlive a power cut."""


class NoPostgresError(Exception):
    """No server can be had here, and why."""


class PostgresFailedError(Exception):
    """There is a server, and it doesn't do as it is told."""


def binaries() -> Path:
    """Return the folder of the newest server's programs."""
    found = sorted(DEBIANS.glob("*/bin/initdb"), key=lambda path: int(path.parts[-3]))
    on_path = shutil.which("initdb")
    if not found and on_path is None:
        raise NoPostgresError(f"no Postgres server here (looked in {DEBIANS} and on PATH)")
    return found[-1].parent if found else Path(str(on_path)).resolve().parent


def owner() -> str | None:
    """Return the user as whom to start it; null for whoever we are."""
    if os.getuid() != 0:
        return None
    names = {entry.pw_name for entry in pwd.getpwall()}
    for name in ("postgres", "nobody"):
        if name in names:
            return name
    raise NoPostgresError("root can't run Postgres, and there is no user postgres or nobody")


class PostgresServer:
    """A server of our own on a free port of this machine, which can be stopped, killed and started again."""

    def __init__(self, root: Path, **settings: str) -> None:
        self._binaries, self._owner = binaries(), owner()
        self._data = root / "data"
        self._settings = settings
        self._root = root
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = int(free.getsockname()[1])
        password = root / "password"
        password.write_text(PASSWORD)
        if self._owner is not None:
            for path in (root, password):
                shutil.chown(path, self._owner)
        given = ["-D", self._data, "-U", "moderator", "--auth=scram-sha-256", f"--pwfile={password}"]
        self._do("initdb", *given, "--no-sync", "--encoding=UTF8", "--locale=C.UTF-8")

    @property
    def url(self) -> str:
        """The address of the database that every server has."""
        return f"postgresql://moderator:{PASSWORD}@127.0.0.1:{self.port}/postgres"

    def start(self) -> None:
        """Start it, and wait until it answers."""
        options = f"-p {self.port} -c listen_addresses=127.0.0.1 -k {self._root}"
        options += "".join(f" -c {name}={value}" for name, value in self._settings.items())
        self._do("pg_ctl", "-D", self._data, "-l", self._root / "log", "-w", "-o", options, "start")

    def stop(self, how: str = "fast") -> None:
        """Stop it; `immediate` as a crash would."""
        self._do("pg_ctl", "-D", self._data, "-w", "-m", how, "stop")

    def fall_silent(self) -> None:
        """Keep every connection and answer on none, as a machine that hangs does."""
        self._signal(signal.SIGSTOP)

    def speak_again(self) -> None:
        """Go on where it fell silent."""
        self._signal(signal.SIGCONT)

    def _signal(self, number: signal.Signals) -> None:
        first = int((self._data / "postmaster.pid").read_text().splitlines()[0])
        for path in Path("/proc").glob("[0-9]*/stat"):
            with contextlib.suppress(OSError):  # ended meanwhile
                parent = int(path.read_text().rpartition(")")[2].split()[1])
                if first in (parent, int(path.parent.name)):
                    os.kill(int(path.parent.name), number)

    def _do(self, program: str, *arguments: object) -> None:
        command = [str(self._binaries / program), *map(str, arguments)]
        # Into a file and not a pipe: the server keeps what pg_ctl was given, and a pipe would never end.
        with (self._root / "said").open("w+b") as said:
            done = subprocess.run(
                command, stdout=said, stderr=said, stdin=subprocess.DEVNULL, cwd=self._root, user=self._owner
            )
            if done.returncode:
                said.seek(0)
                raise PostgresFailedError(f"{program} failed: {said.read().decode(errors='replace')[-500:]}")


@contextlib.contextmanager
def own_server(**settings: str) -> Iterator[PostgresServer]:
    """Give a server of one's own, running, in a folder that is taken away."""
    # Not pytest's folder: that is root's alone, and the server isn't root.
    root = Path(tempfile.mkdtemp(prefix="moderation-postgres-"))
    try:
        server = PostgresServer(root, **{**QUICK, **settings})
        server.start()
        try:
            yield server
        finally:
            with contextlib.suppress(PostgresFailedError):  # a test may have stopped it
                server.stop("immediate")
    finally:
        shutil.rmtree(root, ignore_errors=True)


@contextlib.contextmanager
def some_server() -> Iterator[str]:
    """Give the address of a server: the one that was named, else one of our own."""
    named = os.environ.get(TEST_VARIABLE)
    if named:
        yield named
        return
    with own_server() as server:
        yield server.url


def new_database(server_url: str) -> str:
    """Make a database, and return its address."""
    import psycopg

    name = f"test_{uuid.uuid4().hex}"
    with psycopg.connect(server_url, autocommit=True) as connection:
        connection.execute(f"create database {name}")
    return f"{server_url.partition('?')[0].rpartition('/')[0]}/{name}"
