"""How fast the keyless agents are: microseconds of one core per comment, step by step.

    POLARS_MAX_THREADS=1 python benchmarks/keyless_speed.py [COMMENTS]

Over a synthetic chat (default 50,000 comments), seeded. Audits are measured on every twentieth comment, as an
audit policy would pick them, from empty caches.
"""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory

import polars as pl

from moderation_pipeline.agents.keyless.careful_rules import CarefulRulesExpert
from moderation_pipeline.agents.keyless.rules import RulesStudent
from moderation_pipeline.cases.situation import Situation, Standing
from moderation_pipeline.comments.ingest import ingest
from moderation_pipeline.moderation.chat_reading import CHUNK
from moderation_pipeline.moderation.stream import Stream
from moderation_pipeline.synthetic.synthetic_chat import SyntheticSettings, write_synthetic
from moderation_pipeline.text.normalise import normalise
from moderation_pipeline.text.signals import signals

AUDITED = 20


def synthetic_chat(comments: int) -> pl.DataFrame:
    """Return the comments table of a synthetic chat."""
    with TemporaryDirectory() as folder:
        path = Path(folder) / "synthetic.jsonl"
        write_synthetic(path, SyntheticSettings(comments=comments))
        return ingest(path, "synthetic").comments


def report(name: str, count: int, work: Callable[[], object]) -> None:
    """Do the work, and print what it took."""
    start = time.process_time()
    work()
    seconds = time.process_time() - start
    print(f"{name:<48} {seconds / count * 1e6:8.1f} us each   {count:>8,} of them")


def main() -> None:
    """Print one line per step."""
    comments = synthetic_chat(int(sys.argv[1]) if len(sys.argv) > 1 else 50_000)
    texts = comments["text"].unique()
    normalise(texts.head(1_000))
    signals(comments.head(1_000))
    report("normalise a distinct text", len(texts), lambda: normalise(texts))
    chunks = [comments.slice(start, CHUNK) for start in range(0, comments.height, CHUNK)]
    report("signals of a comment", comments.height, lambda: [signals(chunk) for chunk in chunks])
    cases = [case for batch in Stream(comments).batches(64) for case in batch]
    nothing = [Situation(Standing(0, None))] * len(cases)
    report("rules decide a comment", len(cases), lambda: asyncio.run(RulesStudent().decide(cases, nothing)))
    picked = cases[::AUDITED]
    asyncio.run(CarefulRulesExpert().audit(cases[:1]))
    report("careful rules audit", len(picked), lambda: asyncio.run(CarefulRulesExpert().audit(picked)))


if __name__ == "__main__":
    main()
