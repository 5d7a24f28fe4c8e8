"""A real `dagster dev` for tests: started on a free port in a process group of its own, spoken to in GraphQL."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, TypeVar
from urllib.error import URLError
from urllib.request import Request, urlopen

import moderation_pipeline
from moderation_pipeline.defs.home.instance import prepare_home
from moderation_pipeline.warehouse.folder import DATA_VARIABLE, DataFolder

ROOT = Path(moderation_pipeline.__file__).parent.parent
LOCATION = "moderation_pipeline"
Seen = TypeVar("Seen")

LAUNCH_RUN = """
mutation ($params: ExecutionParams!) {
  launchRun(executionParams: $params) { __typename ... on LaunchRunSuccess { run { runId } } }
}
"""
LAUNCH_BACKFILL = """
mutation ($params: LaunchBackfillParams!) {
  launchPartitionBackfill(backfillParams: $params) {
    __typename ... on LaunchBackfillSuccess { backfillId }
  }
}
"""
RUNS = """
query ($filter: RunsFilter) {
  runsOrError(filter: $filter) { ... on Runs { results { runId jobName status tags { key value } } } }
}
"""
RUNS_OF_JOB = """
query ($job: PipelineSelector!) {
  pipelineOrError(params: $job) {
    ... on Pipeline { runs(limit: 100) { runId repositoryOrigin { repositoryLocationName } } }
  }
}
"""
BACKFILL = """
query ($id: String!) { partitionBackfillOrError(backfillId: $id) { ... on PartitionBackfill { status } } }
"""
ASSETS = "{ assetNodes { assetKey { path } } }"


class DagsterDev:
    """A running `dagster dev`; `log` is what it printed."""

    def __init__(self, process: subprocess.Popen[bytes], port: int, log: Path) -> None:
        self.url = f"http://127.0.0.1:{port}"
        self._process = process
        self._log = log

    def ask(self, query: str, **variables: object) -> dict[str, Any]:
        """Return the data of a GraphQL answer."""
        body = json.dumps({"query": query, "variables": variables}).encode()
        request = Request(f"{self.url}/graphql", body, {"Content-Type": "application/json"})
        with urlopen(request) as reply:
            answer = json.load(reply)
        assert "errors" not in answer, answer["errors"]
        data: dict[str, Any] = answer["data"]
        return data

    def wait_for(self, what: str, look: Callable[[], Seen | None]) -> Seen:
        """Look once a second until there is something to see; fail only if Dagster itself has ended."""
        while self._process.poll() is None:
            found = look()
            if found is not None:
                return found
            time.sleep(1)
        raise AssertionError(f"dagster dev ended while a test waited for {what}:\n{self.log}")

    def is_up(self) -> bool:
        """Whether the web server answers and the definitions are loaded."""
        try:
            return bool(self.ask(ASSETS)["assetNodes"])
        except (URLError, ConnectionError):
            return False

    @property
    def log(self) -> str:
        """The end of what Dagster printed."""
        return self._log.read_text("utf-8")[-5_000:]

    def runs(self, **wanted: object) -> list[Mapping[str, Any]]:
        """Return the runs that a filter lets through, the latest first."""
        results: list[Mapping[str, Any]] = self.ask(RUNS, filter=wanted)["runsOrError"]["results"]
        return results

    def runs_of_job(self, job: str) -> list[tuple[str, str]]:
        """Return the code location and the id of each run that a job's page lists."""
        selector = {
            "repositoryLocationName": LOCATION,
            "repositoryName": "__repository__",
            "pipelineName": job,
        }
        found = self.ask(RUNS_OF_JOB, job=selector)["pipelineOrError"]["runs"]
        return [(run["repositoryOrigin"]["repositoryLocationName"], run["runId"]) for run in found]

    def run_that_ended(self, **wanted: object) -> Mapping[str, Any]:
        """Wait until a run that the filter lets through has ended, and return it."""

        def look() -> Mapping[str, Any] | None:
            ended = ("SUCCESS", "FAILURE", "CANCELED")
            return next((run for run in self.runs(**wanted) if run["status"] in ended), None)

        return self.wait_for(f"a run of {wanted}", look)

    def launch_run(self, job: str, tags: Mapping[str, str]) -> str:
        """Launch a run of a job on the partition that the tags name."""
        selector = {
            "repositoryLocationName": LOCATION,
            "repositoryName": "__repository__",
            "jobName": job,
        }
        metadata = {"tags": [{"key": key, "value": value} for key, value in tags.items()]}
        params = {"selector": selector, "mode": "default", "executionMetadata": metadata}
        run_id: str = self.ask(LAUNCH_RUN, params=params)["launchRun"]["run"]["runId"]
        return run_id

    def back_fill(self, wanted: Mapping[str, Sequence[str]]) -> str:
        """Launch a backfill of assets, each with its partitions; wait until it is through, and return how it ended."""
        by_asset = [
            {
                "assetKey": {"path": [asset]},
                "partitions": {"ranges": [{"start": key, "end": key} for key in keys]},
            }
            for asset, keys in wanted.items()
        ]
        answer = self.ask(LAUNCH_BACKFILL, params={"partitionsByAssets": by_asset})["launchPartitionBackfill"]
        backfill_id = answer["backfillId"]

        def look() -> str | None:
            status: str = self.ask(BACKFILL, id=backfill_id)["partitionBackfillOrError"]["status"]
            return None if status in ("REQUESTED", "CANCELING", "FAILING") else status

        return self.wait_for("a backfill", look)


@contextmanager
def dagster_dev(folder: DataFolder, *arguments: str) -> Iterator[DagsterDev]:
    """Start `dagster dev` over a data folder, wait until it answers, and end all of it afterwards."""
    port = free_port()
    environment = {
        **os.environ,
        DATA_VARIABLE: str(folder.root),
        "DAGSTER_HOME": str(prepare_home(folder)),
    }
    command = [sys.executable, "-m", "dagster", "dev", *arguments, "--host", "127.0.0.1", "--port", str(port)]
    log = folder.root / "dagster_dev.log"
    with log.open("wb") as output:
        # A session of its own: it starts five processes more, and ignores SIGINT in the background.
        process = subprocess.Popen(
            command, cwd=ROOT, env=environment, stdout=output, stderr=output, start_new_session=True
        )
    try:
        dev = DagsterDev(process, port, log)
        dev.wait_for("it to come up", lambda: dev.is_up() or None)
        yield dev
    finally:
        end_group(process)


GRACE_S = 10
"""Seconds that a process and those it started are given to end by themselves."""


def end_group(process: subprocess.Popen[bytes]) -> None:
    """End a process and all that it started."""
    with suppress(ProcessLookupError, subprocess.TimeoutExpired):
        os.killpg(process.pid, signal.SIGTERM)
        # It passes the end on as SIGINT, which is ignored where the tests run in the background: don't wait for ever.
        process.wait(timeout=GRACE_S)
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def free_port() -> int:
    """Return a port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
