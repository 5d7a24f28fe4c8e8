"""One measurement of `reading.py`, in a process of its own: peak memory can't be taken back."""

from __future__ import annotations

import json
import os
import resource
import sys
import time
from collections.abc import Callable
from pathlib import Path

import polars as pl

from moderation_pipeline.comments.ingest import ingest
from moderation_pipeline.comments.readers.reader import LogReader
from moderation_pipeline.comments.readers.twitch.irc import IrcReader
from moderation_pipeline.comments.source import Source
from moderation_pipeline.text.normalise import normalise


def blocks(log: Path, _: Path) -> pl.DataFrame:
    """Read as `ingest` does, without what comes after."""
    return pl.concat([chunk.comments for chunk in IrcReader().chunks(Source(log, "benchmark"))])


def lines(log: Path, _: Path) -> pl.DataFrame:
    """Read line by line."""
    return pl.concat([chunk.comments for chunk in LogReader.chunks(IrcReader(), Source(log, "benchmark"))])


def whole_ingest(log: Path, _: Path) -> pl.DataFrame:
    """Ingest all the way to the comments table."""
    return ingest(log, "benchmark").comments


def load(_: Path, table: Path) -> pl.DataFrame:
    """Load the table that `ingest` left, and nothing else."""
    return pl.read_parquet(table)


MEASURED: dict[str, Callable[[Path, Path], pl.DataFrame]] = {
    "blocks": blocks,
    "lines": lines,
    "ingest": whole_ingest,
    "load": load,
}


def main() -> None:
    """Measure what the first argument names, and print it as JSON."""
    what, log, table = sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3])
    if os.environ.get("POLARS_MAX_THREADS") == "1":
        os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    # The first texts load lexicon and lookalikes; that is the program's start, not reading.
    normalise(pl.Series(["warm", "w4rm"]))
    before_kb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    cpu, wall = time.process_time(), time.perf_counter()
    comments = MEASURED[what](log, table)
    cpu, wall = time.process_time() - cpu, time.perf_counter() - wall
    peak_kb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before_kb
    if what == "ingest":
        comments.write_parquet(table)
    print(
        json.dumps(
            {
                "cpu_s": cpu,
                "wall_s": wall,
                "peak_mb": peak_kb / 1024,
                "table_mb": comments.estimated_size("mb"),
            }
        )
    )


if __name__ == "__main__":
    main()
