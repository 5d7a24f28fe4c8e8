"""How fast raw IRC is read, and what memory it takes beside the table that comes of it.

    python -m benchmarks.reading [--lines 2000000] [--speed-lines 400000]

Speed is measured on one core (the process is bound to it, Polars to one thread), in CPU seconds, of a log
that is made up as `moderation_pipeline_tests.comments.irc_log` says: reading it a block at a time, as
`ingest` does; the same line by line, the obvious way; and the whole of `ingest`, which also labels, counts
repeats and normalises.

Memory is the peak of a process that ingests a log of `--lines`, less what the same process takes before it
begins, beside that of a process that does nothing but load the resulting comments table from Parquet.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

from moderation_pipeline_tests.comments.irc_log import write_irc_log


def main() -> None:
    """Write the logs, measure each thing in a process of its own, and print a table."""
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("--lines", type=int, default=2_000_000)
    options.add_argument("--speed-lines", type=int, default=400_000)
    chosen = options.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        log, table = Path(folder, "speed.log"), Path(folder, "comments.parquet")
        write_irc_log(log, lines=chosen.speed_lines)
        print(f"{chosen.speed_lines:,} lines, {log.stat().st_size / 1e6:,.0f} MB, one core, CPU time")
        for what in ("blocks", "lines", "ingest"):
            seconds = min(_measured(what, log, table, one_core=True)["cpu_s"] for _ in range(3))
            print(f"  {SAID[what]:<42}{chosen.speed_lines / seconds:>10,.0f} lines/s")
        write_irc_log(log, lines=chosen.lines)
        ingested = _measured("ingest", log, table, one_core=False)
        loaded = _measured("load", log, table, one_core=False)
        print(f"{chosen.lines:,} lines, {log.stat().st_size / 1e6:,.0f} MB, memory above an idle process")
        print(f"  {'peak while ingesting':<42}{ingested['peak_mb']:>10,.0f} MB")
        print(f"  {'peak while loading the comments table':<42}{loaded['peak_mb']:>10,.0f} MB")
        print(f"  {'the comments table itself':<42}{ingested['table_mb']:>10,.0f} MB")
        print(f"  {'wall time of ingesting':<42}{ingested['wall_s']:>10,.1f} s")


SAID = {
    "blocks": "reading, a block at a time (ours)",
    "lines": "reading, line by line (obvious)",
    "ingest": "all of ingest",
}


def _measured(what: str, log: Path, table: Path, *, one_core: bool) -> dict[str, float]:
    """Run one measurement in a process of its own and return what it printed."""
    environment = {**os.environ, **({"POLARS_MAX_THREADS": "1"} if one_core else {})}
    command = [sys.executable, "-m", "benchmarks.reading_one", what, str(log), str(table)]
    done = subprocess.run(command, env=environment, check=True, capture_output=True, text=True)
    measured: dict[str, float] = json.loads(done.stdout)
    return measured


if __name__ == "__main__":
    main()
