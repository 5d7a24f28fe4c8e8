"""How fast the loop is, and how much memory it takes: the config hybrid, from comments table to run tables.

    python -m benchmarks.throughput [--sizes 10000 100000 1000000] [--config learned]

On synthetic chat, one core, keyless, with a TF-IDF memory that is full (5,000) from the first comment on and
stays so. Each size runs in a process of its own; start-up and reading are not counted, writing the Parquet
files of the four tables is. Prints comments per second, time per comment beside that of the smallest size, and
peak memory of the whole process.
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

MEMORIES = 5_000


def measure(size: int, config: str) -> None:
    """Print seconds of CPU, share of distinct texts and peak memory of one run, for the parent to read."""
    import polars as pl

    from moderation_pipeline.agents.build_agents import build_agents
    from moderation_pipeline.comments.ingest import ingest
    from moderation_pipeline.config.config_library import ConfigLibrary
    from moderation_pipeline.config.sanctions import load_sanctions
    from moderation_pipeline.embedders.tfidf import TfidfEmbedder
    from moderation_pipeline.memory.store import Learnt, MemoryStore
    from moderation_pipeline.moderation.ladder import Ladder
    from moderation_pipeline.moderation.loop import moderate
    from moderation_pipeline.plan import Action, Category, Plan
    from moderation_pipeline.synthetic.synthetic_chat import SyntheticSettings, write_synthetic
    from moderation_pipeline.warehouse.folder import DataFolder

    with tempfile.TemporaryDirectory() as place:
        folder = DataFolder(Path(place))
        path = Path(place) / "chat.jsonl"
        write_synthetic(path, SyntheticSettings(comments=size))
        comments = ingest(path, "synthetic").comments
        path.unlink()
        named, memory = ConfigLibrary(folder).load(config), None
        if (spec := named.config.memory) is not None:
            spec = spec.model_copy(update={"capacity": MEMORIES, "user_share": 1.0})
            memory = MemoryStore(spec, TfidfEmbedder(), chat="other", config=config)
            states = comments["normalised"].unique(maintain_order=True).head(2 * MEMORIES).to_list()
            plans = [Plan(Action.DELETE, Category.SPAM, 0.9), Plan(Action.ALLOW, Category.NONE, 0.9)]
            lessons = [Learnt(s, plans[i % 2], "c", f"u{i}", f"m{i}", i) for i, s in enumerate(states)]
            for start in range(0, len(lessons), 64):
                memory.learn(lessons[start : start + 64])
        agents = build_agents(named.config, comments)
        began = time.process_time()
        tables = moderate(
            comments,
            named,
            agents=agents,
            memory=memory,
            ladder=Ladder(load_sanctions("default", folder)),
        )
        for name in ("student_decisions", "expert_audits", "memory_snapshot", "action_log"):
            frame: pl.DataFrame = getattr(tables, name)
            frame.write_parquet(Path(place) / f"{name}.parquet")
        seconds = time.process_time() - began
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        kept = 0 if memory is None else len(memory)
        print(seconds, comments["text"].n_unique() / size, peak, kept, tables.expert_audits.height)


def main() -> None:
    """Run every size in a process of its own, and print the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--sizes", nargs="+", type=int, default=[10_000, 100_000, 1_000_000])
    parser.add_argument("--config", default="hybrid")
    parser.add_argument("--one", type=int, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.one:
        measure(given.one, given.config)
        return
    one_core = {"POLARS_MAX_THREADS": "1", "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
    print("  comments  distinct  per second  µs each  of first     peak  memories")
    first: float | None = None
    for size in given.sizes:
        command = [
            sys.executable,
            "-m",
            "benchmarks.throughput",
            "--config",
            given.config,
            "--one",
            str(size),
        ]
        output = subprocess.run(
            command, env={**os.environ, **one_core}, check=True, capture_output=True, text=True
        ).stdout
        seconds, distinct, peak, memories, _ = (float(part) for part in output.split())
        each = seconds / size
        first = first or each
        print(
            f"{size:>10,} {distinct:>9.0%} {size / seconds:>11,.0f} {1e6 * each:>8.0f} {each / first:>9.2f} "
            f"{peak / 2**20:>6.2f} GB {memories:>8,.0f}",
            flush=True,
        )


if __name__ == "__main__":
    main()
