"""The report of a chat, as one Markdown and one self-contained HTML page for a lead moderator.

Here its parts are put together and rendered; what they say is in `conclusion`, `comparison_table`,
`disagreements`, `sanctioned` and `limits`. Both templates escape whatever they are given (`markup`), for
comments, names and even descriptions are other people's text (law 6).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import polars as pl
from markupsafe import Markup

from moderation_pipeline.evaluation.comparable import other_code_sentence, stale_sentence
from moderation_pipeline.evaluation.config_comparison import focus_of
from moderation_pipeline.evaluation.felt_counts import felt_counts
from moderation_pipeline.evaluation.judged import Run
from moderation_pipeline.evaluation.sanctioned import sanctioned_users
from moderation_pipeline.evaluation.yardstick import reference_of
from moderation_pipeline.report.certificate_sentences import CertificateWords
from moderation_pipeline.report.comparison_table import ReadableTable, readable
from moderation_pipeline.report.conclusion import Conclusion, conclusion
from moderation_pipeline.report.disagreement_pages.case_pages import MOST, case_pages
from moderation_pipeline.report.figure import Figure
from moderation_pipeline.report.label_evidence import LabelEvidence, label_evidence
from moderation_pipeline.report.label_words.label_voice import ACTS, voice_of
from moderation_pipeline.report.limits import label_sources, limits
from moderation_pipeline.report.quantities import count
from moderation_pipeline.report.report_parts import (
    CATEGORIES,
    DISAGREEMENTS,
    IN_MARKDOWN,
    NAMED_USERS,
    USERS,
    CaseShown,
    CasesShown,
    CertificatesShown,
    UserShown,
    cases,
    chat_facts,
    made_from,
    user,
    users_facts,
)
from moderation_pipeline.report.stand_ins import marks_of
from moderation_pipeline.report.templating import (
    html_environment,
    markdown_environment,
    read_template,
    style_hash,
)
from moderation_pipeline.report.twin_part import TwinShown, twins
from moderation_pipeline.report.words.glossary import WORDS, Word
from moderation_pipeline.report.words.methods import Methods, methods
from moderation_pipeline.report.words.number_queries import Shown
from moderation_pipeline.report.words.people_sentences import people_sentence


@dataclass(frozen=True, slots=True)
class Report:
    """A chat's report: the same content twice. The Markdown links the plots, the HTML page carries them.

    `beside` are the pages of all disagreements, by file name.
    """

    markdown: str
    html: str
    beside: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class _Page:
    """All that a report says."""

    chat: str
    facts: str
    configs: list[tuple[str, str]]
    verdict: Conclusion | None
    people: str | None
    stale: str | None
    other_code: str | None
    certified: list[CertificateWords]
    small_print: list[str]
    table: ReadableTable
    figures: Sequence[Figure]
    plots_at: str
    focus: str
    cases: Sequence[CaseShown]
    every_case: CasesShown
    more_cases: str
    users: list[UserShown]
    more_users: list[UserShown]
    users_facts: str
    wrong_of_user: str
    twins: list[TwinShown]
    evidence: LabelEvidence
    limits: list[str]
    has_labels: bool
    has_moderators: bool
    words: Sequence[Word]
    methods: Methods | None
    made_from: str
    in_markdown: int = IN_MARKDOWN
    categories: Sequence[str] = CATEGORIES


def render_report(
    *,
    chat: str,
    comments: pl.DataFrame,
    runs: Sequence[Run],
    comparison: pl.DataFrame,
    figures: Sequence[Figure],
    ingestion: pl.DataFrame | None = None,
    rejected_lines: pl.DataFrame | None = None,
    certified: CertificatesShown | None = None,
    left_out: Mapping[str, str] | None = None,
    other_code: Mapping[str, str] | None = None,
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
        certified: what the runs may do alone, and what their Experts get wrong, where that is known.
        left_out: by config why its run is not among them, though there is one.
        other_code: by config why its run may differ from the others by its code, not by its config.
        plots_at: the folder, relative to the Markdown file, in which `save_figures` put the figures.
    """
    page = _page(
        chat,
        comments,
        runs,
        comparison,
        figures,
        ingestion,
        rejected_lines,
        certified or CertificatesShown(),
        left_out or {},
        other_code or {},
        plots_at,
    )
    style = Markup(read_template("report.css"))
    return Report(
        markdown=markdown_environment().get_template("report.md.j2").render(page=page),
        html=html_environment()
        .get_template("report.html.j2")
        .render(page=page, style=style, style_hash=style_hash(style)),
        beside=dict(case_pages(chat, page.focus, *page.every_case)),
    )


def _page(
    chat: str,
    comments: pl.DataFrame,
    runs: Sequence[Run],
    comparison: pl.DataFrame,
    figures: Sequence[Figure],
    ingestion: pl.DataFrame | None,
    rejected_lines: pl.DataFrame | None,
    certified: CertificatesShown,
    left_out: Mapping[str, str],
    other_code: Mapping[str, str],
    plots_at: str,
) -> _Page:
    focus = focus_of(comparison) if comparison.height else ""
    run = next((run for run in runs if run.name == focus), None)
    sources = label_sources(comments)
    by_acts = ACTS in sources
    marks = {each.name: marks_of(each) for each in runs}
    verdict = conclusion(comparison, sources, certified.in_a_few_words(), marks=marks, stale=len(left_out))
    chosen = next((each for each in runs if verdict is not None and each.name == verdict.config), None)
    every = CasesShown([], 0) if run is None else cases(comments, run, reference_of(run, runs), MOST)
    evidence = label_evidence(comments, run, runs)
    users = sanctioned_users(comments, run) if run is not None else pl.DataFrame()
    may = certified.words(runs)
    felt = None if chosen is None else felt_counts(comments, chosen)
    shown = Shown(chat, "" if chosen is None else chosen.name, focus, felt, bool(may))
    return _Page(
        chat=chat,
        facts=chat_facts(comments, len(runs)),
        configs=[(run.name, run.config.config.description) for run in runs],
        verdict=verdict,
        people=None if chosen is None else people_sentence(chosen.name, felt, by_acts=by_acts),
        stale=stale_sentence(chat, left_out),
        other_code=other_code_sentence(chat, other_code),
        certified=may,
        small_print=certified.small_print(),
        table=readable(_chosen_first(comparison, shown.chosen), marks, by_acts=by_acts),
        figures=figures,
        plots_at=plots_at,
        focus=focus,
        cases=every.cases[:DISAGREEMENTS],
        every_case=every,
        more_cases=count(len(every.cases)) if every.cases else "",
        users=[user(row) for row in users.head(USERS).iter_rows(named=True)],
        more_users=[user(row) for row in users.slice(USERS, NAMED_USERS).iter_rows(named=True)],
        users_facts=users_facts(comments, users, focus, by_acts=by_acts),
        wrong_of_user=voice_of(by_acts=by_acts).wrong_of_user,
        twins=twins(comments, runs),
        evidence=evidence,
        limits=[*limits(comments, ingestion, rejected_lines, runs, comparison), *evidence.limits],
        has_labels=bool(sources),
        has_moderators="moderators" in sources,
        words=WORDS,
        methods=methods(comments, runs, comparison, shown),
        made_from=made_from(runs, ingestion),
    )


def _chosen_first(comparison: pl.DataFrame, chosen: str) -> pl.DataFrame:
    """Return the configs with the one that is recommended first: a phone shows one column."""
    return comparison.sort(pl.col("config") != chosen, maintain_order=True)
