"""What certificates say, in one sentence: what may be done alone, by whose judgement, or what it would take.

The one place of these words, for the report and for `moderation certify`; light enough for the terminal.
Certificates are made in `certificates/certificate_table.py`; what the Expert itself gets wrong, in `expert_errors`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import polars as pl

from moderation_pipeline.report.expert_sentences import own_errors
from moderation_pipeline.report.quantities import SPACE, count, percent, plural

TARGETS = {
    "sanctions": "wrongful sanctions among sanctions",
    "comments": "wrongful sanctions among comments",
    "allowed": "missed violations among what it let through",
}
"""What each target bounds, in the order in which they are said."""


class _Row(NamedTuple):
    """A row about everything; bound, target, confidence and floor are shares."""

    config: str
    denominator: str
    status: str
    reason: str
    comments: int
    audits: int
    bound: float
    target: float
    confidence: float
    audits_needed: int
    floor: float
    judged_by: str
    window_from: int
    window_to: int
    unread_audits: int | None
    expert_error_rate: float | None
    expert_error_rate_low: float | None
    expert_error_rate_high: float | None
    expert_labelled: int | None


def is_certified(certificates: pl.DataFrame, changed: Sequence[str] = ()) -> bool:
    """Whether every row about everything is valid, and nothing that it rests on has changed since."""
    overall = certificates.filter(pl.col("action") == "all")
    return overall.height > 0 and not changed and bool((overall["status"] == "valid").all())


def certificate_sentence(
    certificates: pl.DataFrame, expert_errors: pl.DataFrame, changed: Sequence[str] = ()
) -> str:
    """Return the sentence on one run.

    Args:
        certificates: the run's rows of the table certificates.
        expert_errors: the run's rows of the table expert_errors.
        changed: in words, what the certificates rest on that has changed since they were made.
    """
    rows = _overall(certificates)
    if not rows:
        return "There is nothing to certify: the config has no autonomy, or the run had no comments."
    config = rows[0].config
    if changed:
        return f"What {config} was certified to do alone is void, for {_listed(changed)} changed since: run it again."
    met = [row for row in rows if row.status == "valid"]
    unmet = [row for row in rows if row.status != "valid"]
    judged = _judged(rows, expert_errors)
    may = _may(config, {row.denominator for row in met})
    bounds = f" {_bounds(met)}," if met else ""
    needs = f"; {'; '.join(map(_what_it_takes, unmet))}" if unmet else ""
    return f"{may}:{bounds} {judged}{needs}."


def certified_to(certificates: pl.DataFrame, changed: Sequence[str] = ()) -> str | None:
    """Return in a few words what a run is certified to do, null where it asks for no certificate."""
    rows = _overall(certificates)
    if not rows:
        return None
    if changed:
        return f"what it was certified to do is void, for {_listed(changed)} changed since"
    met = {row.denominator for row in rows if row.status == "valid"}
    sanctions, lets_go = {"sanctions", "comments"} <= met, "allowed" in met
    if not sanctions and not lets_go:
        return "it is not certified to act alone"
    what = (
        "act alone"
        if sanctions and lets_go
        else "sanction alone"
        if sanctions
        else "let comments through alone"
    )
    return f"it is certified to {what} (judged by {rows[0].judged_by})"


def _overall(certificates: pl.DataFrame) -> list[_Row]:
    overall = certificates.filter(pl.col("action") == "all").select(_Row._fields)
    order = list(TARGETS)
    return sorted(map(_Row._make, overall.iter_rows()), key=lambda row: order.index(row.denominator))


def _may(config: str, met: set[str]) -> str:
    sanctions, lets_go = {"sanctions", "comments"} <= met, "allowed" in met
    if sanctions and lets_go:
        return f"{config} may act alone on this chat"
    if lets_go:
        return f"{config} may let comments through alone on this chat, but not yet sanction alone"
    if sanctions:
        return f"{config} may sanction alone on this chat, but not yet let comments through unaudited"
    return f"{config} may not act alone on this chat yet"


def _bounds(met: Sequence[_Row]) -> str:
    said = [f"at most {percent(row.bound, 2)} {TARGETS[row.denominator]}" for row in met]
    return f"{_listed(said)}, with {percent(met[0].confidence, 0)} confidence at every look"


def _judged(rows: Sequence[_Row], expert_errors: pl.DataFrame) -> str:
    """Say whose judgement the errors are measured against, over which positions, and how sure it is itself."""
    row = rows[0]
    over = f"over what it decided alone at positions {count(row.window_from)} to {count(row.window_to)}"
    if row.window_to < row.window_from:
        over = "though it has decided nothing alone"
    over += _unread(rows)
    if row.judged_by == "nobody":
        return f"judged by nobody, {over}"
    if row.judged_by.split(" ")[0] == "labels":
        return f"judged by the chat's own labels ({row.judged_by}), {over}"
    own = own_errors(expert_errors)
    how_sure = "whose own errors nobody has measured here" if own is None else f"which {own}{_by_kind(rows)}"
    return f"judged by the Expert ({row.judged_by}), {how_sure}, {over}"


def _unread(rows: Sequence[_Row]) -> str:
    """Say how many audits could not be read: every one is an error of sanctions or of what was allowed."""
    unread = sum(row.unread_audits or 0 for row in rows if row.denominator != "comments")
    return f" (where {plural(unread, 'audit')} could not be read and count as errors)" if unread else ""


WRONG_ON = {"sanctions": "of what it called violations", "allowed": "of labelled violations"}
"""What the Expert's own rate in a row is a share of."""


def _by_kind(rows: Sequence[_Row]) -> str:
    """Say how often the Expert is wrong in each of the two ways that matter to the targets, where that is known."""
    said = [
        f"{percent(row.expert_error_rate)} {WRONG_ON[row.denominator]}"
        f" ({percent(row.expert_error_rate_low)} to {percent(row.expert_error_rate_high)}, of"
        f" {count(row.expert_labelled or 0)})"
        for row in rows
        if row.denominator in WRONG_ON and row.expert_error_rate is not None
    ]
    return f", {_listed(said)}" if said else ""


def _what_it_takes(row: _Row) -> str:
    """Say how far a target is: further audits without an error, and the floor that would bring as many."""
    why = f" ({row.reason.removeprefix('void: ')})" if row.status == "void" else ""
    what = f"for {_per_1000(row.target)} {TARGETS[row.denominator]}{why} it would take"
    return (
        f"{what} {count(row.audits_needed)} further random audits without an error{_floor_that_would_do(row)}"
    )


def _floor_that_would_do(row: _Row) -> str:
    """Say what floor would bring the audits within as many comments again, if any would."""
    if not row.comments:
        return ""
    is_mixed = row.denominator == "comments" and row.audits > 0
    comments = row.audits_needed * row.comments / row.audits if is_mixed else row.audits_needed / row.floor
    floor = row.floor * comments / row.comments
    name = "allow" if row.denominator == "allowed" else "sanctions"
    if floor <= row.floor:
        return f", which as many comments again bring at the present random_floor.{name} of {row.floor:g}"
    if floor >= 1:
        return ", more than as many comments again bring at any floor"
    return f", or random_floor.{name} at {floor:.2g} (now {row.floor:g}) to get there within as many comments again"


def _per_1000(target: float) -> str:
    return f"{target * 1000:g}{SPACE}in{SPACE}1,000"


def _listed(words: Sequence[str]) -> str:
    return " and ".join([", ".join(words[:-1]), words[-1]] if len(words) > 1 else words)
