"""What an evaluated table says of its errors: what they weigh, which are left if less is decided alone, whom they hit.

And how far its labels can be believed. The numbers are `evaluation/scored/`'s; who is ahead is `score_sentences`'.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import polars as pl

from moderation_pipeline.evaluation.scored.false_alarms import LEAST_INNOCENT
from moderation_pipeline.evaluation.scored.identity_terms import NAMES_NONE
from moderation_pipeline.evaluation.scored.label_noise import ANNOTATOR
from moderation_pipeline.evaluation.scored.score_evaluation import Evaluation
from moderation_pipeline.report.quantities import SPACE, count, percent, plural, score, signed
from moderation_pipeline.report.scored_tables.score_words import WORDS

FAR_FEWER, FEWER = 0.5, 0.8
"""How much less often than on everything it has to err on a share for that to be said: best half as often."""

ALL_BUT_FEW = 0.99
"""Who gives a verdict on less says of how many rows it is spoken."""

Row = Mapping[str, Any]


def coverage_sentences(coverage: pl.DataFrame) -> list[str]:
    """Return for each judge the largest share of which it errs at most half as often, else that it errs least on.

    Nothing of a judge who never errs.
    """
    said = []
    for (judge,), rows in coverage.group_by("judge", maintain_order=True):
        everything = rows.row(-1, named=True)
        errs = f"{judge} errs on {of_100(everything, 'risk')}{_that_it_decides(everything)}"
        if not everything["errors"]:
            continue
        surer = rows.filter(pl.col("risk") <= FAR_FEWER * everything["risk"]).sort("coverage")
        if surer.is_empty():
            least = rows.filter(pl.col("risk") <= FEWER * everything["risk"])
            surer = least.sort("risk", descending=True)
        if surer.is_empty():
            said.append(
                f"{errs}, and hardly less often where it is surest: how sure it "
                "is doesn't tell where somebody else had better decide."
            )
            continue
        best = surer.row(-1, named=True)
        said.append(
            f"{errs}. On the {percent(best['coverage'], 0)} that it is surest of "
            f"it errs on {of_100(best, 'risk')}; somebody else would decide the rest."
        )
    return said


def _that_it_decides(everything: Row) -> str:
    """Return of how many rows a judge's errors are, where it leaves more than a few open."""
    share = everything["coverage"]
    return "" if share >= ALL_BUT_FEW else f" that it gives a verdict on ({percent(share, 0)})"


def of_100(row: Row, name: str) -> str:
    """Return a share as so many of 100, with its interval."""
    value, low, high = (row[f"{name}{end}"] for end in ("", "_low", "_high"))
    between = "" if low is None or high is None else f" [{_tenths(low)} to {_tenths(high)}]"
    return f"{_tenths(value)}{between} of 100"


def _tenths(share: float) -> str:
    """Return 4.8 of a share of .048; what is neither none nor all is never rounded to it."""
    return percent(share).removesuffix(f"{SPACE}%")


def fairness_sentences(fairness: pl.DataFrame, spared: str) -> list[str]:
    """Return which groups have more false alarms than the rest, judge by judge, and of how many that was asked.

    `spared` is what the labels say is no violation, in words (`Words.spared`).
    """
    if fairness.is_empty():
        return [
            f"Whether {spared} are flagged more often than others where they name some group of people can't be told:"
            f" too few name one, or are in another language ({LEAST_INNOCENT} are wanted)."
        ]
    said: list[str] = []
    for (judge,), rows in fairness.group_by("judge", maintain_order=True):
        said += _of_judge(str(judge), rows, spared)
    return said


def _of_judge(judge: str, rows: pl.DataFrame, spared: str) -> Iterator[str]:
    asked = rows.drop_nulls("difference")
    more = asked.filter(pl.col("difference_low") > 0).sort("difference", descending=True)
    if more.is_empty():
        yield (
            f"{judge}: of {plural(asked.height, 'group and language', 'groups and languages')} none is shown to have"
            f" more of its {spared} flagged than the rest."
        )
        return
    named = ", ".join(
        f"{_group(row)} ({signed(100 * row['difference'], 1)} points [{signed(100 * row['difference_low'], 1)},"
        f" {signed(100 * row['difference_high'], 1)}])"
        for row in more.head(5).iter_rows(named=True)
    )
    rest = rows.filter(pl.col("group") == NAMES_NONE)
    held = (
        "" if rest.is_empty() else f" (of 100 that name no group: {_tenths(rest['false_positive_rate'][0])})"
    )
    yield f"{judge} flags {spared} more often than the rest where they name, or are in: {named}{held}."


def _group(row: Row) -> str:
    return f"language {row['group']}" if row["by"] == "language" else str(row["group"])


def noise_of(evaluation: Evaluation) -> list[str]:
    """Return what labels that err leave of an evaluated table's F1."""
    facts = evaluation.facts
    return noise_sentences(evaluation.noise, facts.second, WORDS[facts.label_source].f1)


def noise_sentences(noise: pl.DataFrame, second: str | None, f1: str) -> list[str]:
    """Return what labels that err leave of F1, under which assumptions; or that nobody can say.

    `second` is who judged the rows besides the labels, `f1` what F1 is called here.
    """
    if noise.is_empty():
        return [
            "How far the labels err is not known, for each row was judged once: no estimate here is corrected for it."
            " A second judge on some hundred rows would tell."
        ]
    first = noise.row(0, named=True)
    return (
        _corrected(noise)
        if first["basis"] == "annotators"
        else _bounded(noise, second or "a second annotator", f1)
    )


def _corrected(noise: pl.DataFrame) -> list[str]:
    of = {row["estimate"]: row for row in noise.filter(judge=ANNOTATOR).iter_rows(named=True)}
    if any(of[name]["value"] is None for name in of):
        return [
            "The annotators' labels can't be told from guesses, so that no estimate is corrected for their errors."
        ]
    others = noise.filter((pl.col("judge") != ANNOTATOR) & (pl.col("estimate") == "f1")).drop_nulls("value")
    found = "; ".join(f"{row['judge']} {_between(row)}" for row in others.iter_rows(named=True))
    return [
        f"By how often annotators agree, one of them finds {percent(of['hits']['value'], 0)} of the violations and"
        f" flags {percent(of['false_alarms']['value'], 0)} of what is none;"
        f" {percent(of['prevalence']['value'])} of {count(of['hits']['items'])} rows with three labels or more are"
        f" violations. Corrected for that, F1 would be: {found}. Assumed: annotators err alike and independently of"
        " each other and of the scores, given the truth. Where hard rows make them err together, too little is"
        " corrected."
    ]


def _between(row: Row) -> str:
    between = "" if row["low"] is None else f" [{score(row['low'])}, {score(row['high'])}]"
    return f"{score(row['value'])}{between}"


def _bounded(noise: pl.DataFrame, second: str, f1: str) -> list[str]:
    first = noise.row(0, named=True)
    found = "; ".join(
        f"{row['judge']} {score(row['low'])} to {score(row['high'])}"
        for row in noise.filter(estimate="f1").iter_rows(named=True)
    )
    return [
        f"The labels and {second} differ on {count(first['differ'])} of {count(first['items'])} rows. If either may be"
        f" right on each of those, and both are where they agree, {f1} lies"
        f" between: {found}. Who decides as {second} does is flattered by the upper end."
    ]


def harm_sentence(weights: str) -> str:
    """Return by which weights errors were added up."""
    return f"Errors by weight: {weights} (--harm for a table, `audit: {{harm: …}}` in a config)."
