"""How long the terminal takes: to its first words, to the end of a command, and beyond Dagster's own share.

    python -m benchmarks.startup

Two claims of the README. First: something is on the terminal within a second, and commands that only look
import neither Dagster nor Altair nor scikit-learn. Second: `moderation run` on the default chat (four
regimes, plots, report) takes at most 1.5 times as long as the same graph with empty bodies: the same imports,
the same definitions loaded, the same jobs and partitions run in the same order on an instance of the same
kind, while assets and checks do nothing. Both sides are run by turns, each in a data folder of its own in
which it ran once before.
"""

from __future__ import annotations

import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

ROUNDS = 3
HEAVY = ("dagster", "altair", "sklearn")
COMMANDS = (["--help"], ["chats"], ["configs"], ["sql", "from metrics"], ["run"])
PROGRAM = [sys.executable, "-m", "moderation_pipeline.cli"]
EMPTY_TWIN = [sys.executable, "-m", "benchmarks.startup_empty_twin"]
ROOT = Path(__file__).parent.parent


class Timing(NamedTuple):
    """A command timed: to its first output, to its end, and its processor time; all in seconds."""

    first_words_s: float
    wall_s: float
    cpu_s: float


def main() -> None:
    """Print both claims' measurements."""
    print(f"Median of {ROUNDS}, {os.cpu_count()} cores, Python {sys.version.split()[0]}\n")
    print(f"{'command':<24}{'first words':>12}{'end':>10}   heavy imports")
    with tempfile.TemporaryDirectory() as ours, tempfile.TemporaryDirectory() as empty:
        timed([*PROGRAM, "run"], ours)
        timed(EMPTY_TWIN, empty)
        for command in COMMANDS:
            print_command(command, ours)
        pairs = [(timed([*PROGRAM, "run"], ours), timed(EMPTY_TWIN, empty)) for _ in range(ROUNDS)]
    print_ratio([pair[0] for pair in pairs], [pair[1] for pair in pairs])


def print_command(command: list[str], folder: str) -> None:
    """Print how soon a command speaks and ends, and what it imports."""
    timings = [timed([*PROGRAM, *command], folder) for _ in range(ROUNDS)]
    heavy = "–" if command == ["run"] else ", ".join(heavy_imports(command)) or "none"
    print(
        f"{' '.join(command):<24}{median([t.first_words_s for t in timings]):>10.2f} s"
        f"{median([t.wall_s for t in timings]):>8.2f} s   {heavy}"
    )


def print_ratio(ours: Sequence[Timing], empty: Sequence[Timing]) -> None:
    """Print both sides of the second claim."""
    print(f"\n{'':<32}{'wall':>8}{'CPU':>10}")
    for name, timings in (("moderation run", ours), ("the same graph, empty bodies", empty)):
        wall, cpu = median([t.wall_s for t in timings]), median([t.cpu_s for t in timings])
        print(f"{name:<32}{wall:>6.1f} s{cpu:>8.1f} s")
    wall_ratio = median([t.wall_s for t in ours]) / median([t.wall_s for t in empty])
    cpu_ratio = median([t.cpu_s for t in ours]) / median([t.cpu_s for t in empty])
    print(f"{'ratio':<32}{wall_ratio:>8.2f}{cpu_ratio:>10.2f}   (claimed: at most 1.5)")


def timed(command: list[str], folder: str) -> Timing:
    """Run a command with a data folder."""
    environment = os.environ | {
        "MODERATION_DATA": folder,
        "PYTHONUNBUFFERED": "1",
        "PYTHONPATH": str(ROOT),
    }
    for name in ("DAGSTER_HOME", "PYTHONDONTWRITEBYTECODE"):  # a warm install has its bytecode
        environment.pop(name, None)
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    began = time.perf_counter()
    process = subprocess.Popen(
        command, env=environment, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    )
    assert process.stdout is not None
    first = process.stdout.read(1)
    first_words_s = time.perf_counter() - began
    rest = process.stdout.read()
    code = process.wait()
    wall_s = time.perf_counter() - began
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    if code != 0:
        raise SystemExit(f"{' '.join(command)} ended with {code}:\n{(first + rest).decode()}")
    cpu_s = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return Timing(first_words_s, wall_s, cpu_s)


def heavy_imports(command: list[str]) -> list[str]:
    """Return which of the heavy packages a command imports."""
    program = (
        "import sys; from moderation_pipeline.cli import called_with; called_with(sys.argv[1:])\n"
        f"print(*(name for name in {HEAVY} if name in sys.modules), file=sys.stderr)"
    )
    with tempfile.TemporaryDirectory() as folder:
        ended = subprocess.run(
            [sys.executable, "-c", program, *command],
            env=os.environ | {"MODERATION_DATA": folder},
            capture_output=True,
            text=True,
            check=True,
        )
    return ended.stderr.splitlines()[-1].split()


def median(values: list[float]) -> float:
    """Return the middle value."""
    return sorted(values)[len(values) // 2]


if __name__ == "__main__":
    main()
