"""Chats and runs for the tests of evaluation: written out or, where a test needs many, drawn."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import polars as pl

from moderation_pipeline.config.config_library import ConfigLibrary
from moderation_pipeline.config.run_config import NamedConfig
from moderation_pipeline.evaluation.judged import Run
from moderation_pipeline.evaluation.run_metrics import measured_run
from moderation_pipeline.warehouse.folder import DataFolder
from moderation_pipeline.warehouse.tables import (
    ACTION_LOG,
    COMMENTS,
    EXPERT_AUDITS,
    MEMORY_SNAPSHOT,
    METRICS,
    STUDENT_DECISIONS,
    USER_STATE,
    Table,
)

Value = str | float | int | bool | datetime | None
Row = Mapping[str, Value]

START = datetime(2026, 3, 1, 18, tzinfo=UTC)
REPLY: Row = {
    "backend": "rules",
    "prompt_tokens": 0,
    "completion_tokens": 0,
    "cost_usd": 0.0,
    "list_cost_usd": 0.0,
    "latency_ms": 1.0,
    "is_cached": False,
}


def config(name: str) -> NamedConfig:
    """A ready-made config."""
    return ConfigLibrary(DataFolder(Path("/nonexistent"))).load(name)


def rows(table: Table, given: Sequence[Row]) -> pl.DataFrame:
    """Rows of a table; what is not given is null."""
    return pl.DataFrame([{**dict.fromkeys(table.schema), **row} for row in given], schema=table.schema)


def comments(given: Sequence[Row]) -> pl.DataFrame:
    """Comments c0, c1, … of chat `demo`, one user each unless said otherwise."""
    return rows(
        COMMENTS,
        [
            {
                "chat": "demo",
                "comment_id": f"c{i}",
                "position": i,
                "channel": "arena",
                "user_id": f"u{i}",
                "user_name": f"User{i}",
                "sent_at": START + timedelta(seconds=i),
                "text": f"line {i}",
                "normalised": f"line {i}",
                **row,
            }
            for i, row in enumerate(given)
        ],
    )


def run(
    name: str,
    chat: pl.DataFrame,
    *,
    student: Sequence[str | None] | None = None,
    audits: Mapping[int, str | None] | None = None,
    probability: float | Sequence[float] = 1.0,
    carried_out: Sequence[str] | None = None,
    under_sanction: Sequence[bool] | None = None,
    student_reply: Row = REPLY,
    expert_reply: Row = REPLY,
    memories: Sequence[Row] = (),
) -> Run:
    """A run over `chat` whose plans are written `action category` ("ban hate", "allow none") or null.

    `audits` maps the index of a comment to the Expert's plan. What is done follows from the plans unless
    `carried_out` says otherwise.
    """
    named = config(name)
    chances = [probability] * chat.height if isinstance(probability, float) else list(probability)
    audits = audits or {}
    plans = student or [None] * chat.height
    reply = student_reply if student else {"cost_usd": 0.0, "list_cost_usd": 0.0}
    about = [
        {
            "chat": "demo",
            "config": name,
            "comment_id": comment,
            "position": position,
            "audit_probability": chance,
        }
        for comment, position, chance in zip(chat["comment_id"], chat["position"], chances, strict=True)
    ]
    final = [
        (audits.get(i) or plan) if named.config.audits_act else (plan or audits.get(i))
        for i, plan in enumerate(plans)
    ]
    return Run(
        named,
        rows(STUDENT_DECISIONS, [{**about[i], **_plan(plan), **reply} for i, plan in enumerate(plans)]),
        rows(EXPERT_AUDITS, [{**about[i], **_plan(plan), **expert_reply} for i, plan in audits.items()]),
        rows(MEMORY_SNAPSHOT, [{"chat": "demo", "config": name, **memory} for memory in memories]),
        _actions(name, chat, final, carried_out, under_sanction),
        USER_STATE.empty(),
    )


def _actions(
    name: str,
    chat: pl.DataFrame,
    final: Sequence[str | None],
    carried_out: Sequence[str] | None,
    under_sanction: Sequence[bool] | None,
) -> pl.DataFrame:
    """What was done: by default what the final plan says."""
    planned = [_plan(plan) for plan in final]
    done = pl.DataFrame(
        {
            "config": [name] * chat.height,
            "action": carried_out or [plan["action"] or "undecided" for plan in planned],
            "category": [plan["category"] for plan in planned],
            "reason": [plan.get("reasoning") for plan in planned],
            "under_sanction": under_sanction or [False] * chat.height,
            "is_shadow": [False] * chat.height,
            "decided_by": ["student"] * chat.height,
        },
        schema_overrides={column: ACTION_LOG.schema[column] for column in ("action", "category", "reason")},
    )
    known = chat.select("chat", "comment_id", "position", "user_id", "user_name", "channel", "sent_at")
    empty = ACTION_LOG.empty()
    return pl.concat([empty, pl.concat([known, done], how="horizontal")], how="diagonal").select(
        empty.columns
    )


def _plan(words: str | None) -> Row:
    if words is None:
        return {"action": None, "category": None}
    action, category = words.split()
    return {"action": action, "category": category, "confidence": 0.8, "reasoning": f"it is {category}"}


PLANS = (
    "allow none",
    "allow none",
    "allow none",
    "warn harassment",
    "delete spam",
    "timeout hate",
    "ban threat",
)


def drawn_chat(seed: int, size: int = 300, users: int = 40, *, labels: bool = True) -> pl.DataFrame:
    """A chat of `users` users who differ in how often they break rules."""
    random = np.random.default_rng(seed)
    author = random.integers(users, size=size)
    bad = random.beta(0.4, 1.2, size=users)[author] > random.random(size)
    return comments(
        [
            {
                "user_id": f"u{a}",
                "user_name": f"User{a}",
                "channel": f"room{a % 2}",
                "label_is_violation": bool(b) if labels else None,
                "label_category": "harassment" if b and labels else None,
                "label_source": "dataset" if labels else None,
            }
            for a, b in zip(author, bad, strict=True)
        ]
    )


def drawn_plans(seed: int, size: int = 300) -> list[str]:
    """One plan per comment, most of them to allow."""
    return [PLANS[i] for i in np.random.default_rng(seed).integers(len(PLANS), size=size)]


def drawn_runs(seed: int, chat: pl.DataFrame) -> list[Run]:
    """The four regimes over a chat: a Student, audits of a part of it, and an Expert who plans otherwise."""
    size = chat.height
    student, expert = drawn_plans(seed, size), drawn_plans(seed + 1, size)
    chance = np.random.default_rng(seed + 2).random(size)
    audits = {i: expert[i] for i in range(size) if chance[i] < 0.2}
    memory: list[Row] = [
        {"memory_id": f"m{i}", "learnt_at_position": i, "source_chat": "demo", "source_config": "hybrid"}
        for i in list(audits)[:8]
    ]
    return [
        run("student_only", chat, student=student),
        run("student_memory", chat, student=student, audits=audits, probability=0.2),
        run("hybrid", chat, student=student, audits=audits, probability=0.2, memories=memory),
        run("expert_only", chat, audits=dict(enumerate(expert))),
    ]


def metrics(chat: pl.DataFrame, of: Run, reference: pl.DataFrame | None = None) -> dict[str, Value]:
    """The row of metrics of a run."""
    frame = measured_run(chat, of, data_version="v1", reference=reference).metrics
    assert frame.schema == METRICS.schema
    return frame.row(0, named=True)
