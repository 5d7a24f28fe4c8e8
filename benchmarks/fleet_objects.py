"""How long a view over 1,000 objects takes to its first row: of a shared warehouse, first and again, and of a folder.

    python -m benchmarks.fleet_objects

Needs the extras fleet and fleet-tests and a Postgres server (Debian's is started). The objects are tables of 1,000
runs of 1,000 rows each, in a real S3 server on this machine, a process of its own (moto's), which knows no distance:
add a round trip for every sixteen objects that are fetched. Both sides are asked by the same query in one process.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import polars as pl

from moderation_pipeline.warehouse.files import ensure_schema_files, partition_path, replaced_atomically
from moderation_pipeline.warehouse.folder import STORE_VARIABLE, WAREHOUSE_VARIABLE, DataFolder
from moderation_pipeline.warehouse.objects.parts import PublishedPart
from moderation_pipeline.warehouse.objects.shared_warehouse import SharedWarehouse, shared_warehouse
from moderation_pipeline.warehouse.tables import ACTION_LOG
from moderation_pipeline.warehouse.views import query
from moderation_pipeline_tests.postgres_server import new_database, own_server
from moderation_pipeline_tests.warehouse.objects.s3_server import S3Server

OBJECTS = 1_000
ROWS = 1_000
CONFIG = "hybrid"
FIRST_ROW = "select * from action_log limit 1"
ALL_ROWS = "select count(*), count(distinct user_id) from action_log"
AGAIN = 5

SERVES = """
import sys
from moderation_pipeline_tests.warehouse.objects.s3_server import s3_server
with s3_server() as server:
    print(server.port, server.bucket, flush=True)
    sys.stdin.read()
"""


def main() -> None:
    """Print how long each side takes."""
    with tempfile.TemporaryDirectory() as root, own_server() as postgres, object_server() as environment:
        folder = DataFolder(Path(root) / "alone")
        size = write_runs(folder)
        print(f"{OBJECTS:,} objects of {ROWS:,} rows, {size / 1e6:,.0f} MB, {os.cpu_count()} cores\n")
        print_times("a folder alone", folder)
        os.environ.update(environment | {STORE_VARIABLE: new_database(postgres.url)})
        published_in_s = timed(lambda: published(folder))
        print_times("a shared warehouse, mirrored", DataFolder(Path(root) / "mirror"))
        shared = opened(DataFolder(Path(root) / "mirror"))
        print(f"\n{'publishing all, in one change':<44}{published_in_s:>8.2f} s")
        print(f"{'following, with nothing to fetch':<44}{timed(shared.follow):>8.3f} s")
        one = PublishedPart("run", "chat-0001", CONFIG)
        write_run(folder, one.chat)
        print(
            f"{'publishing one run of them anew':<44}{timed(lambda: opened(folder).publish([one])):>8.3f} s"
        )
        print(f"{'following, with that one to fetch':<44}{timed(shared.follow):>8.3f} s")


def print_times(name: str, folder: DataFolder) -> None:
    """Print how long the first row takes, the first time and again, and all rows."""
    first_s = timed(lambda: query(folder, FIRST_ROW))
    again_s = sorted(timed(lambda: query(folder, FIRST_ROW)) for _ in range(AGAIN))[AGAIN // 2]
    all_s = timed(lambda: query(folder, ALL_ROWS))
    print(f"{name:<32}first row {first_s:>7.2f} s   again {again_s:>6.2f} s   all rows {all_s:>6.2f} s")


def timed(work: Callable[[], object]) -> float:
    """Return how many seconds the work takes."""
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def published(folder: DataFolder) -> None:
    """Publish all that is in the folder, in one change."""
    opened(folder).publish([PublishedPart("run", name(number), CONFIG) for number in range(OBJECTS)])


def opened(folder: DataFolder) -> SharedWarehouse:
    """Return the warehouse that the environment names."""
    shared = shared_warehouse(folder)
    assert shared is not None
    return shared


def write_runs(folder: DataFolder) -> int:
    """Write all runs, and return their bytes."""
    ensure_schema_files(folder)
    return sum(write_run(folder, name(number)).stat().st_size for number in range(OBJECTS))


def write_run(folder: DataFolder, chat: str) -> Path:
    """Write a run's log of actions, and return where it is."""
    position = pl.int_range(ROWS, eager=True).alias("position")
    told = position.to_frame().select(
        "position",
        chat=pl.lit(chat),
        config=pl.lit(CONFIG),
        comment_id=pl.format("{}-{}", pl.lit(chat), "position"),
        user_id=pl.format("user-{}", pl.col("position") * 7 % 211),
        channel=pl.lit("channel"),
        action=pl.when(pl.col("position") % 50 == 0).then(pl.lit("delete")).otherwise(pl.lit("allow")),
    )
    path = partition_path(folder, ACTION_LOG, chat, CONFIG)
    with replaced_atomically(path) as temporary:
        pl.concat([ACTION_LOG.empty(), told], how="diagonal").write_parquet(temporary)
    return path


def name(number: int) -> str:
    """Return a chat's name."""
    return f"chat-{number:04}"


@contextmanager
def object_server() -> Iterator[dict[str, str]]:
    """Give what a machine is told to find an S3 server of its own process."""
    with subprocess.Popen(
        [sys.executable, "-c", SERVES],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        port, bucket = process.stdout.readline().split()
        try:
            yield S3Server.environment_at(int(port)) | {WAREHOUSE_VARIABLE: f"s3://{bucket}/warehouse"}
        finally:
            process.stdin.close()


if __name__ == "__main__":
    main()
