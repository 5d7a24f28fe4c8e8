"""Whether any bytes make a reader of logs raise, hang or lose a record.

    python -m benchmarks.fuzz_readers [--mutations 2000] [--seed 7]

Of a made-up file of each format as many files are made by changing bytes, cutting, doubling and moving
pieces. Each is ingested twice: as what it is taken for, and as what it was. Printed are how many were read
whole or in part, how many refused in words, how many raised anything else or broke law 2 (which must be
none), and the longest that one took.
"""

from __future__ import annotations

import argparse
import time
import traceback
from collections import Counter

from moderation_pipeline.errors import ModerationError
from moderation_pipeline_tests.comments.lines import is_conserved, read
from moderation_pipeline_tests.comments.samples import SAMPLES, mutations


def main() -> None:
    """Fuzz every format and print a table; exits with 1 where anything went wrong."""
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("--mutations", type=int, default=2_000)
    options.add_argument("--seed", type=int, default=7)
    chosen = options.parse_args()
    print(f"{'format':<24}{'files':>8}{'read':>8}{'refused':>9}{'wrong':>7}{'longest, ms':>13}")
    wrong = 0
    for name, sample in SAMPLES.items():
        counts, longest = fuzzed(name, sample, chosen.mutations, chosen.seed)
        wrong += counts["wrong"]
        row = "".join(
            f"{counts[what]:>{width},}"
            for what, width in (("files", 8), ("read", 8), ("refused", 9), ("wrong", 7))
        )
        print(f"{name:<24}{row}{longest * 1000:>13,.0f}", flush=True)
    raise SystemExit(1 if wrong else 0)


def fuzzed(name: str, sample: bytes, count: int, seed: int) -> tuple[Counter[str], float]:
    """Return how many mutations of a sample were read, refused and wrong, and the longest time one took, seconds."""
    counts: Counter[str] = Counter()
    longest = 0.0
    for raw in mutations(sample, count, seed):
        for format_name in (None, name.partition(",")[0]):
            begun = time.perf_counter()
            counts[_outcome(raw, format_name)] += 1
            longest = max(longest, time.perf_counter() - begun)
        counts["files"] += 1
    return counts, longest


def _outcome(raw: bytes, format_name: str | None) -> str:
    try:
        ingested = read(raw, name="room-2023-11-14.log", format_name=format_name)
    except ModerationError:
        return "refused"
    except Exception:
        traceback.print_exc()
        return "wrong"
    return "read" if is_conserved(ingested) else "wrong"


if __name__ == "__main__":
    main()
