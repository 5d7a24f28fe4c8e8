"""A real Ray cluster on this machine: a head that makes no runs, and workers of one processor each, killed by id."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

PATIENCE_S = 120
"""A head takes ten seconds, and more on a busy machine; one that never answers must not hang the suite."""

TRIES = 3

SMALL = ("--object-store-memory=80000000", "--disable-usage-stats", "--block")


class RayCluster:
    """A head and its workers; each is a group of processes of its own."""

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
        return f"http://127.0.0.1:{self._dashboard}"

    def add_worker(self, variables: Mapping[str, str]) -> int:
        """Start a worker for one run at a time with these in its environment; return its process group.

        Once it is up: two that start at the same moment on one machine stand in each other's way (measured).
        """
        for _ in range(TRIES):
            name = f"worker{len(self._nodes)}"
            (agent,) = _free_ports(1)
            options = ("--num-cpus=1", f"--dashboard-agent-listen-port={agent}")
            group = self._start(name, variables, f"--address=127.0.0.1:{self._port}", *options)
            if self._is_up(name):
                return group
        raise TimeoutError((self.root / f"{name}.log").read_text()[-1000:])

    def _is_up(self, name: str) -> bool:
        """Wait until a node that was just started says that it is up; false where it ends before."""
        while self._nodes[-1].poll() is None:
            if "Ray runtime started" in (self.root / f"{name}.log").read_text():
                return True
            time.sleep(0.2)
        return False

    def kill(self, group: int) -> None:
        """Kill a worker with all that it runs, as a machine that goes down would."""
        os.killpg(group, signal.SIGKILL)

    def close(self) -> None:
        """End every node."""
        for node in reversed(self._nodes):
            for number in (signal.SIGTERM, signal.SIGKILL):
                with contextlib.suppress(ProcessLookupError, subprocess.TimeoutExpired):
                    os.killpg(node.pid, number)
                    node.wait(10)

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
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self._dashboard), 1):
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


def _free_ports(count: int) -> list[int]:
    with contextlib.ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(count)]
        for each in sockets:
            each.bind(("127.0.0.1", 0))
        return [int(each.getsockname()[1]) for each in sockets]
