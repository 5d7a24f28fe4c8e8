"""A store as a table and back: the rows of `memory_snapshot`. Nothing here decides anything."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import polars as pl
from numpy.typing import NDArray

from moderation_pipeline.memory.records import Memory, Origin, Records
from moderation_pipeline.plan import Action, Category, Plan
from moderation_pipeline.warehouse.tables import MEMORY_SNAPSHOT

COUNTS = ("recency", "support", "uses", "helped", "harmed", "neutral")


def to_frame(records: Records, *, chat: str, config: str) -> pl.DataFrame:
    """Return one row per memory, retired ones too, in the order in which they were learnt."""
    plans = [memory.plan for memory in records.memories]
    origins = [memory.origin for memory in records.memories]
    rows = range(len(plans))
    ids = [memory.memory_id for memory in records.memories]
    columns: dict[str, Sequence[object] | NDArray[np.int64]] = {
        "chat": [chat] * len(plans),
        "config": [config] * len(plans),
        "memory_id": ids,
        "state": [memory.state for memory in records.memories],
        "reasoning": [plan.reasoning for plan in plans],
        "action": [plan.action.value for plan in plans],
        "duration_s": [plan.duration_s for plan in plans],
        "category": [plan.category.value for plan in plans],
        "reply_text": [plan.reply_text for plan in plans],
        "rule": [plan.rule for plan in plans],
        "confidence": [plan.confidence for plan in plans],
        "channel": [origin.channel for origin in origins],
        "source_user_id": [origin.user_id for origin in origins],
        "source_comment_id": [origin.comment_id for origin in origins],
        "learnt_at_position": [origin.position for origin in origins],
        "conflicts_with": [[ids[other] for other in records.conflicts.get(row, ())] for row in rows],
        "retired_because": [records.retired_because.get(row) for row in rows],
        "source_chat": [origin.chat for origin in origins],
        "source_config": [origin.config for origin in origins],
        **{name: np.ascontiguousarray(records.numbers[name]) for name in COUNTS},
    }
    schema = MEMORY_SNAPSHOT.schema
    return pl.DataFrame({name: pl.Series(name, columns[name], dtype=schema[name]) for name in schema})


def from_frame(frame: pl.DataFrame) -> Records:
    """Return the records that a snapshot holds, retired ones too, with their receipts and their origin."""
    records = Records()
    for memory in map(Memory, frame["memory_id"], frame["state"], _plans(frame), _origins(frame)):
        records.add(memory)
    for name in COUNTS:
        records.numbers[name] = frame[name].to_numpy()
    records.clock = int(np.max(records.numbers["recency"], initial=-1)) + 1
    for row, (because, conflicts) in enumerate(frame.select("retired_because", "conflicts_with").iter_rows()):
        if because is not None:
            records.retire(row, because)
        if conflicts:
            records.conflicts[row] = [records.row_of[other] for other in conflicts]
    return records


def _plans(frame: pl.DataFrame) -> list[Plan]:
    return list(
        map(
            Plan,
            map(Action, frame["action"]),
            map(Category, frame["category"]),
            frame["confidence"],
            frame["reasoning"],
            frame["reply_text"],
            frame["rule"],
            frame["duration_s"],
        )
    )


def _origins(frame: pl.DataFrame) -> list[Origin]:
    names = (
        "source_chat",
        "source_config",
        "channel",
        "source_user_id",
        "source_comment_id",
        "learnt_at_position",
    )
    return list(map(Origin, *(frame[name] for name in names)))
