"""A run's statements of reasons for the EU's DSA transparency database: the file of them, and what goes with it.

What a statement says is the view `dsa_statements`; what the database would refuse, `warehouse/laws.py`'s. Nothing is
sent anywhere.
"""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import polars as pl

from moderation_pipeline.warehouse import laws
from moderation_pipeline.warehouse.files import read_table, replaced_atomically
from moderation_pipeline.warehouse.folder import DataFolder
from moderation_pipeline.warehouse.tables import METRICS
from moderation_pipeline.warehouse.views import query


class ReasonsStated(NamedTuple):
    """What was written of a run."""

    path: Path
    statements: int
    refused: dict[str, int]
    """By reason, how many the published limits refuse; one may be refused for several."""
    refused_statements: int
    error_rate: dict[str, float]
    """`wrongful_sanction_share` with its bounds, and its counts: `wrongful_sanctions` of `sanctions_checked`, those
    that have a label; no share where none has."""


def state_reasons(folder: DataFolder, chat: str, config: str) -> ReasonsStated:
    """Write a line of JSON per sanction that was carried out beside the run's log, and return what was written."""
    rows = query(folder, f"from dsa_statements where chat = '{chat}' and config = '{config}'")
    path = folder.run_log(chat, config).with_name(f"{config}.dsa.jsonl")
    path.parent.mkdir(parents=True, exist_ok=True)
    with replaced_atomically(path) as temporary:
        rows.drop("chat", "config").write_ndjson(temporary)
    return ReasonsStated(
        path,
        rows.height,
        laws.dsa_refusals(rows),
        laws.beyond_dsa_limits(rows).height,
        _error_rate(read_table(folder, METRICS, chat, config)),
    )


def _error_rate(metrics: pl.DataFrame) -> dict[str, float]:
    shares = [f"wrongful_sanction_share{end}" for end in ("", "_low", "_high")]
    row = metrics.select(*shares, "wrongful_sanctions", "sanctions_checked").to_dicts()
    return {name: value for name, value in row[0].items() if value is not None} if row else {}
