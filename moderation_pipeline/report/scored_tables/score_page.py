"""The page of an evaluated table: one self-contained HTML file, escaped like every report (law 6)."""

from __future__ import annotations

from dataclasses import dataclass

from markupsafe import Markup

from moderation_pipeline.evaluation.scored.score_evaluation import Evaluation
from moderation_pipeline.report.comparison_table import ReadableTable
from moderation_pipeline.report.figure import Figure
from moderation_pipeline.report.quantities import NONE, score
from moderation_pipeline.report.scored_tables.evidence_sentences import (
    coverage_sentences,
    fairness_sentences,
    harm_sentence,
    noise_of,
)
from moderation_pipeline.report.scored_tables.score_charts import score_figures
from moderation_pipeline.report.scored_tables.score_methods import ScoreMethods, score_methods
from moderation_pipeline.report.scored_tables.score_sentences import (
    annotator_sentences,
    counts_to_feel,
    flip_sentences,
    verdict,
    what_was_read,
)
from moderation_pipeline.report.scored_tables.score_tables import (
    PlainTable,
    annotator_table,
    category_table,
    coverage_table,
    differences_table,
    fairness_table,
    flips_table,
    group_table,
    judges_table,
)
from moderation_pipeline.report.scored_tables.score_words import WORDS
from moderation_pipeline.report.templating import html_environment, read_template, style_hash

EXAMPLES = 5
"""Rows shown of what one judge flags and another doesn't."""

MOST_PAIRS = 12
"""Ordered pairs of which rows are shown; the frame `flipped` has all."""


@dataclass(frozen=True, slots=True)
class FlipShown:
    """Some rows that one judge flags and another doesn't."""

    title: str
    rows: list[tuple[str, str]]


@dataclass(frozen=True, slots=True)
class _ScorePage:
    """All that the page says."""

    name: str
    facts: str
    verdict: list[str]
    counts: list[str]
    judges: ReadableTable
    who: list[tuple[str, str]]
    figures: list[Figure]
    differences: PlainTable
    flips: PlainTable
    flip_sentences: list[str]
    flipped: list[FlipShown]
    coverage: PlainTable
    coverage_sentences: list[str]
    fairness: PlainTable
    fairness_sentences: list[str]
    spared: str
    violations: str
    noise_sentences: list[str]
    harm: str
    categories: PlainTable
    groups: PlainTable
    annotators: PlainTable
    annotator_sentences: list[str]
    limits: list[str]
    methods: ScoreMethods


def score_page(evaluation: Evaluation) -> str:
    """Return the page as HTML."""
    style = Markup(read_template("report.css"))
    template = html_environment().get_template("scored_table.html.j2")
    return template.render(page=_page(evaluation), style=style, style_hash=style_hash(style))


def _page(evaluation: Evaluation) -> _ScorePage:
    words = WORDS[evaluation.facts.label_source]
    return _ScorePage(
        name=evaluation.facts.name,
        facts=what_was_read(evaluation),
        verdict=verdict(evaluation),
        counts=counts_to_feel(evaluation),
        judges=judges_table(evaluation),
        who=list(evaluation.judges.select("judge", "what").iter_rows()),
        figures=score_figures(evaluation),
        differences=differences_table(evaluation),
        flips=flips_table(evaluation),
        flip_sentences=flip_sentences(evaluation),
        flipped=_flipped(evaluation),
        coverage=coverage_table(evaluation.coverage),
        coverage_sentences=coverage_sentences(evaluation.coverage),
        fairness=fairness_table(evaluation.fairness, words.spared("rows")),
        fairness_sentences=fairness_sentences(evaluation.fairness, words.spared("rows")),
        spared=words.spared("rows"),
        violations=words.violations,
        noise_sentences=noise_of(evaluation),
        harm=harm_sentence(evaluation.facts.harm),
        categories=category_table(evaluation),
        groups=group_table(evaluation),
        annotators=annotator_table(evaluation),
        annotator_sentences=annotator_sentences(evaluation),
        limits=[words.caution, *evaluation.notes, *_limits(evaluation)],
        methods=score_methods(evaluation.facts),
    )


def _flipped(evaluation: Evaluation) -> list[FlipShown]:
    shown, words = [], WORDS[evaluation.facts.label_source]
    pairs = evaluation.flipped.group_by("flagged_by", "not_by", maintain_order=True)
    for (one, other), rows in list(pairs)[:MOST_PAIRS]:
        examples = [
            (
                row["text"],
                f"row {row['row']:,} · {words.one if row['label'] else words.innocent}"
                f"{'' if row['category'] is None else ' (' + row['category'] + ')'} · "
                f"{one} {score(row['score'])}, {other} {score(row['other_score'])}",
            )
            for row in rows.head(EXAMPLES).iter_rows(named=True)
        ]
        shown.append(FlipShown(f"Flagged by {one}, not by {other}: {rows.height:,}", examples))
    return shown


def _limits(evaluation: Evaluation) -> list[str]:
    limits = []
    if not evaluation.facts.has_users:
        limits.append(
            "Nobody said who wrote a row, so each is taken for somebody else's. If users wrote several, or a template "
            "made them, intervals are too narrow: name the column with --user or --cluster."
        )
    if evaluation.judges["usd_per_1000"].null_count():
        limits.append(
            f"{NONE} is an unknown price: --price NAME=DOLLARS says what 1,000 rows cost by a score."
        )
    if evaluation.judges.filter(kind="config").height:
        limits.append(
            "The keyless configs read English, and know some words of other languages; they were not told how rare "
            "violations are here, and without a time they see of a row only its text and its user's rows before it."
        )
    if evaluation.categories.height or evaluation.groups.height:
        limits.append(
            "Of many categories or groups the worst looks worse than it is: their intervals are each its own."
        )
    return limits
