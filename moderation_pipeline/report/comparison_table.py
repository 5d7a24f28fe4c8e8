"""The comparison as people read it: a line per quantity, a column per config, sensible digits.

The table of the warehouse has every number (`comparison`); this is the view of it for a report or a terminal.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import NamedTuple

import polars as pl

from moderation_pipeline.evaluation.estimates import SANCTION_KINDS
from moderation_pipeline.report.label_words.label_voice import voice_of
from moderation_pipeline.report.quantities import (
    NONE,
    SPACE,
    count,
    dollars,
    milliseconds,
    of_thousand,
    percent,
    score,
    signed,
)
from moderation_pipeline.rounding import rounded

Row = dict[str, float | int | str | bool | None]


class Cell(NamedTuple):
    """A number in words, and what qualifies it: its 95 % interval, or the counts behind it."""

    value: str
    note: str = ""

    def __str__(self) -> str:
        return f"{self.value} ({self.note})" if self.note else self.value


class Quantity(NamedTuple):
    """One quantity under every config: what it is called, what that means, and its cells."""

    name: str
    meaning: str
    cells: list[Cell]


class ColumnHead(NamedTuple):
    """A config as the head of a column, and what qualifies all that stands below it."""

    config: str
    notes: tuple[str, ...] = ()

    def __str__(self) -> str:
        return f"{self.config} ({'; '.join(self.notes)})" if self.notes else self.config


class ReadableTable(NamedTuple):
    """The configs, as heads of columns, and the lines below them."""

    configs: list[ColumnHead]
    lines: list[Quantity]


def readable(
    comparison: pl.DataFrame, notes: Mapping[str, Sequence[str]] | None = None, *, by_acts: bool = False
) -> ReadableTable:
    """Return the comparison for reading; quantities that no config has are left out.

    `notes` say by config what its numbers are not what they seem for: who decided in its place. `by_acts` says that
    labels are what moderators did.
    """
    rows, notes = comparison.to_dicts(), notes or {}
    words = voice_of(by_acts=by_acts)._asdict()
    lines = [
        Quantity(line.name.format(**words), line.meaning.format(**words), [line.cell(row) for row in rows])
        for line in LINES
    ]
    return ReadableTable(
        [ColumnHead(str(row["config"]), tuple(notes.get(str(row["config"]), ()))) for row in rows],
        [line for line in lines if any(cell.value != NONE for cell in line.cells)],
    )


def number(row: Row, name: str) -> float | None:
    """Return a number of a row, null where it is."""
    value = row[name]
    return None if value is None else float(value)


def estimate(name: str, say: Callable[[float | None], str]) -> Callable[[Row], Cell]:
    """Return how an estimate of a row is shown, its interval in small print."""

    def cell(row: Row) -> Cell:
        value, low, high = (number(row, f"{name}{end}") for end in ("", "_low", "_high"))
        if value is None or low is None or high is None:
            return Cell(say(value))
        return Cell(say(value), f"{say(low).removesuffix(f'{SPACE}%')} to {say(high)}")

    return cell


def plain(name: str, say: Callable[[float | None], str]) -> Callable[[Row], Cell]:
    """Return how a number of a row is shown that has no interval."""
    return lambda row: Cell(say(number(row, name)))


def _agreement(row: Row) -> Cell:
    """Return the Student's agreement on every comment where a reference knows it, else from audits."""
    known = row["reference_agreement_rate"] is not None
    return estimate("reference_agreement_rate" if known else "agreement_rate", percent)(row)


def _difference(row: Row) -> Cell:
    if row["is_default"]:
        return Cell("the default")
    name = f"{row['quality']}_minus_default"
    if name not in row:
        return Cell(NONE)
    scale, digits, unit = (1.0, 3, "") if row["quality"] == "f1" else (100.0, 1, " points")
    value, low, high = (number(row, f"{name}{end}") for end in ("", "_low", "_high"))
    if value is None:
        return Cell(NONE)
    said = f"{signed(value * scale, digits)}{unit}"
    if low is None or high is None:
        return Cell(said)
    return Cell(said, f"{signed(low * scale, digits)} to {signed(high * scale, digits)}")


def _tenths(value: float | None) -> str:
    return NONE if value is None else rounded(value, 1)


def _wrongful(row: Row) -> Cell:
    share = number(row, "wrongful_sanction_share")
    if share is None:
        return Cell(NONE)
    wrong, checked = int(row["wrongful_sanctions"] or 0), int(row["sanctions_checked"] or 0)
    return Cell(percent(share, 0), f"{count(wrong)} of {count(checked)}")


def _wrongful_of_kind(kind: str, row: Row) -> Cell:
    share = number(row, f"wrongful_{kind}_share")
    if share is None:
        return Cell(NONE)
    wrong, checked = int(row[f"wrongful_{kind}s"] or 0), int(row[f"{kind}s_checked"] or 0)
    low, high = (number(row, f"wrongful_{kind}_share_{end}") for end in ("low", "high"))
    bounds = "" if low is None or high is None else f": {percent(low)} to {percent(high)}"
    return Cell(percent(share, 0), f"{count(wrong)} of {count(checked)}{bounds}")


def _undecided(row: Row) -> Cell:
    if not row["undecided"]:
        return Cell(NONE)
    return Cell(
        count(int(row["undecided"])),
        f"{count(int(row['not_judged']))} not judged" if row["not_judged"] else "",
    )


def _memories(row: Row) -> Cell:
    active, retired = row["memories_active"], row["memories_retired"]
    if active is None:
        return Cell(NONE)
    return Cell(count(int(active)), f"{count(int(retired))} retired" if retired else "")


class TableLine(NamedTuple):
    """A line of the table: its name, its meaning in a few words, how a row fills it, and the columns it is made of.

    Name and meaning hold fields of `LabelVoice`.
    """

    name: str
    meaning: str
    cell: Callable[[Row], Cell]
    columns: tuple[str, ...]


LINES: tuple[TableLine, ...] = (
    TableLine(
        "Right when it flags",
        "of comments it called violations, so many are {violations} (precision)",
        estimate("precision", percent),
        ("precision",),
    ),
    TableLine(
        "Finds",
        "of {violations}, so many it called violations (recall)",
        estimate("recall", percent),
        ("recall",),
    ),
    TableLine(
        "Both in one", "0 to 1; high only where both lines above are (F1)", estimate("f1", score), ("f1",)
    ),
    TableLine(
        "Against the default",
        "difference on the same comments; the intervals hold for all configs at once",
        _difference,
        ("f1_minus_default", "system_agreement_rate_minus_default"),
    ),
    TableLine(
        "Student alone",
        "both in one, of its own plans before any check (its F1)",
        estimate("student_f1", score),
        ("student_f1",),
    ),
    TableLine(
        "Ends as the Expert would",
        "comments on which the plan that stood, checked or not, is the Expert's",
        estimate("system_agreement_rate", percent),
        ("system_agreement_rate",),
    ),
    TableLine(
        "Student agrees",
        "comments on which the Student's own plan, before any check, is the Expert's",
        _agreement,
        ("reference_agreement_rate", "agreement_rate"),
    ),
    TableLine(
        "Checked by the Expert",
        "of 1,000 comments (audits)",
        plain("audit_share", of_thousand),
        ("audit_share",),
    ),
    TableLine(
        "Acted against",
        "of 1,000 comments: warned, deleted, timed out or banned",
        plain("sanction_share", of_thousand),
        ("sanction_share",),
    ),
    TableLine(
        "{wrongly}",
        "of those acted against that have a label, so many are {innocents}",
        _wrongful,
        ("wrongful_sanction_share", "wrongful_sanctions", "sanctions_checked"),
    ),
    *(
        TableLine(
            f"… of its {kind}s",
            "so many of those that have a label are {innocents}; counts, and the 95 % interval",
            partial(_wrongful_of_kind, kind),
            (f"wrongful_{kind}_share", f"wrongful_{kind}s", f"{kind}s_checked"),
        )
        for kind in SANCTION_KINDS.values()
    ),
    TableLine(
        "Errors by weight",
        "in 1,000 labelled comments: missed, or sanctioned against the label, each by its weight (harm)",
        estimate("harm_per_1000_comments", _tenths),
        ("harm_per_1000_comments",),
    ),
    TableLine("Undecided", "comments that nobody could decide", _undecided, ("undecided", "not_judged")),
    TableLine(
        "Memories",
        "cases learnt from the Expert that are in use at the end",
        _memories,
        ("memories_active", "memories_retired"),
    ),
    TableLine(
        "Cost",
        "per 1,000 comments, at list price",
        plain("list_cost_usd_per_1000_comments", dollars),
        ("list_cost_usd_per_1000_comments",),
    ),
    TableLine(
        "Wait",
        "95 of 100 comments were decided within",
        plain("latency_ms_p95", milliseconds),
        ("latency_ms_p95",),
    ),
)
"""Every quantity that is shown."""


def sources(*, by_acts: bool) -> list[tuple[str, tuple[str, ...]]]:
    """Return by quantity, as it is called, the columns of the table comparison that it is made of."""
    words = voice_of(by_acts=by_acts)._asdict()
    return [(line.name.format(**words), line.columns) for line in LINES]
