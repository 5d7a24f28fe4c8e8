"""The table of certificates, made from a run's stored decisions and audits.

The ledger that the loop keeps too is in `certificates.py`.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import polars as pl

from moderation_pipeline.certificates.certified_basis import Basis
from moderation_pipeline.certificates.decided_alone import (
    OF_EXPERT,
    OF_STUDENT,
    UNSERVED,
    Answered,
    DecidedAlone,
    NoAudit,
    may_be_evidence,
    served,
)
from moderation_pipeline.certificates.ledger import Certificate, Ledger
from moderation_pipeline.config.run_config import NamedConfig
from moderation_pipeline.plan import SANCTIONS, Action, Category, Plan
from moderation_pipeline.warehouse.tables import CERTIFICATES


def certify(
    student_decisions: pl.DataFrame, expert_audits: pl.DataFrame, named: NamedConfig, chat: str, basis: Basis
) -> pl.DataFrame:
    """Return the table certificates of a run, from its stored decisions and audits alone.

    Looked at after every batch, as the loop did. Without `autonomy` in the config there is nothing to certify,
    and no rows.
    """
    config = named.config
    if config.autonomy is None:
        return CERTIFICATES.empty()
    ledger = Ledger(config.autonomy, config.audit)
    for batch in _batches(student_decisions, expert_audits, config.loop.batch_size):
        ledger.take_in(batch)
    known = {
        "chat": chat,
        "config": named.name,
        "judged_by": _judges(expert_audits),
        "draws_are_secret": config.audit.secret,
        **basis._asdict(),
    }
    rows = [{**known, **_in_columns(each)} for each in ledger.certificates()]
    return pl.DataFrame(rows, schema=CERTIFICATES.schema)


def with_carried_out(certificates: pl.DataFrame, action_log: pl.DataFrame) -> pl.DataFrame:
    """Return a run's certificates that say how many sanctions there were, and how many of them were no shadows.

    What was written under a sanction is not sanctioned again, and not counted.
    """
    words = [action.value for action in SANCTIONS]
    hit = action_log.filter(pl.col("action").is_in(words), ~pl.col("under_sanction").fill_null(value=False))
    carried_out = hit.filter(~pl.col("is_shadow").fill_null(value=False))
    return certificates.with_columns(
        sanctions=pl.lit(hit.height, pl.Int64), sanctions_carried_out=pl.lit(carried_out.height, pl.Int64)
    )


def _in_columns(certificate: Certificate) -> dict[str, object]:
    """Return a certificate's columns. What is known of its judge is null yet: that is `evaluation`'s to say (law 8)."""
    columns = certificate._asdict()
    return {**columns.pop("key")._asdict(), **columns}


Audit = tuple[str | None, str | None, str | None, str | None]
"""Action, category, backend and model of a stored audit."""


def _batches(decisions: pl.DataFrame, audits: pl.DataFrame, batch_size: int) -> Iterator[list[DecidedAlone]]:
    columns = ("comment_id", "action", "category", "backend", "model")
    audited: dict[str, Audit] = {row[0]: row[1:] for row in audits.select(columns).iter_rows()}
    ordered = decisions.sort("position").select(_Decision._fields)
    for start in range(0, ordered.height, batch_size):
        rows = map(_Decision._make, ordered.slice(start, batch_size).iter_rows())
        yield [
            _decided_alone(row, audited.get(row.comment_id))
            for row in rows
            if row.action is not None and may_be_evidence(row.audit_probability, row.degraded)
        ]


class _Decision(NamedTuple):
    """What of a stored decision tells whether and what the Student decided alone; the names are columns."""

    comment_id: str
    position: int
    action: str | None
    category: str
    audit_probability: float
    degraded: str | None
    backend: str | None
    model: str | None
    tiers: list[dict[str, str | None]] | None


def _decided_alone(row: _Decision, audit: Audit | None) -> DecidedAlone:
    plan = Plan(Action(str(row.action)), Category(row.category), 1.0)
    answered = [Answered(OF_STUDENT, row.backend, row.model)]
    if row.tiers:
        answered = [Answered(str(tier["tier"]), tier["backend"], tier["model"]) for tier in row.tiers]
    if audit is not None:
        answered.append(Answered(OF_EXPERT, *audit[2:]))
    return DecidedAlone(
        row.position, plan, row.audit_probability, _said(audit), served(answered), _tells_how_hard(audit)
    )


def _tells_how_hard(audit: Audit | None) -> bool:
    return audit is None or audit[2] != UNSERVED


def _said(audit: Audit | None) -> Plan | NoAudit:
    if audit is None:
        return NoAudit.NOT_DRAWN
    action, category, *_ = audit
    if action is None or category is None:
        return NoAudit.UNREAD
    return Plan(Action(action), Category(category), 1.0)


def _judges(audits: pl.DataFrame) -> str:
    """Return whose judgement the errors are measured against: the backends and models that audited."""
    names = audits.select(pl.concat_str("backend", "model", separator=" ", ignore_nulls=True)).to_series()
    return ", ".join(sorted(set(names.drop_nulls()))) or "nobody"
