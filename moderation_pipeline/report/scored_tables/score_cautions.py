"""What a reader would take from the numbers of a labelled table that they don't hold, said before he takes it.

That precision goes with how many violations there are, that a score may be the wrong way round, that a judge may never
flag. Who is ahead is `score_sentences.py`'s.
"""

from __future__ import annotations

from collections.abc import Iterator

import polars as pl

from moderation_pipeline.evaluation.scored.score_evaluation import Evaluation
from moderation_pipeline.report.quantities import of_hundred, percent, score
from moderation_pipeline.report.scored_tables.score_words import WORDS

COMMON = 0.05
"""Where more of the rows are violations, the table is no sample of a live chat, and precision doesn't carry over."""

RARE = 0.01
"""How many violations there are in the chat that precision is told for: one in a hundred is many for a live one."""


def f1_of_everything(evaluation: Evaluation) -> float:
    """Return F1 of flagging every row: below it no judge is of use, and a threshold may just do that."""
    facts = evaluation.facts
    return 2 * facts.violations / (facts.rows + facts.violations)


def cautions(evaluation: Evaluation) -> list[str]:
    """Return what has to be said beside the verdict, or it would be taken for more than it is."""
    return [
        *_one_kind(evaluation),
        *_turned(evaluation),
        *_flags_nothing(evaluation),
        *_below_everything(evaluation),
        *_where_rarer(evaluation),
    ]


def _one_kind(evaluation: Evaluation) -> list[str]:
    """Return that precision and false alarms say nothing, where every row is a violation."""
    facts, words = evaluation.facts, WORDS[evaluation.facts.label_source]
    if facts.violations < facts.rows:
        return []
    return [
        f"All rows are {words.many}: precision is 1 whatever is flagged, and nothing can be said of false alarms nor "
        "of ranks. Rows that are none are wanted beside them; look at what was taken for no label."
    ]


def _turned(evaluation: Evaluation) -> list[str]:
    """Return which scores rank violations below the rest by more than chance: their low end is the bad one."""
    rows = evaluation.judges.filter((pl.col("kind") == "score") & (pl.col("auroc_high") < 0.5))
    return [
        f"{row['judge']} is lower for {WORDS[evaluation.facts.label_source].violations} than for the rest (AUROC "
        f"{score(row['auroc'])}). If a low score is its bad one, turn it: --score {row['judge']}=1-COLUMN."
        for row in rows.iter_rows(named=True)
    ]


def _flags_nothing(evaluation: Evaluation) -> list[str]:
    rows = evaluation.judges.filter((pl.col("tp") == 0) & (pl.col("fp") == 0) & (pl.col("kind") == "score"))
    return [
        f"{row['judge']} flags no row from {row['threshold']:g} on." for row in rows.iter_rows(named=True)
    ]


def _below_everything(evaluation: Evaluation) -> list[str]:
    """Return that F1 says nothing here, where flagging every row has a higher one than every judge."""
    facts, everything, best = evaluation.facts, f1_of_everything(evaluation), evaluation.judges["f1"].max()
    if not isinstance(best, float) or best > everything or facts.violations == facts.rows:
        return []
    violations = WORDS[evaluation.facts.label_source].many
    return [
        f"To flag every row would have F1 {score(everything)}, more than every judge here: where so many rows are "
        f"{violations}, F1 tells little. Go by false alarms, by what is found, and by AUROC."
    ]


def _where_rarer(evaluation: Evaluation) -> list[str]:
    """Return what precision would be in a live chat, from what is found and from false alarms, which carry over."""
    facts, violations = evaluation.facts, WORDS[evaluation.facts.label_source].many
    share = facts.violations / facts.rows
    said = [f"{judge} {of_hundred(precision)}" for judge, precision in _precision_where_rare(evaluation)]
    if share < COMMON or not said:
        return []
    return [
        f"Precision goes with how many rows are {violations}, here {percent(share)}. Were it one in a hundred, which "
        "is many for a live chat, and the rows of either kind like these, of 100 that are flagged so many would be: "
        f"{', '.join(said)}."
    ]


def _precision_where_rare(evaluation: Evaluation) -> Iterator[tuple[str, float]]:
    """Yield each judge that raised some false alarm; without one nothing is known of how rare they are."""
    for row in evaluation.judges.iter_rows(named=True):
        found, alarms = row["recall"], row["false_positive_rate"]
        if found is not None and alarms:
            yield row["judge"], RARE * found / (RARE * found + (1 - RARE) * alarms)
