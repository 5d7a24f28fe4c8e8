"""Several machines on this one: a backfill from the UI with a worker killed, and how runs scale with workers.

    python -m benchmarks.fleet_backfill                   # six configs, two chats, a worker killed, tables compared
    python -m benchmarks.fleet_backfill --workers 1 2 4     # ten runs of a model that answers after 200 ms
    python -m benchmarks.fleet_backfill --workers 1 2 4 --runs 4

Real parts: Postgres, an S3 server (moto's), Ray with a head and workers that have folders of their own, Dagster's web
server and daemon, a model behind a local server. Both print; the first exits with 1 where a table differs from that
of one machine, or a reply was asked for more often than calls were in flight when the worker was killed.
"""

from __future__ import annotations

import argparse
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

from benchmarks.tables_compared import compared
from moderation_pipeline.synthetic.synthetic_chat import SyntheticSettings, write_synthetic
from moderation_pipeline.warehouse.folder import (
    DATA_VARIABLE,
    RAY_VARIABLE,
    STORE_VARIABLE,
    WAREHOUSE_VARIABLE,
    DataFolder,
)
from moderation_pipeline_tests.backends.chat_server import Behaviour, ChatServer, running
from moderation_pipeline_tests.defs.dagster_dev import DagsterDev, free_port
from moderation_pipeline_tests.postgres_server import new_database, own_server
from moderation_pipeline_tests.ray_cluster import RayCluster, ray_cluster
from moderation_pipeline_tests.warehouse.objects.s3_server import s3_server

CHATS = ("monday", "tuesday")
CONFIGS = ("student_only", "student_memory", "hybrid", "learned", "expert_only", "remote")
CONCURRENCY = 8
LATENCY_S = 0.2
REMOTE = """\
description: A Student behind a slow server.
extends: student_only
student: {{backend: openai, model: tiny-judge, base_url: "{base_url}", concurrency: {concurrency}}}
loop: {{batch_size: 32}}
"""
MAY_DIFFER = (
    "student_decisions.is_cached",
    "metrics.replies_cached",
    "metric_history.replies_cached",
    "comparison.replies_cached",
)
"""By law 1: what was paid for before the worker was killed."""

BACKFILL = """
mutation ($params: LaunchBackfillParams!) {
  launchPartitionBackfill(backfillParams: $params) {
    __typename ... on LaunchBackfillSuccess { backfillId } ... on PythonError { message }
  }
}
"""
ENGINE = """
query ($id: ID!) { logsForRun(runId: $id) { ... on EventConnection { events {
  __typename ... on MessageEvent { message }
} } } }
"""


def written(root: Path, server: ChatServer, configs: Mapping[str, str], comments: int) -> DataFolder:
    """Write the chats and configs of a machine."""
    folder = DataFolder(root)
    folder.configs.mkdir(parents=True)
    for name, text in configs.items():
        (folder.configs / f"{name}.yaml").write_text(
            text.format(base_url=server.base_url, concurrency=CONCURRENCY)
        )
    for seed, chat in enumerate(CHATS):
        write_synthetic(folder.chats / f"{chat}.jsonl", SyntheticSettings(comments=comments, seed=seed + 1))
    return folder


def moderation(variables: Mapping[str, str], *arguments: str) -> str:
    """Run the program, and return what it printed."""
    command = [sys.executable, "-m", "moderation_pipeline.cli", *arguments]
    done = subprocess.run(
        command, env={**os.environ, **variables}, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    if done.returncode:
        raise SystemExit(f"{' '.join(arguments)} ended with {done.returncode}:\n{done.stdout[-3000:]}")
    return done.stdout


class Fleet:
    """A store, a warehouse and a cluster, and the environment of whoever asks for runs."""

    def __init__(self, root: Path, variables: Mapping[str, str], cluster: RayCluster) -> None:
        self.root, self.cluster = root, cluster
        self.variables = dict(variables)

    def add_workers(self, count: int) -> list[int]:
        """Start workers with folders of their own; return their processes."""
        return [
            self.cluster.add_worker({**self.variables, DATA_VARIABLE: str(self.root / f"worker{number}")})
            for number in range(count)
        ]

    def asks_from(self, folder: DataFolder) -> Mapping[str, str]:
        """Return the environment of a machine that asks for runs."""
        return {**self.variables, DATA_VARIABLE: str(folder.root), RAY_VARIABLE: self.cluster.address}


@contextmanager
def fleet(root: Path) -> Iterator[Fleet]:
    """Give a fleet without workers."""
    with ExitStack() as stack:
        store = new_database(stack.enter_context(own_server(max_connections="200")).url)
        objects = stack.enter_context(s3_server())
        cluster = stack.enter_context(ray_cluster())
        shared = {STORE_VARIABLE: store, WAREHOUSE_VARIABLE: objects.address, **objects.environment}
        yield Fleet(root, shared, cluster)


@contextmanager
def ui(variables: Mapping[str, str], log: Path) -> Iterator[DagsterDev]:
    """Start `moderation ui`, and wait until it answers."""
    port = free_port()
    command = [sys.executable, "-m", "moderation_pipeline.cli", "ui", "--port", str(port)]
    with log.open("wb") as output:
        process = subprocess.Popen(
            command, env={**os.environ, **variables}, stdout=output, stderr=output, start_new_session=True
        )
    try:
        page = DagsterDev(process, port, log)
        page.wait_for("it to come up", lambda: page.is_up() or None)
        yield page
    finally:
        process.terminate()  # it ends the web server and the daemon, which are sessions of their own, in order
        process.wait()


def launch_backfill(page: DagsterDev, partitions: Sequence[str]) -> str:
    """Backfill the job moderate, as the page's own button does."""
    selector = {"repositoryLocationName": "moderation_pipeline", "repositoryName": "__repository__"}
    params = {
        "selector": {"partitionSetName": "moderate_partition_set", "repositorySelector": selector},
        "partitionNames": list(partitions),
    }
    answer = page.ask(BACKFILL, params=params)["launchPartitionBackfill"]
    if "backfillId" not in answer:
        raise SystemExit(f"No backfill: {answer}")
    return str(answer["backfillId"])


def process_of(page: DagsterDev, run_id: str) -> int | None:
    """Return the process that makes a run; null until it has begun."""
    events = page.ask(ENGINE, id=run_id)["logsForRun"]["events"]
    told = [each["message"] for each in events if "Started process for run (pid: " in each.get("message", "")]
    return int(told[0].partition("(pid: ")[2].partition(")")[0]) if told else None


def kill_in_mid_run(page: DagsterDev, cluster: RayCluster, groups: Sequence[int], server: ChatServer) -> str:
    """Kill the worker that makes a run of the slow model, once it has asked some; return that run's id."""

    def under_way() -> tuple[str, int] | None:
        for run in page.runs(statuses=["STARTED"]):
            if server.calls > 40 and any(tag["value"] == "remote" for tag in run["tags"]):
                process = process_of(page, run["runId"])
                return None if process is None else (run["runId"], process)
        return None

    run_id, process = page.wait_for("a run of the slow model", under_way)
    environment = Path(f"/proc/{process}/environ").read_bytes().decode().split("\0")
    number = next(each for each in environment if each.startswith(f"{DATA_VARIABLE}=")).rpartition("worker")[
        2
    ]
    cluster.kill(groups[int(number)])
    os.kill(process, signal.SIGKILL)
    print(f"Killed worker {number} in mid-run, with the process {process} of run {run_id}.", flush=True)
    return run_id


def backfill_with_a_kill(root: Path) -> int:
    """Backfill six configs over two chats, kill a worker, and compare with one machine."""
    with ExitStack() as stack:
        server = stack.enter_context(running(Behaviour(latency_s=LATENCY_S)))
        alone = written(root / "alone", server, {"remote": REMOTE}, 200)
        asks = written(root / "asks", server, {"remote": REMOTE}, 200)
        options = [word for name in CONFIGS for word in ("-c", name)]
        began = time.monotonic()
        moderation({DATA_VARIABLE: str(alone.root)}, "run", *CHATS, *options)
        calls = server.calls
        print(f"One machine: {time.monotonic() - began:.0f} s, {calls} calls.", flush=True)
        server.calls, server.bodies = 0, []
        machines = stack.enter_context(fleet(root))
        groups = machines.add_workers(2)
        variables = machines.asks_from(asks)
        page = stack.enter_context(ui(variables, root / "ui.log"))
        page.wait_for("both chats to be read", lambda: _read(page) or None)
        began = time.monotonic()
        backfill = launch_backfill(page, [f"{chat}|{config}" for chat in CHATS for config in CONFIGS])
        killed = kill_in_mid_run(page, machines.cluster, groups, server)
        page.wait_for("all runs and comparisons", _Through(page, backfill))
        print(f"Two workers, one of them killed: {time.monotonic() - began:.0f} s, {server.calls} calls.")
        for run in page.runs():
            if run["status"] not in ("SUCCESS",):
                print(f"  {run['jobName']} {run['status']} {'(killed)' if run['runId'] == killed else ''}")
        moderation(variables, "sql", "select count(*) from metrics")  # has this machine's mirror follow
        return _differences(alone, asks) + _paid_twice(server, calls)


def _read(page: DagsterDev) -> bool:
    done = page.runs(pipelineName="ingest", statuses=["SUCCESS"])
    failed = page.runs(pipelineName="ingest", statuses=["FAILURE"])
    if failed:
        raise SystemExit(f"A chat could not be read: {failed}\n{page.log}")
    return len(done) >= len(CHATS)


SETTLED_S = 45.0
"""A sensor asks for a chat's comparison within half a minute of its last run."""


class _Through:
    """Whether every run of a backfill was made, each chat was compared, and nothing more came for a while."""

    def __init__(self, page: DagsterDev, backfill: str) -> None:
        self._page, self._backfill = page, backfill
        self._since: float | None = None

    def __call__(self) -> bool | None:
        runs = self._page.runs(tags=[{"key": "dagster/backfill", "value": self._backfill}])
        made = {
            tag["value"]
            for run in runs
            if run["status"] == "SUCCESS"
            for tag in run["tags"]
            if tag["key"] == "dagster/partition"
        }
        under_way = self._page.runs(statuses=["QUEUED", "NOT_STARTED", "STARTING", "STARTED"])
        compares = self._page.runs(pipelineName="compare", statuses=["SUCCESS"])
        is_done = len(made) == len(CHATS) * len(CONFIGS) and not under_way and len(compares) >= len(CHATS)
        if not is_done:
            self._since = None
        elif self._since is None:
            self._since = time.monotonic()
        return True if self._since is not None and time.monotonic() - self._since > SETTLED_S else None


def _differences(alone: DataFolder, fleet_folder: DataFolder) -> int:
    tables = compared(alone.root, fleet_folder.root, MAY_DIFFER)
    for table in tables:
        print(table.line())
        for each in table.unexpected[1:]:
            print(f"    {each.where}")
    return int(any(table.unexpected for table in tables))


def _paid_twice(server: ChatServer, calls: int) -> int:
    asked = Counter(repr(sorted(body.items(), key=str)) for body in server.bodies)
    again = sum(count - 1 for count in asked.values())
    print(
        f"Asked more than once: {again} of {calls} replies; {CONCURRENCY} were in flight when the worker was killed."
    )
    return int(again > 2 * CONCURRENCY)


def scaled(root: Path, counts: Sequence[int], runs: int) -> int:
    """Make runs of slow models with 1, 2, 4 workers, and print how much faster that is."""
    configs = {f"remote{n}": REMOTE.replace("tiny-judge", f"tiny-judge-{n}") for n in range(runs)}
    behaviour = Behaviour(latency_s=LATENCY_S, models=tuple(f"tiny-judge-{n}" for n in range(runs)))
    first = 0.0
    for count in counts:
        with ExitStack() as stack:
            server = stack.enter_context(running(behaviour))
            here = root / f"of{count}"
            asks = written(here / "asks", server, configs, 600)
            machines = stack.enter_context(fleet(here))
            machines.add_workers(count)
            variables = machines.asks_from(asks)
            options = [word for name in configs for word in ("-c", name)]
            moderation(
                variables, "run", CHATS[0], "-c", "student_only"
            )  # reads the chat, and warms the workers
            began = time.monotonic()
            moderation(variables, "run", CHATS[0], *options)
            took = time.monotonic() - began
            first = first or took
            print(
                f"{count} workers: {took:.0f} s for {runs} runs, {first / took:.2f} × as fast, {server.calls} calls",
                flush=True,
            )
    return 0


def main() -> None:
    """Run what was asked for."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--workers", type=int, nargs="*", default=[])
    parser.add_argument("--runs", type=int, default=10)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="fleet-") as root:
        code = (
            scaled(Path(root), arguments.workers, arguments.runs)
            if arguments.workers
            else backfill_with_a_kill(Path(root))
        )
    sys.exit(code)


if __name__ == "__main__":
    main()
