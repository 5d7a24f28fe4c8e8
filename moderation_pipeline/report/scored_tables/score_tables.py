"""An evaluated table's frames as people read them: sensible digits, a meaning beside each term, no column too many.

The frames have every number; these are views of them. Sentences are `score_sentences`'.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import NamedTuple

import polars as pl

from moderation_pipeline.evaluation.scored.score_evaluation import Evaluation
from moderation_pipeline.report.comparison_table import (
    Cell,
    ColumnHead,
    Quantity,
    ReadableTable,
    Row,
    estimate,
    number,
    plain,
)
from moderation_pipeline.report.quantities import NONE, count, dollars, p_value, percent, score, signed
from moderation_pipeline.report.scored_tables.score_words import WORDS
from moderation_pipeline.rounding import rounded


class PlainTable(NamedTuple):
    """A table with one line per row: its heads, and a cell for each."""

    heads: list[str]
    rows: list[list[Cell]]


def judges_table(evaluation: Evaluation) -> ReadableTable:
    """Return a line per quantity, a column per judge; what nobody has is left out."""
    rows = evaluation.judges.to_dicts()
    lines = [
        Quantity(name, meaning, [cell(row) for row in rows]) for name, meaning, cell in _lines(evaluation)
    ]
    return ReadableTable(
        [ColumnHead(str(row["judge"])) for row in rows],
        [line for line in lines if any(cell.value != NONE for cell in line.cells)],
    )


def _lines(evaluation: Evaluation) -> list[tuple[str, str, Callable[[Row], Cell]]]:
    words = WORDS[evaluation.facts.label_source]
    return [
        ("Flags from", "the score from which on a row is flagged", plain("threshold", score)),
        ("Of the flagged", f"{words.violations} (precision)", estimate("precision", percent)),
        ("Found", f"of the {words.violations}, flagged (recall)", estimate("recall", percent)),
        (words.f1, "the two in one number: 1 is all found and nothing else flagged", estimate("f1", score)),
        (
            "Kappa",
            "agrees with the labels beyond what chance would (Cohen's): 1 is always",
            estimate("kappa", score),
        ),
        (
            "False alarms",
            f"of the rows {words.innocent}, flagged (false-positive rate)",
            estimate("false_positive_rate", percent),
        ),
        (
            "F1, threshold chosen",
            "chosen on nine tenths of the rows, judged on the last; its interval is a little too narrow",
            estimate("chosen_f1", score),
        ),
        (
            "Best threshold",
            "on these very rows, so too good to be believed by itself",
            plain("best_threshold", score),
        ),
        (
            "Ranks right",
            f"how often one {words.one} scores above one {words.innocent}; .5 is a coin (AUROC)",
            estimate("auroc", score),
        ),
        (
            "Precision over all thresholds",
            "a coin has the share of violations (AUPRC, average precision)",
            estimate("auprc", score),
        ),
        (
            "Score off by",
            "how far a score is from the share of violations, less what chance makes of it (calibration)",
            estimate("calibration_error", score),
        ),
        (
            "Errors, the surest first",
            "mean error rate if it decided only what it is surest of, over all shares: lower is better (AURC)",
            estimate("aurc", percent),
        ),
        (
            "Errors by weight",
            "in 1,000 rows, missed or wrongly flagged, by the weights below",
            estimate("harm_per_1000", _tenths),
        ),
        ("No verdict", "rows without a score, or that it can't judge: flagged by none", _without),
        ("Cost", "for 1,000 rows", plain("usd_per_1000", dollars)),
    ]


def _tenths(value: float | None) -> str:
    return NONE if value is None else rounded(value, 1)


def _without(row: Row) -> Cell:
    without = row["without_verdict"]
    return Cell(count(without)) if isinstance(without, int) and without else Cell(NONE)


NAMES = {"f1": "F1", "auroc": "AUROC", "auprc": "AUPRC", "precision": "precision", "recall": "recall"}


def differences_table(evaluation: Evaluation) -> PlainTable:
    """Return a line per two judges, with the differences that are told of most."""
    pairs = evaluation.differences.select("judge", "other").unique(maintain_order=True)
    rows = []
    for one, other in pairs.iter_rows():
        own = evaluation.differences.filter((pl.col("judge") == one) & (pl.col("other") == other))
        by_name = {row["estimate"]: row for row in own.iter_rows(named=True)}
        shown = [
            Cell(f"{one} less {other}"),
            *(_difference(by_name[name]) for name in ("f1", "auroc", "auprc")),
        ]
        first = by_name["f1"]
        shown.append(Cell(score(first["smallest_shown"])))
        shown.append(
            Cell(
                p_value(first["mcnemar_p_holm"]),
                f"right alone {first['right_alone']:,} and {first['other_right_alone']:,} times",
            )
        )
        rows.append(shown)
    heads = ["", "F1", "AUROC", "AUPRC", "F1: smallest that would show", "McNemar's p"]
    return PlainTable(heads, rows)


def _difference(row: Row) -> Cell:
    value, low, high = (number(row, f"difference{end}") for end in ("", "_low", "_high"))
    if value is None:
        return Cell(NONE)
    between = "" if low is None else f"{signed(low, 3)} to {signed(high, 3)}"
    return Cell(signed(value, 3), between)


def flips_table(evaluation: Evaluation) -> PlainTable:
    """Return a line per two judges: what each flags alone."""
    violations = WORDS[evaluation.facts.label_source].violations
    rows = [
        [
            Cell(f"{row['judge']} and {row['other']}"),
            Cell(percent(row["share"])),
            _alone(row["flagged_alone"], row["violations_among"], violations),
            _alone(row["other_flagged_alone"], row["other_violations_among"], violations),
        ]
        for row in evaluation.flips.iter_rows(named=True)
    ]
    return PlainTable(["", "decide otherwise", "the first alone flags", "the second alone flags"], rows)


def _alone(flagged: int, right: int, violations: str) -> Cell:
    return Cell(count(flagged), f"{count(right)} {violations}" if flagged else "")


def parts_table(
    frame: pl.DataFrame,
    heads: list[str],
    columns: Mapping[str, Callable[[Row], Cell]],
    of: str | None = None,
) -> PlainTable:
    """Return a line per row of a frame: its names first, then what is shown of it.

    `of` is what the first name is one of, in small print: the first column stays where a phone moves the others.
    """
    rows = [
        [
            Cell(str(row[heads[0]]), str(row[of]) if of is not None else ""),
            *(Cell(str(row[name])) for name in heads[1:]),
            *(cell(row) for cell in columns.values()),
        ]
        for row in frame.iter_rows(named=True)
    ]
    return PlainTable([*heads, *columns], rows)


def _count(name: str) -> Callable[[Row], Cell]:
    def cell(row: Row) -> Cell:
        value = row[name]
        return Cell(count(value if isinstance(value, int) else None))

    return cell


def category_table(evaluation: Evaluation) -> PlainTable:
    """Return a line per category and judge: of its violations, how many are found, and how well they rank."""
    if evaluation.categories.is_empty():
        return PlainTable([], [])
    columns = {
        WORDS[evaluation.facts.label_source].violations: _count("violations"),
        "found": estimate("recall", percent),
        "ranks right (AUROC)": estimate("auroc", score),
        "precision over all thresholds (AUPRC)": estimate("auprc", score),
    }
    return parts_table(evaluation.categories, ["category", "judge"], columns)


def coverage_table(coverage: pl.DataFrame) -> PlainTable:
    """Return a line per judge and share that it decides alone: how often it errs there."""
    columns = {
        "decided alone, the surest": plain("coverage", lambda share: percent(share, 0)),
        "that many": _count("decided"),
        "errors among those": estimate("risk", percent),
    }
    return parts_table(coverage, ["judge"], columns)


def fairness_table(fairness: pl.DataFrame, spared: str) -> PlainTable:
    """Return a line per group and judge: how often `spared` rows are flagged, and how far that is from the rest."""
    columns = {
        spared: _count("innocent"),
        "flagged": estimate("false_positive_rate", percent),
        "more than the rest": _points,
    }
    return parts_table(fairness, ["group", "judge"], columns, of="by")


def _points(row: Row) -> Cell:
    value, low, high = (number(row, f"difference{end}") for end in ("", "_low", "_high"))
    if value is None:
        return Cell(NONE)
    between = "" if low is None or high is None else f"{signed(100 * low, 1)} to {signed(100 * high, 1)}"
    return Cell(f"{signed(100 * value, 1)} points", between)


def group_table(evaluation: Evaluation) -> PlainTable:
    """Return a line per group and judge."""
    columns = {
        "rows": _count("rows"),
        WORDS[evaluation.facts.label_source].violations: _count("violations"),
        "false alarms": estimate("false_positive_rate", percent),
        "found": estimate("recall", percent),
        "F1": estimate("f1", score),
        "AUROC": estimate("auroc", score),
    }
    return parts_table(evaluation.groups, ["group", "judge"], columns, of="column")


def annotator_table(evaluation: Evaluation) -> PlainTable:
    """Return a line per annotator and judge, each held against the majority of the other annotators."""
    columns = {
        "labels": _count("held_against_others_on"),
        "precision": estimate("precision", percent),
        "recall": estimate("recall", percent),
        "F1": estimate("f1", score),
    }
    return parts_table(evaluation.annotators, ["judge"], columns)
