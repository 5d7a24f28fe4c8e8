"""Whole runs of the loop with language models, for tests and benchmarks; also as a process of its own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from moderation_pipeline.agents.build_agents import build_agents
from moderation_pipeline.backends.run_models import Deployment, RunModels
from moderation_pipeline.config.run_config import Config, NamedConfig
from moderation_pipeline.config.sanctions import load_sanctions
from moderation_pipeline.embedders.tfidf import TfidfEmbedder
from moderation_pipeline.memory.store import MemoryStore
from moderation_pipeline.moderation.ladder import Ladder
from moderation_pipeline.moderation.loop import moderate
from moderation_pipeline.moderation.run_tables import RunTables
from moderation_pipeline.slugs import VersionedRun
from moderation_pipeline.warehouse.folder import DataFolder
from moderation_pipeline_tests.moderation.scripted import chat_of

FREE_TO_DIFFER = ("latency_ms", "is_cached", "cost_usd")
"""The three columns that law 1 lets differ."""

A_PRICE = (
    "- {backend: openai, model: '*', input_usd_per_million: 1, output_usd_per_million: 4, source: test}\n"
)


@dataclass(frozen=True, slots=True)
class RunResult:
    """A run's tables, what it said when it began, and how often its learned Students were fitted."""

    tables: RunTables
    notes: tuple[str, ...]
    repeated_calls: int
    refits: tuple[int, ...] = ()


def texts_of(count: int) -> list[str]:
    """Return so many comments, every seventh an insult, some of them repeated word for word."""
    return [f"you idiot {i}" if i % 7 == 0 else f"hello number {i % 50}" for i in range(count)]


def config_with(base_url: str, **parts: object) -> Config:
    """Return a config whose Student and Expert are both behind the URL; `timeout_s` is that of both.

    On a busy machine a call may take a second: only who waits for a server that hangs is to be impatient.
    """
    patience_s = parts.pop("timeout_s", 60.0)
    spec = {"backend": "openai", "model": "tiny-judge", "base_url": base_url, "timeout_s": patience_s}
    known: dict[str, object] = {
        "student": spec,
        "expert": {**spec, "model": "large-judge"},
        "audit": {"policy": "random", "rate": 0.3, "random_floor": 0.01},
        "loop": {"batch_size": 16, "feedback_lag": 1},
        "expected_violations_per_1000": None,
    }
    return Config.model_validate({**known, **parts})


def run(
    folder: Path,
    config: Config,
    texts: Sequence[str],
    *,
    variables: Mapping[str, str] | None = None,
    usd_per_day: float | None = None,
    fresh: bool = False,
    finishes: bool = True,
    name: str = "test",
) -> RunResult:
    """Moderate a chat of these texts, the data folder at `folder`."""
    data = DataFolder(folder)
    if not data.prices.exists():
        folder.mkdir(parents=True, exist_ok=True)
        data.prices.write_text(A_PRICE)
    comments = chat_of(texts)
    deployment = Deployment(data, variables or {}, usd_per_day=usd_per_day, fresh=fresh)
    named = NamedConfig(name=name, path=folder, config=config)
    with RunModels(deployment, str(VersionedRun("chat", name, "v1", named.config_hash))) as models:
        agents = build_agents(config, comments, models)
        memory = None
        if config.memory is not None:
            memory = MemoryStore(config.memory, TfidfEmbedder(), chat="chat", config=name)
        notes = (*agents.notes, *models.notes)
        repeated = models.attempt.repeated_calls
        tables = moderate(
            comments,
            named,
            agents=agents,
            memory=memory,
            ladder=Ladder(load_sanctions("default", data)),
        )
        if finishes:
            models.finish()
    return RunResult(tables, notes, repeated, tuple(student.refits for student in agents.learned))


def same_but_for_timing(table: pl.DataFrame) -> pl.DataFrame:
    """Return the table without the columns that law 1 lets differ."""
    return table.drop(FREE_TO_DIFFER, strict=False)


def run_and_keep(folder: str, base_url: str, count: int) -> None:
    """Run as a process of its own would, and keep the tables beside the data folder's."""
    config = config_with(base_url, loop={"batch_size": 8, "feedback_lag": 1})
    result = run(Path(folder), config, texts_of(count), finishes=False)
    for table in ("student_decisions", "expert_audits", "memory_snapshot", "action_log"):
        getattr(result.tables, table).write_parquet(Path(folder) / f"{table}.parquet")
    (Path(folder) / "repeated_calls").write_text(str(result.repeated_calls))
