"""What an evaluated table comes to, in sentences: who is ahead, what could not be told, who flips.

The numbers are `evaluation/scored/`'s; a difference is said to be one only where its interval, which holds for all
pairs together, leaves out nought.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import polars as pl

from moderation_pipeline.evaluation.scored.score_evaluation import Evaluation
from moderation_pipeline.report.quantities import (
    count,
    counted_out,
    of_hundred,
    percent,
    plural,
    score,
    signed,
)
from moderation_pipeline.report.scored_tables.score_cautions import cautions, f1_of_everything
from moderation_pipeline.report.scored_tables.score_words import WORDS
from moderation_pipeline.rounding import rounded
from moderation_pipeline.statistics.bootstrap import LEAST_USERS

RANKED_BY = "f1"
FINE = 0.02
"""A smaller difference is said with three digits."""


def verdict(evaluation: Evaluation) -> list[str]:
    """Return who is ahead at the thresholds asked for, by how much, and what other thresholds would bring."""
    source = evaluation.facts.label_source
    warning = [] if source == "human" else [WORDS[source].caution]
    return [
        *warning,
        *_ahead(evaluation),
        *_ranks_best(evaluation),
        *_other_thresholds(evaluation),
        *cautions(evaluation),
        *_without_verdict(evaluation),
    ]


def _other_thresholds(evaluation: Evaluation) -> list[str]:
    """Return which scores would do better from elsewhere on, judged on rows that the threshold was not chosen on."""
    everything = f1_of_everything(evaluation) + WORTH_SAYING
    scores = evaluation.judges.filter(pl.col("kind") == "score").drop_nulls(
        ["f1", "chosen_f1", "best_threshold"]
    )
    return [
        f"{row['judge']} flags from {row['threshold']:g} on; from about {rounded(row['best_threshold'], 2)} on its F1"
        f" would be some {score(row['chosen_f1'])} and not {score(row['f1'])}."
        for row in scores.iter_rows(named=True)
        if row["chosen_f1"] >= row["f1"] + WORTH_SAYING and row["chosen_f1"] > everything
    ]


def _without_verdict(evaluation: Evaluation) -> list[str]:
    """Return who says nothing of many rows: what is left open counts as missed, and is worth knowing."""
    reason = {"score": "which have no score", "config": "most of them in a language that it doesn't speak"}
    return [
        f"{row['judge']} gives no verdict on {count(row['without_verdict'])} rows, {reason[row['kind']]}: the "
        f"{WORDS[evaluation.facts.label_source].violations} among them count as missed."
        for row in evaluation.judges.iter_rows(named=True)
        if row["without_verdict"] > LEFT_OPEN * evaluation.facts.rows
    ]


def _ahead(evaluation: Evaluation) -> list[str]:
    ranked = evaluation.judges.drop_nulls(RANKED_BY).sort(RANKED_BY, descending=True, maintain_order=True)
    if ranked.is_empty():
        words = WORDS[evaluation.facts.label_source]
        return [f"No row is {words.one}, so nothing can be said of who finds them."]
    best = str(ranked["judge"][0])
    found = {
        str(name): _difference(evaluation.differences, best, str(name), RANKED_BY)
        for name in ranked["judge"][1:]
    }
    level = [name for name, each in found.items() if each is not None and each.value == 0]
    row, f1 = ranked.row(0, named=True), WORDS[evaluation.facts.label_source].f1
    rank = f"the highest {f1}" if len(found) > len(level) else f"the same {f1}" if found else f1
    have = "have {} at their thresholds" if level else "has {} at its threshold"
    first = f"{_and([best, *level])} {have.format(rank)}: {_interval(row, RANKED_BY)}."
    others = {name: each for name, each in found.items() if each is None or not each.is_none}
    return [first, *_in_counts(evaluation, row), *_told_apart(evaluation, others)]


def _ranks_best(evaluation: Evaluation) -> list[str]:
    """Return who tells violations from the rest better than the one of the highest F1 does, whatever the threshold."""
    ranked = evaluation.judges.drop_nulls(["auroc", RANKED_BY])
    if ranked.is_empty():
        return []
    best = ranked.sort(RANKED_BY, descending=True, maintain_order=True).row(0, named=True)
    first = ranked.sort("auroc", descending=True, maintain_order=True).row(0, named=True)
    gap = _difference(evaluation.differences, first["judge"], best["judge"], "auroc")
    if gap is None or gap.low is None or gap.low <= 0:
        return []
    words = WORDS[evaluation.facts.label_source]
    return [
        f"Whatever the threshold, {first['judge']} tells {words.violations} from the rest better than {best['judge']}: "
        f"of 100 pairs of one of each it puts {of_hundred(first['auroc'])} in the right order, {best['judge']} "
        f"{of_hundred(best['auroc'])} (AUROC {gap})."
    ]


def _told_apart(evaluation: Evaluation, found: Mapping[str, Found | None]) -> list[str]:
    """Return from whom the best is told apart, and from whom not."""
    ahead = {name: str(each) for name, each in found.items() if each is not None and (each.low or 0) > 0}
    said = [f"It is ahead of {_and([*ahead])}: {_and([*ahead.values()])}."] if ahead else []
    few = "users or clusters" if evaluation.facts.has_users else "rows"
    return said + [_level(name, each, few) for name, each in found.items() if name not in ahead]


def _level(name: str, found: Found | None, few: str) -> str:
    """Return that no difference was found, or could be; `few` are what there may be too few of."""
    if found is None or found.low is None:
        return f"Whether it is better than {name} can't be told: there are too few {few}."
    said = f"Between it and {name} no difference was found ({found})."
    if found.shown is None:
        return f"{said} These rows could have shown none, however large."
    return f"{said} These rows would have shown one of {score(found.shown)} or more."


LEFT_OPEN = 0.01
"""A larger share of rows without a verdict is said aloud."""

WORTH_SAYING = 0.02
"""By how much another threshold has to be better for anybody to move it."""


class Found(NamedTuple):
    """A difference with its bounds, and the smallest that these rows could have shown."""

    value: float
    low: float | None
    high: float | None
    shown: float | None

    @property
    def is_none(self) -> bool:
        """Whether the two do not differ, in any resample there is."""
        return self.value == 0 and (self.low or 0) == (self.high or 0) == 0

    @property
    def turned(self) -> Found:
        """The same the other way round."""
        low, high = (None if bound is None else -bound for bound in (self.high, self.low))
        return Found(-self.value, low, high, self.shown)

    def __str__(self) -> str:
        digits = 2 if abs(self.value) >= FINE else 3
        between = "" if self.low is None else f" [{signed(self.low, digits)}, {signed(self.high, digits)}]"
        return f"{signed(self.value, digits)}{between}"


def _difference(differences: pl.DataFrame, one: str, other: str, name: str) -> Found | None:
    """Return an estimate of one less the other's; null where either has none."""
    rows = differences.filter(pl.col("estimate") == name).drop_nulls("difference")
    for first, second in ((one, other), (other, one)):
        there = rows.filter((pl.col("judge") == first) & (pl.col("other") == second))
        if there.height:
            columns = ("difference", "difference_low", "difference_high", "smallest_shown")
            found = Found(*there.select(columns).row(0))
            return found if first == one else found.turned
    return None


def _interval(row: dict[str, object], name: str) -> str:
    value, low, high = (row[f"{name}{end}"] for end in ("", "_low", "_high"))
    assert isinstance(value, float)
    if not isinstance(low, float) or not isinstance(high, float):
        return score(value)
    return f"{score(value)} [{score(low)}, {score(high)}]"


def _and(parts: list[str]) -> str:
    return parts[0] if len(parts) == 1 else f"{', '.join(parts[:-1])} and {parts[-1]}"


def _in_counts(evaluation: Evaluation, row: Mapping[str, Any]) -> list[str]:
    """Return what a judge does in whole numbers: of 100 it flags, of 100 violations; nothing where that is unknown."""
    if row["precision"] is None or row["recall"] is None:
        return []
    words = WORDS[evaluation.facts.label_source]
    flagged = counted_out(row["tp"], row["tp"] + row["fp"], "row")
    one = words.violations.replace("rows ", "row ").replace("violations ", "violation ")
    found = counted_out(row["tp"], row["tp"] + row["fn"], one, words.violations)
    return [
        f"O{flagged.whole[1:]} that {row['judge']} flags {flagged.part} are {words.many}; {found.whole} it flags "
        f"{found.part}."
    ]


def counts_to_feel(evaluation: Evaluation) -> list[str]:
    """Return for each judge what it does in whole numbers."""
    rows = evaluation.judges.iter_rows(named=True)
    return [sentence for row in rows for sentence in _in_counts(evaluation, row)]


def flip_sentences(evaluation: Evaluation, most: int = 3) -> list[str]:
    """Return for the pairs that decide most rows otherwise how many those are, and who is right there."""
    pairs = (
        evaluation.flips.filter(pl.col("share") > 0)
        .sort("share", descending=True, maintain_order=True)
        .head(most)
    )
    words = WORDS[evaluation.facts.label_source]
    return [
        f"{row['judge']} and {row['other']} decide {percent(row['share'])} of the rows otherwise: {row['judge']} alone "
        f"flags {count(row['flagged_alone'])} ({words.counted(row['violations_among'])}), "
        f"{row['other']} alone {count(row['other_flagged_alone'])} ({count(row['other_violations_among'])})."
        for row in pairs.iter_rows(named=True)
    ]


def annotator_sentences(evaluation: Evaluation) -> list[str]:
    """Return how far annotators agree, and how judges compare with any one of them; nothing of one label."""
    facts, held = evaluation.facts, evaluation.annotators
    if facts.alpha is None or held.is_empty():
        return []
    between = "" if facts.alpha_low is None else f" [{score(facts.alpha_low)}, {score(facts.alpha_high)}]"
    said = [
        f"The annotators agree with Krippendorff's alpha {score(facts.alpha)}{between}: 0 is what chance brings, 1 is "
        "full agreement, and below 0.67 conclusions from the labels are tentative at best."
    ]
    human = held.row(0, named=True)
    judges = held.filter(pl.col("kind") != "annotator").iter_rows(named=True)
    others = _and([f"{row['judge']} {_interval(row, 'f1')}" for row in judges])
    said.append(
        f"Against the majority of the others any one annotator has F1 {_interval(human, 'f1')}; against the same "
        f"majorities {others}."
    )
    return said


def what_was_read(evaluation: Evaluation) -> str:
    """Return how many rows there are, how many of them violations, and what intervals are by."""
    facts = evaluation.facts
    by = (
        f"by {plural(facts.clusters, 'user or cluster', 'users or clusters')}"
        if facts.has_users
        else "by row"
    )
    held = f"in brackets 95 % intervals, {by} and text"
    if facts.clusters < LEAST_USERS:
        held = f"no estimate has an interval, {by}: too few to tell how far chance goes"
    return (
        f"{plural(facts.rows, 'labelled row')} of {facts.name}, {count(facts.violations)} "
        f"({percent(facts.violations / facts.rows)}) {WORDS[facts.label_source].many}; {held}. To flag every row would "
        f"have F1 {score(f1_of_everything(evaluation))}."
    )
