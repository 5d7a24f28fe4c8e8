"""What a run leaves behind: the four tables of the loop, collected batch by batch and kept as columns.

Comments become rows a chunk at a time, so that a long run holds columns and not Python objects. What a row
says of the comment itself is sliced from the comments table, and what many comments share (rules give like
comments the very same verdict) is written out once and gathered: Python touches only what differs.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from operator import attrgetter
from typing import cast

import polars as pl

from moderation_pipeline.cases.settled import Settled
from moderation_pipeline.cases.verdict import TierReceipt, Verdict
from moderation_pipeline.warehouse.tables import ACTION_LOG, EXPERT_AUDITS, RUN_KEYS, STUDENT_DECISIONS, Table

CHUNK = 8_192

OF_COMMENT = ("comment_id", "position")
OF_BATCH = ("audit_probability", "degraded")
"""Columns of a decision that are not the verdict's."""

OF_VERDICT = tuple(
    name for name in STUDENT_DECISIONS.schema if name not in {*RUN_KEYS, *OF_COMMENT, *OF_BATCH}
)
OF_PLAN = ("action", "duration_s", "category", "confidence", "reasoning", "reply_text", "rule")
OF_AUDIT = tuple(name for name in EXPERT_AUDITS.schema if name not in {*RUN_KEYS, *OF_COMMENT})
OF_WRITER = ("user_id", "user_name", "channel", "sent_at")
OF_SANCTION = tuple(
    name for name in ACTION_LOG.schema if name not in {*RUN_KEYS, *OF_COMMENT, *OF_WRITER, "precedent"}
)
NAMED_OTHERWISE = {"counts_until": "counts_until_us"}
"""Columns of a sanction whose field says its unit."""

Row = Mapping[str, object]


@dataclass(frozen=True, slots=True)
class RunTables:
    """The tables of the moderation loop, exactly as the warehouse declares them."""

    student_decisions: pl.DataFrame
    expert_audits: pl.DataFrame
    memory_snapshot: pl.DataFrame
    action_log: pl.DataFrame


class RunRecorder:
    """Collects settled comments; `finish` gives the tables."""

    def __init__(self, chat: str, config: str, comments: pl.DataFrame) -> None:
        """`comments` are those that will be settled, in that order."""
        self._keys = [pl.lit(chat).alias("chat"), pl.lit(config).alias("config")]
        self._comments = comments.select(*OF_COMMENT, *OF_WRITER)
        self._recorded = 0
        self._waiting: list[Settled] = []
        self._decisions: list[pl.DataFrame] = []
        self._audits: list[pl.DataFrame] = []
        self._actions: list[pl.DataFrame] = []

    def settled(self, batch: Sequence[Settled]) -> None:
        """Take in a batch, in stream order."""
        self._waiting += batch
        if len(self._waiting) >= CHUNK:
            self._flush()

    def finish(self, memory_snapshot: pl.DataFrame) -> RunTables:
        """Return all that was collected."""
        self._flush()
        return RunTables(
            pl.concat([STUDENT_DECISIONS.empty(), *self._decisions]),
            pl.concat([EXPERT_AUDITS.empty(), *self._audits]),
            memory_snapshot,
            pl.concat([ACTION_LOG.empty(), *self._actions]),
        )

    def _flush(self) -> None:
        rows, self._waiting = self._waiting, []
        comments = self._comments.slice(self._recorded, len(rows))
        self._recorded += len(rows)
        self._decisions.append(self._frame(STUDENT_DECISIONS, comments, _decisions(rows)))
        audited = [number for number, row in enumerate(rows) if row.audited is not None]
        audits = _columns(EXPERT_AUDITS, OF_AUDIT, [_audit(rows[number]) for number in audited])
        self._audits.append(self._frame(EXPERT_AUDITS, comments[audited], audits))
        sanctions = [row.sanction for row in rows]
        actions = [
            _series(
                name,
                ACTION_LOG.schema[name],
                list(map(attrgetter(NAMED_OTHERWISE.get(name, name)), sanctions)),
            )
            for name in OF_SANCTION
        ]
        actions.append(_series("precedent", pl.String(), [row.precedent for row in rows]))
        self._actions.append(self._frame(ACTION_LOG, comments, actions))

    def _frame(self, table: Table, comments: pl.DataFrame, columns: Sequence[pl.Series]) -> pl.DataFrame:
        """Return the rows of a table: what the comments say and what was made of them, the keys in front."""
        return comments.with_columns(*self._keys, *columns).select(table.schema.names())


def _decisions(rows: Sequence[Settled]) -> list[pl.Series]:
    """Return the columns of decisions; a verdict that several comments share is written out once."""
    verdicts = {id(row.decided): row.decided for row in rows}
    place = {key: number for number, key in enumerate(verdicts)}
    shared = _columns(STUDENT_DECISIONS, OF_VERDICT, [_verdict(verdict) for verdict in verdicts.values()])
    of_row = pl.Series([place[id(row.decided)] for row in rows], dtype=pl.UInt32)
    own = [{"audit_probability": row.choice.probability, "degraded": row.degraded} for row in rows]
    return [column.gather(of_row) for column in shared] + _columns(STUDENT_DECISIONS, OF_BATCH, own)


def _columns(table: Table, names: Sequence[str], rows: Sequence[Row]) -> list[pl.Series]:
    return [_series(name, table.schema[name], [row[name] for row in rows]) for name in names]


def _series(name: str, dtype: pl.DataType, values: Sequence[object]) -> pl.Series:
    if isinstance(dtype, pl.Datetime):
        return pl.Series(name, values, dtype=pl.Int64).cast(dtype)
    if isinstance(dtype, pl.List):
        return _lists(name, dtype, cast(Sequence[Sequence[object]], values))
    return pl.Series(name, values, dtype=dtype)


def _lists(name: str, dtype: pl.List, values: Sequence[Sequence[object]]) -> pl.Series:
    """Return a column of lists: null where one of structs is empty, for then nothing was given.

    Made by columns, for a list or dictionary per row is ten times slower.
    """
    rows = [row for row, entries in enumerate(values) for _ in entries or ()]
    flat = [entry for entries in values for entry in entries or ()]
    if isinstance(dtype.inner, pl.Struct):
        entries = pl.DataFrame(flat, schema=dtype.inner.to_schema(), orient="row").to_struct()
    else:
        entries = pl.Series(flat, dtype=dtype.inner)
    lists = (
        pl.DataFrame({"row": pl.Series(rows, dtype=pl.Int64), "entries": entries})
        .group_by("row")
        .agg("entries")
    )
    every = pl.DataFrame({"row": pl.int_range(len(values), eager=True)})
    column = every.join(lists, on="row", how="left", maintain_order="left")["entries"].cast(dtype)
    return (
        column if isinstance(dtype.inner, pl.Struct) else column.fill_null(pl.Series([[]], dtype=dtype))
    ).alias(name)


_OF_RECEIPT = (
    *(
        "backend",
        "model",
        "prompt_version",
        "prompt_tokens",
        "completion_tokens",
        "cost_usd",
        "list_cost_usd",
    ),
    *("latency_ms", "is_cached", "reply_error", "tokens_are_estimated", "reply_mended"),
)
_COST_NOTHING = {"prompt_tokens": 0, "completion_tokens": 0, "cost_usd": 0.0, "list_cost_usd": 0.0}
NOBODYS: Row = {**dict.fromkeys(OF_VERDICT), **_COST_NOTHING}
"""The row of a decision that nobody made: null, and it cost nothing."""


def _verdict(verdict: Verdict | None) -> Row:
    if verdict is None:
        return NOBODYS
    without = verdict.without_memory
    return {
        **_plan(verdict),
        **_receipt(verdict),
        "probabilities": verdict.probabilities,
        "memory_ids": list(verdict.memory_ids),
        "explanation": verdict.explanation,
        "tier": verdict.tier,
        "tiers": [_tier(each) for each in verdict.tiers] or None,
        "action_without_memory": without.action.value if without is not None else None,
        "category_without_memory": without.category.value if without is not None else None,
    }


def _plan(verdict: Verdict) -> Row:
    plan = verdict.plan
    proposed: Row = {**dict.fromkeys(OF_PLAN), "reasoning": verdict.not_judged}
    if plan is not None:
        proposed = {
            "action": plan.action.value,
            "duration_s": plan.duration_s,
            "category": plan.category.value,
            "confidence": plan.confidence,
            "reasoning": plan.reasoning,
            "reply_text": plan.reply_text,
            "rule": plan.rule,
        }
    return {**proposed, "confidence_source": verdict.confidence_source}


_receipt_values = attrgetter(*_OF_RECEIPT)


def _receipt(verdict: Verdict) -> Row:
    return dict(zip(_OF_RECEIPT, _receipt_values(verdict.receipt), strict=True))


_OF_TIER = (
    *("backend", "model", "prompt_tokens", "completion_tokens", "cost_usd", "list_cost_usd"),
    *("latency_ms", "is_cached", "reply_error"),
)


def _tier(each: TierReceipt) -> dict[str, object]:
    costs = {name: getattr(each.receipt, name) for name in _OF_TIER}
    return {"tier": each.tier, "doubt": each.doubt, **costs}


def _audit(row: Settled) -> Row:
    verdict = row.audited
    if verdict is None:
        raise ValueError(f"Comment {row.case.comment_id} was not audited, so it has no row of expert_audits.")
    return {
        "audit_reason": row.choice.reason,
        "audit_probability": row.choice.probability,
        "agrees": row.agrees,
        **_plan(verdict),
        **_receipt(verdict),
    }
