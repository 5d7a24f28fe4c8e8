"""The report of a chat, as one Markdown and one self-contained HTML page for a lead moderator.

Here its parts are put together and rendered; what they say is in `verdict`, `comparison_table`,
`disagreements`, `sanctioned` and `limits`. Both templates escape whatever they are given (`visible`), for
comments, names and even descriptions are other people's text (law 6).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import polars as pl
from markupsafe import Markup

from moderation_pipeline.evaluation.comparison_table import ReadableTable, readable
from moderation_pipeline.evaluation.disagreements import costliest_disagreements
from moderation_pipeline.evaluation.figures import Figure, focus_of
from moderation_pipeline.evaluation.judged import Run, reference_of
from moderation_pipeline.evaluation.limits import label_sources, limits
from moderation_pipeline.evaluation.quantities import count, percent, plural
from moderation_pipeline.evaluation.sanctioned import sanctioned_users
from moderation_pipeline.evaluation.templating import (
    html_environment,
    markdown_environment,
    read_template,
    style_hash,
)
from moderation_pipeline.evaluation.verdict import Verdict, verdict

DISAGREEMENTS = 10
USERS = 20


@dataclass(frozen=True, slots=True)
class Report:
    """A chat's report: the same content twice. The Markdown links the plots, the HTML page carries them."""

    markdown: str
    html: str


@dataclass(frozen=True, slots=True)
class _Case:
    """One disagreement in words."""

    text: str
    where: str
    repeats: int
    student: str
    student_reason: str
    expert: str
    expert_reason: str
    label: str


@dataclass(frozen=True, slots=True)
class _User:
    """One user who would be sanctioned, in words."""

    name: str
    channel: str
    what: str
    when: str
    why: str
    text: str
    wrong: str


@dataclass(frozen=True, slots=True)
class _Page:
    """All that a report says."""

    chat: str
    facts: str
    configs: list[tuple[str, str]]
    verdict: Verdict | None
    table: ReadableTable
    figures: Sequence[Figure]
    plots_at: str
    focus: str
    cases: list[_Case]
    users: list[_User]
    users_facts: str
    limits: list[str]
    made_from: str


def render_report(
    *,
    chat: str,
    comments: pl.DataFrame,
    runs: Sequence[Run],
    comparison: pl.DataFrame,
    figures: Sequence[Figure],
    ingestion: pl.DataFrame | None = None,
    rejected_lines: pl.DataFrame | None = None,
    plots_at: str = "plots",
) -> Report:
    """Return the report of one chat.

    Args:
        chat: the chat's name.
        comments: its comments.
        runs: every run of it that is compared.
        comparison: what `compare` made of them.
        figures: what `draw_figures` made of them.
        ingestion: the chat's row of the table `ingestion`, where there is one.
        rejected_lines: the lines that could not be read.
        plots_at: the folder, relative to the Markdown file, in which `save_figures` put the figures.
    """
    page = _page(chat, comments, runs, comparison, figures, ingestion, rejected_lines, plots_at)
    style = Markup(read_template("report.css"))
    return Report(
        markdown=markdown_environment().get_template("report.md.j2").render(page=page),
        html=html_environment()
        .get_template("report.html.j2")
        .render(page=page, style=style, style_hash=style_hash(style)),
    )


def _page(
    chat: str,
    comments: pl.DataFrame,
    runs: Sequence[Run],
    comparison: pl.DataFrame,
    figures: Sequence[Figure],
    ingestion: pl.DataFrame | None,
    rejected_lines: pl.DataFrame | None,
    plots_at: str,
) -> _Page:
    focus = focus_of(comparison) if comparison.height else ""
    run = next((run for run in runs if run.name == focus), None)
    users = sanctioned_users(comments, run) if run is not None else pl.DataFrame()
    return _Page(
        chat=chat,
        facts=_facts(comments, len(runs)),
        configs=[(run.name, run.config.config.description) for run in runs],
        verdict=verdict(comparison, label_sources(comments)),
        table=readable(comparison),
        figures=figures,
        plots_at=plots_at,
        focus=focus,
        cases=_cases(comments, run, reference_of(runs)) if run is not None else [],
        users=[_user(row) for row in users.head(USERS).iter_rows(named=True)],
        users_facts=_users_facts(comments, users, focus),
        limits=limits(comments, ingestion, rejected_lines, runs, comparison),
        made_from=_made_from(runs, ingestion),
    )


def _facts(comments: pl.DataFrame, configs: int) -> str:
    """Say what was moderated: how much, by whom, when, and how much of it is labelled."""
    users, channels = comments["user_id"].n_unique(), comments["channel"].n_unique()
    first, last = comments["sent_at"].min(), comments["sent_at"].max()
    when = ""
    if isinstance(first, datetime) and isinstance(last, datetime):
        when = f", written between {first:%Y-%m-%d %H:%M} and {last:%Y-%m-%d %H:%M} UTC"
    labelled = comments["label_is_violation"].drop_nulls()
    labels = "It has no labels."
    if labelled.len():
        violations = int(labelled.sum())
        labels = (
            f"{percent(labelled.len() / comments.height)} of the comments have a label, and"
            f" {count(violations)} of those {count(labelled.len())} ({percent(violations / labelled.len())})"
            " are violations."
        )
    return (
        f"{plural(comments.height, 'comment')} by {plural(users, 'user')} in"
        f" {plural(channels, 'channel')}{when}, moderated under {plural(configs, 'config')}. {labels}"
    )


def _cases(comments: pl.DataFrame, run: Run, reference: pl.DataFrame | None) -> list[_Case]:
    rows = costliest_disagreements(comments, run, reference, DISAGREEMENTS).iter_rows(named=True)
    return [
        _Case(
            text=row["text"],
            where=_where(row["user_name"], row["channel"], row["sent_at"], row["position"]),
            repeats=row["repeats"],
            student=_plan(row["student_action"], row["student_category"], row["student_confidence"]),
            student_reason=row["student_reasoning"] or "",
            expert=_plan(row["expert_action"], row["expert_category"], row["expert_confidence"]),
            expert_reason=row["expert_reasoning"] or "",
            label=_label(row["label_is_violation"], row["label_category"]),
        )
        for row in rows
    ]


def _where(user: str | None, channel: str | None, sent_at: datetime | None, position: int) -> str:
    return f"{user or 'unknown user'} in {channel or 'unknown channel'}, {_moment(sent_at, position)}"


def _moment(sent_at: datetime | None, position: int) -> str:
    return f"comment {position + 1:,}" if sent_at is None else f"{sent_at:%Y-%m-%d %H:%M:%S}"


def _plan(action: str, category: str, confidence: float | None) -> str:
    what = action if category == "none" else f"{action} · {category}"
    return what if confidence is None else f"{what} ({confidence:.0%} sure)"


def _label(is_violation: bool | None, category: str | None) -> str:
    if is_violation is None:
        return "no label"
    return f"violation{f' ({category})' if category else ''}" if is_violation else "innocent"


def _user(row: dict[str, object]) -> _User:
    """Return a row of `sanctioned_users` in words."""
    number = {
        name: int(str(row[name]))
        for name in ("warnings", "deletions", "timeouts", "bans", "labelled", "wrong")
    }
    counted = (("ban", "bans"), ("timeout", "timeouts"), ("deletion", "deletions"), ("warning", "warnings"))
    what = ", ".join(plural(number[many], one) for one, many in counted if number[many])
    at = row["first_at"]
    checked = number["labelled"]
    return _User(
        name=str(row["user_name"] or row["user_id"] or "unknown user"),
        channel=str(row["channel"] or ""),
        what=f"{what} (in shadow)" if row["is_shadow"] else what,
        when=_moment(at if isinstance(at, datetime) else None, int(str(row["first_position"]))),
        why=f"{row['category'] or 'no category'}: {row['reason'] or 'no reason given'}",
        text=str(row["text"] or ""),
        wrong=f"{number['wrong']} of {checked}" if checked else "not checkable",
    )


def _users_facts(comments: pl.DataFrame, users: pl.DataFrame, focus: str) -> str:
    if not focus:
        return "There is no run."
    if users.is_empty():
        return f"{focus} sanctions nobody."
    everyone = comments.select(pl.struct("channel", "user_id").n_unique()).item()
    said = f"{focus} would sanction {count(users.height)} of {plural(everyone, 'user')}"
    if users.height > USERS:
        said += f"; the {USERS} hardest hit are shown"
    checked, wrong = int(users["labelled"].sum()), users.filter(pl.col("wrong") > 0).height
    if checked:
        said += (
            f". {plural(wrong, 'user').capitalize()} would be sanctioned at least once for a comment labelled"
            " innocent"
        )
    return f"{said}."


def _made_from(runs: Sequence[Run], ingestion: pl.DataFrame | None) -> str:
    """Say what would have to be the same for the report to come out the same."""
    hashes = ", ".join(f"{run.name} {run.config.config_hash}" for run in runs)
    file = ""
    if ingestion is not None and ingestion.height:
        file = f"File {str(ingestion['file_hash'][0])[:16]} ({ingestion['format'][0]}). "
    return f"{file}Configs: {hashes}."
