"""How `moderation evaluate` ends: one row per judge, sentences, and where the page is.

The estimates are `evaluation/scored/`'s, the sentences `report/`'s; here they are only laid out.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import get_args

import click

from moderation_pipeline.evaluation.scored.judged_rows import ALIKE, LabelSource
from moderation_pipeline.evaluation.scored.score_evaluation import Evaluation
from moderation_pipeline.report.scored_tables.evidence_sentences import (
    coverage_sentences,
    fairness_sentences,
    harm_sentence,
    noise_of,
)
from moderation_pipeline.report.scored_tables.score_sentences import (
    annotator_sentences,
    flip_sentences,
    verdict,
    what_was_read,
)
from moderation_pipeline.report.scored_tables.score_words import WORDS
from moderation_pipeline.terminal.chat_summary import wrapped
from moderation_pipeline.terminal.escaping import harmless
from moderation_pipeline.terminal.screen import console, estimate, number, print_table, two_digits

Row = Mapping[str, object]


def print_evaluation(evaluation: Evaluation) -> None:
    """Draw one row per judge, and say what it comes to."""
    columns = ["judge", "flags from", "F1", "precision", "recall", "F1, threshold chosen", "AUROC", "AUPRC"]
    if evaluation.facts.harm != str(ALIKE):
        columns.append("errors/1000 by weight")
    if evaluation.judges["usd_per_1000"].drop_nulls().len():
        columns.append("$/1000")
    rows = [[_cell(column, row) for column in columns] for row in evaluation.judges.iter_rows(named=True)]
    print_table(columns, rows, right=columns[1:])
    said = [what_was_read(evaluation), *verdict(evaluation), *flip_sentences(evaluation)]
    said += [*annotator_sentences(evaluation), *coverage_sentences(evaluation.coverage)]
    spared = WORDS[evaluation.facts.label_source].spared("rows")
    said += [*fairness_sentences(evaluation.fairness, spared), *noise_of(evaluation)]
    said.append(harm_sentence(evaluation.facts.harm))
    parts = {"category": evaluation.categories, "group": evaluation.groups}
    if named := [name for name, frame in parts.items() if not frame.is_empty()]:
        said.append(f"What each does by {' and by '.join(named)} stands on the page.")
    if evaluation.facts.label_source == "human":
        said.append(WORDS["human"].caution)
    click.echo("\n" + wrapped([harmless(each) for each in said], console().width))


def label_source(name: str) -> LabelSource:
    """Return the label source of that name; click has refused all others."""
    found: dict[str, LabelSource] = {source: source for source in get_args(LabelSource)}
    return found[name]


def as_mapping(evaluation: Evaluation) -> dict[str, object]:
    """Return everything for a script: the facts, the notes, and every frame as its rows."""
    frames = {name: frame.to_dicts() for name, frame in evaluation.frames()}
    return {"facts": asdict(evaluation.facts), "notes": list(evaluation.notes), **frames}


def write_page(evaluation: Evaluation, path: Path) -> None:
    """Write the page."""
    from moderation_pipeline.report.scored_tables.score_page import score_page

    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(score_page(evaluation), encoding="utf-8")


def write_frames(evaluation: Evaluation, folder: Path) -> list[Path]:
    """Write every frame that holds anything as CSV, and return the files."""
    folder.mkdir(parents=True, exist_ok=True)
    paths = []
    for name, frame in evaluation.frames():
        if frame.height:
            paths.append(folder / f"{name}.csv")
            frame.write_csv(paths[-1])
    return paths


def _cell(column: str, row: Row) -> str:
    match column:
        case "judge":
            return str(row["judge"])
        case "flags from":
            return number(row["threshold"], 3) if isinstance(row["threshold"], float) else "–"
        case "$/1000":
            return number(row["usd_per_1000"]) if isinstance(row["usd_per_1000"], float) else "–"
        case "errors/1000 by weight":
            return number(row["harm_per_1000"], 3) if isinstance(row["harm_per_1000"], float) else "–"
        case "precision" | "recall":
            return two_digits(row[column])
        case "F1, threshold chosen":
            return two_digits(row["chosen_f1"])
        case _:
            return estimate(row, column.lower())
