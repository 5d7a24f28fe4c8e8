"""How `moderation run` ends: the comparison of the chat's configs, what failed, and where the report is.

The estimates and their intervals are `evaluation`'s; here they are only laid out.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import click
import polars as pl

from moderation_pipeline.config.config_library import ConfigLibrary
from moderation_pipeline.evaluation.expected_rarity import rarity_told
from moderation_pipeline.evaluation.yardstick import told
from moderation_pipeline.terminal.screen import number, print_table
from moderation_pipeline.warehouse.files import read_table
from moderation_pipeline.warehouse.folder import DataFolder
from moderation_pipeline.warehouse.tables import COMPARISON

Row = Mapping[str, object]


def comparison_of(folder: DataFolder, chat: str) -> pl.DataFrame:
    """Return the chat's comparison as it is stored, the default config first, then by name."""
    return read_table(folder, COMPARISON, chat).sort("is_default", "config", descending=[True, False])


def print_comparison(folder: DataFolder, comparison: pl.DataFrame) -> None:
    """Draw one row per config; estimates with their 95 % intervals."""
    has_labels = comparison["f1"].null_count() < comparison.height
    columns = ["config", *(["F1", "precision", "recall"] if has_labels else []), "agrees with Expert"]
    columns += ["audited", "acted against", "cost $/1000"]
    if comparison.select(pl.col("latency_ms_p95").fill_null(0).max()).item():
        columns.append("p95 ms")
    rows = [[_cell(column, row) for column in columns] for row in comparison.iter_rows(named=True)]
    print_table(columns, rows, right=columns[1:])
    labelled, comments = comparison["labelled"][0], comparison["comments"][0]
    judged = f"F1 of violation on {labelled:,} of {comments:,} comments" if has_labels else "No labels"
    click.echo(f"\n{judged}; in brackets 95 % intervals, by user and text.")
    library = ConfigLibrary(folder)
    known = [library.load(name) for name in sorted(comparison["config"]) if name in library.names()]
    if (measured := told(known)) is not None:
        click.echo(measured)
    (chat, labelled, violations) = comparison.select("chat", "labelled", "labelled_violations").row(0)
    for sentence in rarity_told(chat, labelled, violations or 0, known):
        click.echo(sentence)


def _cell(column: str, row: Row) -> str:
    match column:
        case "config":
            return f"{row['config']}{' (default)' if row['is_default'] else ''}"
        case "F1":
            return _estimate(row, "f1", _two_digits)
        case "precision" | "recall":
            return _two_digits(row[column])
        case "agrees with Expert":
            return _estimate(row, _agreement(row), _percent)
        case "audited":
            return _percent(row["audit_share"])
        case "acted against":
            return _percent(row["sanction_share"])
        case "cost $/1000":
            cost = row["cost_usd_per_1000_comments"]
            return number(cost) if isinstance(cost, float) else "–"
        case _:
            latency = row["latency_ms_p95"]
            return number(latency, 3) if isinstance(latency, float) else "–"


def _agreement(row: Row) -> str:
    """Return whether the plan that stood is expert_only's, where that was run; else the audits' share that agree."""
    return "agreement_rate" if row["system_agreement_rate"] is None else "system_agreement_rate"


def _estimate(row: Row, name: str, shown: Callable[[object], str]) -> str:
    if row[name] is None:
        return "–"
    return f"{shown(row[name])} [{shown(row[f'{name}_low'])}, {shown(row[f'{name}_high'])}]"


def _two_digits(value: object) -> str:
    return f"{value:.2f}" if isinstance(value, float) else "–"


def _percent(value: object) -> str:
    return f"{value:.1%}".replace("%", " %") if isinstance(value, float) else "–"


def report_path(folder: DataFolder, chat: str) -> Path:
    """Return where the chat's report is."""
    return folder.results / chat / "report.html"
