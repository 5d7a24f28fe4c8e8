"""The keyless configs as judges of a table: its rows moderated as a chat, without a key, a model or a data folder.

Where rows have no time they are no stream: then a row's context are its user's rows before it, and nothing else. How
rare violations are is not said, for the labels alone could say it (law 8): rules go by the text alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import polars as pl

from moderation_pipeline.agents.build_agents import build_agents
from moderation_pipeline.comments.ingest import finished
from moderation_pipeline.comments.record import CHUNK_SCHEMA
from moderation_pipeline.config.config_library import READY_MADE, ConfigLibrary
from moderation_pipeline.config.run_config import NamedConfig
from moderation_pipeline.config.sanctions import load_sanctions
from moderation_pipeline.contest.asked import KEYLESS
from moderation_pipeline.embedders.tfidf import TfidfEmbedder
from moderation_pipeline.evaluation.judged import NO_VIOLATION
from moderation_pipeline.evaluation.scored.judged_rows import Judge
from moderation_pipeline.memory.store import MemoryStore
from moderation_pipeline.moderation.ladder import Ladder
from moderation_pipeline.moderation.loop import moderate
from moderation_pipeline.moderation.run_tables import RunTables
from moderation_pipeline.warehouse.folder import DataFolder
from moderation_pipeline.warehouse.tables import LABELS

READY_MADE_ALONE = DataFolder(Path(str(READY_MADE)) / "nobody's own")
"""A data folder that isn't there: an owner's config could need a key, or be another under a ready-made name."""

CHAT = "table"

WHAT = {
    "student_only": "keyless config student_only: fast rules, a word list and patterns",
    "student_memory": "keyless config student_memory: the rules, and what they learn from audits by the careful rules",
    "hybrid": "keyless config hybrid: the rules, and the careful rules where those audit them",
    "expert_only": "keyless config expert_only: careful rules, which look at who is meant, quotes and obfuscation",
}
"""What a judge is, in a line."""


class Judgement(NamedTuple):
    """A judge, and its columns: one row per row that was given, in their order."""

    judge: Judge
    columns: pl.DataFrame


def keyless_judgements(rows: pl.DataFrame, names: Sequence[str]) -> list[Judgement]:
    """Return what the keyless configs say of rows (`row`, `text`, `user`, `time`)."""
    library = ConfigLibrary(READY_MADE_ALONE)
    comments = _as_comments(rows)
    return [_judged(rows, comments, library.load(name)) for name in names]


def _as_comments(rows: pl.DataFrame) -> pl.DataFrame:
    """Return the rows as a chat: in the order of their times, or each user's (each row's) in a channel of its own."""
    own_channel = pl.coalesce("user", pl.format("row {}", "row"))
    ours = rows.sort("time", nulls_last=True, maintain_order=True).select(
        comment_id=pl.col("row").cast(pl.String),
        channel=pl.when(pl.col("time").is_null()).then(own_channel).otherwise(pl.lit(CHAT)),
        user_id="user",
        user_name="user",
        sent_at="time",
        text="text",
    )
    schema = {**CHUNK_SCHEMA, **LABELS}
    absent = [pl.lit(None, dtype).alias(name) for name, dtype in schema.items() if name not in ours.columns]
    flags = [name for name, dtype in CHUNK_SCHEMA.items() if dtype == pl.Boolean]
    return finished(ours.with_columns(absent).with_columns(pl.col(flags).fill_null(value=False)), CHAT)


def _judged(rows: pl.DataFrame, comments: pl.DataFrame, named: NamedConfig) -> Judgement:
    config = named.config.model_copy(update={"expected_violations_per_1000": None})
    asked = named.model_copy(update={"config": config})
    memory = None
    if config.memory is not None:
        memory = MemoryStore(config.memory, TfidfEmbedder(), chat=CHAT, config=named.name)
    tables = moderate(
        comments,
        asked,
        agents=build_agents(config, comments),
        memory=memory,
        ladder=Ladder(load_sanctions(config.sanctions, READY_MADE_ALONE)),
    )
    judge = Judge(KEYLESS[named.name], "config", usd_per_1000=0.0, what=WHAT[named.name])
    verdicts = rows.select(comment_id=pl.col("row").cast(pl.String)).join(
        _verdicts(tables, audits_act=config.audits_act), on="comment_id", how="left", maintain_order="left"
    )
    is_violation, confidence = pl.col("category") != NO_VIOLATION, pl.col("confidence")
    return Judgement(
        judge,
        verdicts.select(
            is_violation.alias(judge.flag),
            pl.when(is_violation).then(confidence).otherwise(1 - confidence).alias(judge.score),
        ),
    )


def _verdicts(tables: RunTables, *, audits_act: bool) -> pl.DataFrame:
    """Return the plan that stood for each comment: its category, and how sure it was."""
    said = ("comment_id", "category", "confidence")
    plans = tables.student_decisions.select(said).join(
        tables.expert_audits.select(said), on="comment_id", how="left", suffix="_of_expert"
    )
    own, audit = ("category", "confidence"), ("category_of_expert", "confidence_of_expert")
    order = (audit, own) if audits_act else (own, audit)
    return plans.select(
        "comment_id",
        *(pl.coalesce(first, second).alias(name) for name, first, second in zip(own, *order, strict=True)),
    )
