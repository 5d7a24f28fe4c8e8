"""How a report's numbers were computed: a paragraph to quote, its references, and the query that gives each number.

What a number *is* is defined in `evaluation/estimates.py`; here it is said in words, with all that would have to be
the same for it to come out the same.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import polars as pl

from moderation_pipeline.evaluation.calibration_error import RESAMPLES as AUDITS_RESAMPLES
from moderation_pipeline.evaluation.judged import Run
from moderation_pipeline.report.comparison_table import sources
from moderation_pipeline.report.label_words.label_voice import ACTS
from moderation_pipeline.report.limits import label_sources
from moderation_pipeline.report.quantities import count, plural
from moderation_pipeline.report.report_parts import by_whom
from moderation_pipeline.report.words.number_queries import NumberQuery, Shown, in_shell, number_queries
from moderation_pipeline.report.words.references import bibtex
from moderation_pipeline.statistics.bootstrap import RESAMPLES

CITED = (
    "horvitz1952generalization",
    "cameron2011robust",
    "clopper1934confidence",
    "korn1998confidence",
    "westfall1993resampling",
    "wilson1927probable",
)


@dataclass(frozen=True, slots=True)
class Methods:
    """A paragraph, a BibTeX entry, who decided under which config, and by number where it stands and how to ask.

    `sources` are columns of the comparison, which `query` asks for; `queries` are the other numbers'.
    """

    paragraph: str
    bibtex: str
    models: list[tuple[str, str]]
    sources: list[tuple[str, str]]
    query: str
    queries: list[NumberQuery]


def methods(
    comments: pl.DataFrame, runs: Sequence[Run], comparison: pl.DataFrame, shown: Shown
) -> Methods | None:
    """Return how the numbers of a comparison were computed; null where there is none."""
    if comparison.is_empty():
        return None
    comments_version = str(comparison["data_version"][0] or "unknown")
    by_acts = ACTS in label_sources(comments)
    hashes = ", ".join(f"{run.name} {run.config.config_hash}" for run in runs)
    return Methods(
        _paragraph(comments, runs, comparison),
        bibtex(
            f"Moderation pipeline: report on the chat {shown.chat}",
            f"comments {comments_version}; configs {hashes}",
            CITED,
        ),
        [(run.name, _models(run)) for run in runs],
        [(name, ", ".join(columns)) for name, columns in sources(by_acts=by_acts)],
        in_shell(f"select config, precision, recall, f1 from comparison where chat = '{shown.chat}'"),
        number_queries(shown, runs, comparison),
    )


def _paragraph(comments: pl.DataFrame, runs: Sequence[Run], comparison: pl.DataFrame) -> str:
    labelled = int(comparison["labelled"][0] or 0)
    judged = (
        f"Precision, recall and F1 of violation are of the {count(labelled)} labelled comments; a violation that"
        " nobody decided about counts as missed. "
        if labelled
        else "The chat has no labels, so nothing is called right or wrong. "
    )
    return (
        f"{plural(comments.height, 'comment')} {by_whom(comments['user_id'])} were moderated in their order under"
        f" {plural(len(runs), 'config')}, each seeing the same comments. {judged}Agreement with the Expert is of all"
        " comments where the Expert judged all; else of the audited ones, each weighted by one over the probability"
        " with which it was audited (Horvitz and Thompson 1952), which was known before the draw. Intervals are of"
        f" 95 %: percentile bootstrap of users (or of the data set's own clusters; {RESAMPLES:,} resamples by NumPy's"
        " generator, seeded with BLAKE2b of the chat's name in eight bytes, so that the same tables give the same"
        " ends), stretched by Student's t where"
        " users are few and by what copied texts add to the variance (Cameron, Gelbach and Miller 2011), and widened"
        " to the exact binomial bounds (Clopper and Pearson 1934) for the effective number of cases where fewer than"
        " ten of those have the rarer outcome (Korn and Graubard 1998). Those of the Expert's own errors are Wilson's"
        " (1927), and that of how far a Student's confidence is off is a basic bootstrap's of audits"
        f" ({AUDITS_RESAMPLES} resamples, one seed for all chats). Differences between configs are of the same"
        " comments, resampled together; their intervals hold for all configs at once (largest of the"
        " studentised differences; Westfall and Young 1993)."
    )


def _models(run: Run) -> str:
    """Return which models answered in a run, with the versions that they gave and of what they were asked."""
    tables = (("Student", run.student_decisions), ("Expert", run.expert_audits))
    said = [f"{who}: {', '.join(names)}" for who, rows in tables if (names := _answering(rows))]
    return "; ".join(said) or "nobody was asked"


def _answering(rows: pl.DataFrame) -> list[str]:
    known = rows.drop_nulls("backend").select("backend", "model", "prompt_version").unique().sort(pl.all())
    return [" ".join(part for part in parts if part) for parts in known.iter_rows()]
