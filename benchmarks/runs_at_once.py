"""How much sooner several configs are through where their runs are made at once, and that their tables are the same.

    python -m benchmarks.runs_at_once [--comments 60000] [--jobs 4]

The synthetic chat under configs of one kind is moderated with `--jobs 1` and with `--jobs N`, each in a data folder of
its own that has read the chat already, by turns. Prints the time and the CPU of both and their ratios, and exits with 1
where a table differs. On fewer cores than jobs, or beside other work, the ratio says that and not more.
"""

from __future__ import annotations

import argparse
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from benchmarks.tables_compared import compared

PROGRAM = (sys.executable, "-m", "moderation_pipeline.cli")
CONFIG = "extends: hybrid\nloop: {{batch_size: {batch_size}}}\n"


def main() -> None:
    """Print both sides, and whether their tables are the same."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--comments", type=int, default=60_000)
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 2)
    parser.add_argument("--configs", type=int, default=4)
    asked = parser.parse_args()
    names = [f"config_{number}" for number in range(asked.configs)]
    with tempfile.TemporaryDirectory() as folder:
        sides = {jobs: Path(folder) / f"jobs_{jobs}" for jobs in (1, asked.jobs)}
        for data in sides.values():
            prepare(data, names, asked.comments)
        timed = {jobs: run(data, names, jobs) for jobs, data in sides.items()}
        differing = [table for table in compared(sides[1], sides[asked.jobs]) if table.differences]
    print(f"{asked.configs} configs, {asked.comments:,} comments, {os.cpu_count()} cores\n")
    print(f"{'':<10}{'time':>10}{'CPU':>10}")
    for jobs, (wall_s, cpu_s) in timed.items():
        print(f"--jobs {jobs:<3}{wall_s:>8.1f} s{cpu_s:>8.1f} s")
    (wall_1, cpu_1), (wall_n, cpu_n) = timed.values()
    print(f"{'ratio':<10}{wall_n / wall_1:>10.2f}{cpu_n / cpu_1:>10.2f}")
    print(
        "Tables: the same." if not differing else f"DIFFERENT: {', '.join(each.table for each in differing)}"
    )
    sys.exit(bool(differing))


def prepare(data: Path, names: list[str], comments: int) -> None:
    """Make a data folder that has the configs, and has read the chat."""
    (data / "configs").mkdir(parents=True)
    for number, name in enumerate(names):
        (data / "configs" / f"{name}.yaml").write_text(CONFIG.format(batch_size=16 + 16 * number), "utf-8")
    call(data, "synthesize", "--comments", str(comments))


def run(data: Path, names: list[str], jobs: int) -> tuple[float, float]:
    """Moderate the chat, and return how long that took, in seconds of time and of CPU."""
    before, began = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    call(data, "run", *(part for name in names for part in ("-c", name)), "--jobs", str(jobs))
    after, wall_s = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter() - began
    return wall_s, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def call(data: Path, *arguments: str) -> None:
    """Call the program over a data folder."""
    environment = os.environ | {"MODERATION_DATA": str(data), "DAGSTER_HOME": ""}
    subprocess.run([*PROGRAM, *arguments], env=environment, check=True, capture_output=True)


if __name__ == "__main__":
    main()
