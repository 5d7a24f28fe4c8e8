"""The table of certificates, made from a run's stored decisions and audits.

The ledger that the loop keeps too is in `certificates.py`.
"""

from __future__ import annotations

from collections.abc import Iterator

import polars as pl

from moderation_pipeline.agents.plan import Action, Category, Plan
from moderation_pipeline.config import NamedConfig
from moderation_pipeline.moderation.certificates import DecidedAlone, Ledger
from moderation_pipeline.moderation.certified_basis import Basis
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
    judged_by = _judges(expert_audits)
    rows = [
        (
            chat,
            named.name,
            *each.key,
            *each[1:9],
            each.audits_needed,
            each.floor,
            judged_by,
            *each[11:],
            *basis,
        )
        for each in ledger.certificates()
    ]
    return pl.DataFrame(rows, schema=CERTIFICATES.schema, orient="row")


def _batches(decisions: pl.DataFrame, audits: pl.DataFrame, batch_size: int) -> Iterator[list[DecidedAlone]]:
    audited = {row[0]: row[1:] for row in audits.select("comment_id", "action", "category").iter_rows()}
    columns = ("comment_id", "position", "action", "category", "audit_probability", "model")
    ordered = decisions.sort("position").select(columns)
    for start in range(0, ordered.height, batch_size):
        yield [
            DecidedAlone(
                position,
                Plan(Action(action), Category(category), 1.0),
                probability,
                _plan_of(audited.get(comment_id)),
                model,
            )
            for comment_id, position, action, category, probability, model in ordered.slice(
                start, batch_size
            ).iter_rows()
            if action is not None and 0 < probability < 1
        ]


def _plan_of(audited: tuple[str | None, str | None] | None) -> Plan | None:
    if audited is None or audited[0] is None or audited[1] is None:
        return None
    return Plan(Action(audited[0]), Category(audited[1]), 1.0)


def _judges(audits: pl.DataFrame) -> str:
    """Return whose judgement the errors are measured against: the backends and models that audited."""
    names = audits.select(pl.concat_str("backend", "model", separator=" ", ignore_nulls=True)).to_series()
    return ", ".join(sorted(set(names.drop_nulls()))) or "nobody"
