"""`evaluate`: from a labelled table to what its scores are worth, in one call."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import polars as pl

from moderation_pipeline.contest.asked import BESIDE, Asked
from moderation_pipeline.contest.judged_table import judged_table, needed
from moderation_pipeline.contest.keyless_judges import keyless_judgements
from moderation_pipeline.contest.table_file import columns_of
from moderation_pipeline.evaluation.scored.annotators import agreement_of_annotators, annotators_frame
from moderation_pipeline.evaluation.scored.judged_rows import JudgedRows, LabelSource
from moderation_pipeline.evaluation.scored.label_noise import NOISE, noise_of_votes
from moderation_pipeline.evaluation.scored.score_evaluation import Evaluation, Facts, evaluation_of
from moderation_pipeline.evaluation.scored.score_sums import with_chosen
from moderation_pipeline.statistics.bootstrap import NOTHING

SEED = "a labelled table"
"""Words for what chance draws: the same whatever a file is called, so that a copy of a table says what it says."""


def evaluate(
    table: Path | str | pl.DataFrame,
    *,
    text: str,
    label: str | Sequence[str],
    score: str | Sequence[str] | Mapping[str, str] = (),
    user: str | None = None,
    time: str | None = None,
    category: str | None = None,
    cluster: str | None = None,
    group: str | Sequence[str] = (),
    annotator: str | None = None,
    item: str | None = None,
    no_label: str | Sequence[str] = (),
    encoding: str | None = None,
    sheet: str | None = None,
    threshold: float | Mapping[str, float] | None = None,
    price: Mapping[str, float] | None = None,
    harm: Mapping[str, float] | None = None,
    label_source: LabelSource = "human",
    configs: Sequence[str] = BESIDE,
) -> Evaluation:
    """Judge the scores of a labelled table, and the keyless configs beside them.

    Args:
        table: a CSV, JSON, JSONL, Parquet, Arrow or Excel (.xlsx) file, or a frame.
        text: the column of texts.
        label: what says which rows are violations: a column of true and false, `column=value,value`,
            `column>=number`, or several columns, one per annotator.
        score: `name=column` of each score (`column/100` where it is out of 100, `1-column` where a low one is the
            bad one), or a mapping of the same.
        user: who wrote a row; intervals take a user's rows as one.
        time: when it was written, where the rows are a stream.
        category: what kind of violation a row is, in words of your own.
        cluster: what made rows that belong together, where that is no user (a template, a thread).
        group: columns of groups that are looked at one by one.
        annotator: whose label a row is, where each row is one annotator's label of an item.
        item: what was labelled, with `annotator`.
        no_label: values of the label that say nothing (`unsure`); their rows are left out.
        encoding: what a file of text is in, where it is neither UTF-8, UTF-16 nor Windows-1252: `cp1251`.
        sheet: which sheet of a workbook is the table, where several have rows.
        threshold: from which score on a row is flagged: for all, or by score; .5 where nothing is said.
        price: dollars for 1,000 rows, by score.
        harm: what errors weigh: `missed`, `wrongful`, or a category of `category`; 1 where nothing is said.
        label_source: who labelled: `human`, `moderators` (they acted), or `model`.
        configs: the ready-made keyless configs that are judged beside the scores: of `student_only` (rules),
            `expert_only` (careful rules), `student_memory` and `hybrid`.

    Raises:
        ModerationError: what is asked, or what is in the table, can't be understood; it says what can.
    """
    asked = Asked(
        text=text,
        labels=_listed(label),
        scores=_named(score),
        user=user,
        time=time,
        category=category,
        cluster=cluster,
        groups=_listed(group),
        annotator=annotator,
        item=item,
        no_label=_listed(no_label),
        encoding=encoding,
        sheet=sheet,
        thresholds=_numbered(threshold),
        prices=_numbered(price),
        harm=_numbered(harm),
        label_source=label_source,
        configs=tuple(configs),
    )
    return evaluate_asked(table, asked)


def evaluate_asked(table: Path | str | pl.DataFrame, asked: Asked) -> Evaluation:
    """Judge a table as it was asked for (`evaluate`)."""
    there: list[str] = []

    def wanted(names: Sequence[str]) -> Sequence[str]:
        there.extend(names)
        return needed(asked, names)

    columns = columns_of(table, asked.text, wanted, asked.encoding, asked.sheet)
    read = judged_table(asked, columns, there)
    others = keyless_judgements(read.rows, asked.configs)
    judges = (*read.judges, *(each.judge for each in others))
    rows = pl.concat([read.rows, *(each.columns for each in others)], how="horizontal")
    harm = asked.weights_of(read.rows["category"].drop_nulls().unique().to_list())
    voted = JudgedRows(rows, judges, read.groups, asked.label_source, SEED, harm)
    judged = replace(voted, rows=with_chosen(rows.drop_nulls("label"), judges, SEED))
    votes = None if read.votes is None else read.votes.votes
    alpha = NOTHING if votes is None else agreement_of_annotators(voted, votes)
    annotators = pl.DataFrame() if votes is None else annotators_frame(voted, votes)
    noise = pl.DataFrame(schema=NOISE) if votes is None else noise_of_votes(voted, votes)
    facts = Facts(
        name=columns.name,
        rows=judged.rows.height,
        violations=int(judged.rows["label"].sum()),
        clusters=judged.rows["cluster"].n_unique(),
        has_users=asked.user is not None or asked.cluster is not None,
        label_source=asked.label_source,
        data=columns.file_hash,
        harm=str(harm),
        alpha=alpha.estimate,
        alpha_low=alpha.low,
        alpha_high=alpha.high,
    )
    return evaluation_of(judged, facts, read.notes, annotators, noise)


def _listed(value: str | Sequence[str]) -> tuple[str, ...]:
    return (value,) if isinstance(value, str) else tuple(value)


def _named(value: str | Sequence[str] | Mapping[str, str]) -> tuple[str | tuple[str, str], ...]:
    return tuple(value.items()) if isinstance(value, Mapping) else _listed(value)


def _numbered(value: float | Mapping[str, float] | None) -> tuple[str, ...]:
    if value is None:
        return ()
    return tuple(f"{k}={v}" for k, v in value.items()) if isinstance(value, Mapping) else (str(value),)
