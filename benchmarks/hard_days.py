"""What breaks on a hard day: killed runs, many at once, mutated logs, attacks on the judge. Minutes, not hours.

    python -m benchmarks.hard_days [--kills 6] [--at-once 8] [--mutations 100] [--seed 7]

Kills: a run of a generated chat is killed (SIGKILL) at random moments, begun again each time and at last left alone;
its tables are compared with those of a run that nobody disturbed. At once: first runs in a new data folder, two of them
of the same chat. Mutations: `fuzz_readers.py`'s, fewer of them. Attacks: the attack suite on keyless configs.
Prints one table, and exits with 1 where more broke than may.
"""

from __future__ import annotations

import argparse
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

from benchmarks.fuzz_readers import fuzzed
from benchmarks.tables_compared import compared
from moderation_pipeline.attacks.resistance import MOST_SUCCESS
from moderation_pipeline.config.config_library import ConfigLibrary
from moderation_pipeline.terminal.attack_round import attacked
from moderation_pipeline.warehouse.folder import DATA_VARIABLE, DataFolder
from moderation_pipeline_tests.comments.samples import SAMPLES

COMMENTS = 400
CONFIGS = ("hybrid", "student_only")
ATTACKED = ("hybrid", "student_only")
LINES = '{"text": "hello there", "user_id": "u1"}\n{"text": "you idiot", "user_id": "u2"}\n'


class Row(NamedTuple):
    """Something that was done, how often, how often something broke by it, and how often it may."""

    what: str
    times: int
    broke: int
    bound: int


def begun(folder: Path, *arguments: str) -> subprocess.Popen[bytes]:
    """Start `moderation` over a data folder of its own, in silence."""
    environment = {k: v for k, v in os.environ.items() if k != "DAGSTER_HOME"} | {DATA_VARIABLE: str(folder)}
    program = [sys.executable, "-m", "moderation_pipeline.cli", *arguments]
    nothing = subprocess.DEVNULL
    return subprocess.Popen(program, env=environment, stdout=nothing, stderr=nothing, cwd=folder.parent)


def exit_code(folder: Path, *arguments: str) -> int:
    """Run `moderation` to its end."""
    return begun(folder, *arguments).wait()


def kills(folder: Path, times: int, seed: int) -> Iterator[Row]:
    """Kill a run at random moments, and compare what is left of it in the end with an undisturbed one."""
    alone, disturbed = folder / "alone", folder / "disturbed"
    run = ["run", *(part for config in CONFIGS for part in ("-c", config))]
    for data in (alone, disturbed):
        exit_code(data, "synthesize", "--comments", str(COMMENTS))
    started = time.perf_counter()
    failed = exit_code(alone, *run) != 0
    takes_s = time.perf_counter() - started
    dice, killed = random.Random(seed), 0
    for _ in range(times):
        process = begun(disturbed, *run)
        try:
            process.wait(dice.uniform(0, takes_s))
        except subprocess.TimeoutExpired:
            process.send_signal(signal.SIGKILL)
            killed += process.wait() == -signal.SIGKILL
    failed = exit_code(disturbed, *run) != 0 or failed
    tables = compared(alone, disturbed)
    yield Row("runs killed, their tables compared", killed, sum(bool(each.unexpected) for each in tables), 0)
    yield Row("runs afterwards", 1, int(failed), 0)


def at_once(folder: Path, times: int) -> Iterator[Row]:
    """Start first runs in a new data folder at once, the last two of the same chat, and one more afterwards."""
    data = folder / "at_once"
    (data / "chats").mkdir(parents=True)
    chats = [f"chat{number}" for number in (*range(times - 1), times - 2)]
    for chat in chats:
        (data / "chats" / f"{chat}.jsonl").write_text(LINES, "utf-8")
    processes = [begun(data, "run", chat, "-c", "student_only") for chat in chats]
    failed = sum(process.wait() != 0 for process in processes)
    failed += exit_code(data, "run", chats[0], "-c", "student_only") != 0
    yield Row("first runs at once, and one more", times + 1, failed, 0)


def mutated(mutations: int, seed: int) -> Iterator[Row]:
    """Read mutated logs of every format."""
    files = wrong = 0
    for name, sample in SAMPLES.items():
        counts, _ = fuzzed(name, sample, mutations, seed)
        files, wrong = files + counts["files"], wrong + counts["wrong"]
    yield Row("mutated logs, each read twice", files, wrong, 0)


def attacks(folder: Path) -> Iterator[Row]:
    """Attack keyless configs with the suite."""
    data = DataFolder(folder / "attacked")
    for name in ATTACKED:
        results = attacked(data, ConfigLibrary(data).load(name)).results
        made, succeeded = int(results["caught_without"].sum()), int(results["succeeded"].sum())
        yield Row(f"attacks on {name}", made, succeeded, int(made * MOST_SUCCESS))


def main() -> int:
    """Print a row as soon as it is known; return 1 where more broke than may."""
    raw = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=raw)
    parser.add_argument("--kills", type=int, default=6)
    parser.add_argument("--at-once", type=int, default=8)
    parser.add_argument("--mutations", type=int, default=100, help="of each format's sample")
    parser.add_argument("--seed", type=int, default=7)
    given = parser.parse_args()
    broken = 0
    print(f"{'what':<40}{'times':>8}{'broke':>8}{'may':>6}")
    with tempfile.TemporaryDirectory(prefix="hard-days-") as temporary:
        folder = Path(temporary)
        parts: list[Callable[[], Iterator[Row]]] = [
            lambda: kills(folder, given.kills, given.seed),
            lambda: at_once(folder, given.at_once),
            lambda: mutated(given.mutations, given.seed),
            lambda: attacks(folder),
        ]
        for row in (row for part in parts for row in part()):
            broken += row.broke > row.bound
            print(f"{row.what:<40}{row.times:>8,}{row.broke:>8}{row.bound:>6}", flush=True)
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main())
