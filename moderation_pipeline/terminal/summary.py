"""How `moderation run` ends: the comparison of the chat's configs, what failed, and where the report is.

The estimates and their intervals are `evaluation`'s; here they are only laid out.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import click
import polars as pl

from moderation_pipeline.config.config_library import ConfigLibrary
from moderation_pipeline.evaluation.comparable import (
    in_part,
    made,
    of_other_code,
    other_code_sentence,
    stale,
    stale_sentence,
)
from moderation_pipeline.evaluation.expected_rarity import rarity_told
from moderation_pipeline.evaluation.yardstick import told
from moderation_pipeline.report.label_words.label_voice import voice_of
from moderation_pipeline.report.quantities import percent
from moderation_pipeline.report.stand_ins import marks
from moderation_pipeline.slugs import check_slug
from moderation_pipeline.terminal.screen import estimate, number, print_table, two_digits
from moderation_pipeline.terminal.whose_labels import are_acts
from moderation_pipeline.warehouse.damage import is_damaged
from moderation_pipeline.warehouse.files import read_table, stored_partitions
from moderation_pipeline.warehouse.folder import DataFolder
from moderation_pipeline.warehouse.tables import COMMENTS, COMPARED, COMPARISON
from moderation_pipeline.warehouse.versions import comments_version
from moderation_pipeline.warehouse.views import query

Row = Mapping[str, object]


def comparison_of(folder: DataFolder, chat: str) -> pl.DataFrame:
    """Return the chat's comparison as it is stored, the default config first, then by name."""
    return read_table(folder, COMPARISON, chat, are_whole=True).sort(
        "is_default", "config", descending=[True, False]
    )


def print_comparison(folder: DataFolder, comparison: pl.DataFrame) -> None:
    """Draw one row per config; estimates with their 95 % intervals."""
    has_labels = comparison["f1"].null_count() < comparison.height
    columns = ["config", *(["F1", "precision", "recall"] if has_labels else []), "ends as Expert"]
    columns += ["audited", "acted against", "cost $/1000"]
    if comparison.select(pl.col("latency_ms_p95").fill_null(0).max()).item():
        columns.append("p95 ms")
    chat = str(comparison["chat"][0])
    qualified = marks_by_config(folder, chat, comparison["config"].to_list())
    rows = [
        [_cell(column, {**row, "marked": bool(qualified.get(row["config"]))}) for column in columns]
        for row in comparison.iter_rows(named=True)
    ]
    print_table(columns, rows, right=columns[1:])
    labelled, comments = comparison["labelled"][0], comparison["comments"][0]
    f1 = voice_of(by_acts=are_acts(folder, chat)).f1
    judged = f"{f1}, on {labelled:,} of {comments:,} comments" if has_labels else "No labels"
    click.echo(f"\n{judged}; in brackets 95 % intervals, by user and text.")
    if comparison["system_agreement_rate"].null_count() < comparison.height:
        click.echo("Ends as Expert: comments on which the plan that stood, audited or not, is the Expert's.")
    for config, said in qualified.items():
        click.echo(f"* {config}: {'; '.join(said)}.")
    library = ConfigLibrary(folder)
    known = [library.load(name) for name in sorted(comparison["config"]) if name in library.names()]
    if (measured := told(known)) is not None:
        click.echo(measured)
    violations = comparison["labelled_violations"][0]
    for sentence in rarity_told(chat, labelled, violations or 0, known):
        click.echo(sentence)
    not_compared = stale_sentence(chat, stale_runs(folder, chat))
    other_code = other_code_sentence(chat, of_other_code(folder, chat, comparison["config"].to_list()))
    for told_of_runs in filter(None, (not_compared, other_code)):
        click.echo(told_of_runs)


ANSWERED = """
select config, backend, 'Student' as part from student_decisions
where chat = '{chat}' and backend is not null and degraded is null group by all
union all
select config, backend, 'Expert' as part from expert_audits
where chat = '{chat}' and backend is not null group by all
"""


ESTIMATED = """
select config, count(*) as calls from (
    select config, tokens_are_estimated, list_cost_usd from student_decisions where chat = '{chat}'
    union all
    select config, tokens_are_estimated, list_cost_usd from expert_audits where chat = '{chat}'
) where tokens_are_estimated and list_cost_usd > 0 group by config
"""


def marks_by_config(folder: DataFolder, chat: str, configs: Sequence[str]) -> dict[str, list[str]]:
    """Return what is to be said beside a config's numbers, of those of which something is."""
    answered = query(folder, ANSWERED.format(chat=check_slug(chat, "Chat")))
    estimated = dict(query(folder, ESTIMATED.format(chat=check_slug(chat, "Chat"))).iter_rows())
    library = ConfigLibrary(folder)
    found: dict[str, list[str]] = {}
    for name in sorted(set(configs) & set(library.names())):
        own = answered.filter(pl.col("config") == name)
        student, expert = (own.filter(pl.col("part") == part)["backend"] for part in ("Student", "Expert"))
        said = list(marks(library.load(name).config, student, expert))
        if calls := estimated.get(name, 0):
            said.append(
                f"its cost is an estimate, for the server doesn't say the tokens of {calls:,} answers"
            )
        if said:
            found[name] = said
    return found


def stale_runs(folder: DataFolder, chat: str) -> dict[str, str]:
    """Return by config why its run of the chat can't be compared with one made now."""
    runs = made(query(folder, f"select * from metrics where chat = '{check_slug(chat, 'Chat')}'"))
    found = stale(runs, ConfigLibrary(folder), comments_version(read_table(folder, COMMENTS, chat)))
    whole = {
        table.name: {path.stem for path in stored_partitions(folder, table, chat) if not is_damaged(path)}
        for table in COMPARED
    }
    return {**in_part(whole), **found}


def _cell(column: str, row: Row) -> str:
    match column:
        case "config":
            return f"{row['config']}{'*' if row['marked'] else ''}{' (default)' if row['is_default'] else ''}"
        case "F1":
            return estimate(row, "f1")
        case "precision" | "recall":
            return two_digits(row[column])
        case "ends as Expert":
            return estimate(row, "system_agreement_rate", _percent)
        case "audited":
            return _percent(row["audit_share"])
        case "acted against":
            return _percent(row["sanction_share"])
        case "cost $/1000":
            # At list price, as in the report: else who is moderated last, by replies that others paid for, is cheapest.
            cost = row["list_cost_usd_per_1000_comments"]
            return number(cost) if isinstance(cost, float) else "–"
        case _:
            latency = row["latency_ms_p95"]
            return number(latency, 3) if isinstance(latency, float) else "–"


def _percent(value: object) -> str:
    """Return a share as the report does: what is neither nothing nor all is never rounded to it."""
    return percent(value if isinstance(value, float) else None)


def report_path(folder: DataFolder, chat: str) -> Path:
    """Return where the chat's report is."""
    return folder.results / chat / "report.html"
