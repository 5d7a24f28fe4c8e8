"""A real Ray cluster on this machine: a head that makes no runs, and workers of one processor each, killed by id."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

PATIENCE_S = 120
"""A head takes ten seconds, and more on a busy machine; one that never answers must not hang the suite."""

TRIES = 3

ENDS_WITHIN_S = 10

RUNS = b"\0moderation_pipeline.worker\0"
"""In the command line of the process that makes a run."""

HERE = "127.0.0.1"
"""Told to every node: by itself Ray takes the address by which the machine reaches the internet, which may be none."""

SMALL = (
    f"--node-ip-address={HERE}",
    "--object-store-memory=80000000",
    # Any free port: by itself every node hands out one range from its beginning, as if it had the machine alone.
    "--min-worker-port=0",
    "--max-worker-port=0",
    "--disable-usage-stats",
    "--block",
)


class RayCluster:
    """A head and its workers; each is a process with all that it begins."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self._port, self._dashboard, client, agent = _free_ports(4)
        self._nodes: list[subprocess.Popen[bytes]] = []
        self._start(
            "head",
            {},
            "--head",
            f"--port={self._port}",
            f"--dashboard-port={self._dashboard}",
            f"--ray-client-server-port={client}",
            f"--dashboard-agent-listen-port={agent}",
            "--num-cpus=0",
            f"--temp-dir={root}",
        )
        self._wait()

    @property
    def address(self) -> str:
        """Where jobs are handed in: MODERATION_RAY."""
        return f"http://{HERE}:{self._dashboard}"

    def jobs(self) -> list[dict[str, Any]]:
        """Return all that Ray tells of the runs that it was handed."""
        with urllib.request.urlopen(f"{self.address}/api/jobs/", timeout=PATIENCE_S) as answer:
            told: list[dict[str, Any]] = json.load(answer)
        return told

    def add_worker(self, variables: Mapping[str, str]) -> int:
        """Start a worker for one run at a time with these in its environment; return its process.

        Once it is up: two that start at the same moment on one machine stand in each other's way (measured).
        """
        for _ in range(TRIES):
            name = f"worker{len(self._nodes)}"
            (agent,) = _free_ports(1)
            options = ("--num-cpus=1", f"--dashboard-agent-listen-port={agent}")
            node = self._start(name, variables, f"--address={HERE}:{self._port}", *options)
            if self._is_up(name):
                return node
        raise TimeoutError((self.root / f"{name}.log").read_text()[-1000:])

    def _is_up(self, name: str) -> bool:
        """Wait until a node that was just started says that it is up; false where it ends before."""
        while self._nodes[-1].poll() is None:
            if "Ray runtime started" in (self.root / f"{name}.log").read_text():
                return True
            time.sleep(0.2)
        return False

    def kill(self, node: int) -> None:
        """Kill a worker with all that it runs, as a machine that goes down would."""
        begun = _begun_by(node)
        os.kill(node, signal.SIGKILL)
        for each in begun:
            each.kill()

    def is_busy(self, node: int) -> bool:
        """Whether a worker makes a run."""
        return any(RUNS in each.command() for each in _begun_by(node))

    def close(self) -> None:
        """End every node, and what it leaves: one that is ended while it starts or stops forgets its jobs."""
        for node in reversed(self._nodes):
            begun = _begun_by(node.pid)
            node.terminate()
            with contextlib.suppress(subprocess.TimeoutExpired):
                node.wait(ENDS_WITHIN_S)
            node.kill()
            node.wait()
            for each in begun:
                each.kill()

    def _start(self, name: str, variables: Mapping[str, str], *arguments: str) -> int:
        scripts = Path(sys.executable).parent
        environment = {**os.environ, **variables, "PATH": f"{scripts}:{os.environ['PATH']}"}
        command = [sys.executable, "-m", "ray.scripts.scripts", "start", *SMALL, *arguments]
        with (self.root / f"{name}.log").open("wb") as log:
            self._nodes.append(
                subprocess.Popen(command, stdout=log, stderr=log, env=environment, start_new_session=True)
            )
        return self._nodes[-1].pid

    def _wait(self) -> None:
        began = time.monotonic()
        while time.monotonic() - began < PATIENCE_S:
            with contextlib.suppress(OSError), socket.create_connection((HERE, self._dashboard), 1):
                return
            time.sleep(0.2)
        raise TimeoutError((self.root / "head.log").read_text()[-1000:])


@contextlib.contextmanager
def ray_cluster() -> Iterator[RayCluster]:
    """Give a cluster without workers, in a folder that is taken away."""
    # Not pytest's folder: the paths of Ray's sockets would be too long in it.
    root = Path(tempfile.mkdtemp(prefix="ray-"))
    cluster = None
    try:
        cluster = RayCluster(root)
        yield cluster
    finally:
        if cluster is not None:
            cluster.close()
        shutil.rmtree(root, ignore_errors=True)


class _Process(NamedTuple):
    """A process, and when it began: its number may soon be another's."""

    number: int
    began: str

    def command(self) -> bytes:
        """Return its command line; empty where it has ended."""
        with contextlib.suppress(OSError):
            return Path(f"/proc/{self.number}/cmdline").read_bytes()
        return b""

    def kill(self) -> None:
        """Kill it where it still runs."""
        with contextlib.suppress(OSError):
            if _told(self.number)[BEGAN] == self.began:
                os.kill(self.number, signal.SIGKILL)


PARENT, BEGAN = 1, 19
"""Of what Linux tells of a process after its name."""


def _told(number: int | str) -> list[str]:
    return Path(f"/proc/{number}/stat").read_text(errors="replace").rpartition(")")[2].split()


def _begun_by(process: int) -> list[_Process]:
    """Return all that a process has begun, directly or not: jobs are sessions of their own, and in no group of it."""
    children: dict[int, list[_Process]] = {}
    for path in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):  # ended meanwhile
            told = _told(path.name)
            children.setdefault(int(told[PARENT]), []).append(_Process(int(path.name), told[BEGAN]))
    found = list(children.get(process, ()))
    for each in found:
        found.extend(children.get(each.number, ()))
    return found


def _free_ports(count: int) -> list[int]:
    with contextlib.ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(count)]
        for each in sockets:
            each.bind((HERE, 0))
        return [int(each.getsockname()[1]) for each in sockets]
