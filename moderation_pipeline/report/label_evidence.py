"""What a chat's labels tell of a config besides how often it is right: whom it flags wrongly, what it is sure of.

The same that `moderation evaluate` says of all runs, for the one that the report is about; and how far the labels
themselves can be believed, where an Expert judged every comment beside them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import polars as pl

from moderation_pipeline.evaluation.harm import weights_of
from moderation_pipeline.evaluation.judged import Run
from moderation_pipeline.evaluation.scored.false_alarms import fairness_frame
from moderation_pipeline.evaluation.scored.label_noise import NOISE, noise_of_two
from moderation_pipeline.evaluation.scored.run_judges import second_judge, verdicts_of
from moderation_pipeline.evaluation.scored.selective_risk import coverage_frame
from moderation_pipeline.evaluation.yardstick import reference_of, yardstick_of
from moderation_pipeline.report.scored_tables.evidence_sentences import (
    coverage_sentences,
    fairness_sentences,
    noise_sentences,
)
from moderation_pipeline.report.scored_tables.score_tables import PlainTable, coverage_table, fairness_table
from moderation_pipeline.report.scored_tables.score_words import WORDS

NO_TABLE = PlainTable([], [])


@dataclass(frozen=True, slots=True)
class LabelEvidence:
    """Sentences and tables; none where the chat has no labels. `spared` is what the labels say is no violation."""

    spared: str = ""
    fairness_sentences: list[str] = field(default_factory=list)
    fairness: PlainTable = NO_TABLE
    surest_sentences: list[str] = field(default_factory=list)
    surest: PlainTable = NO_TABLE
    limits: list[str] = field(default_factory=list)


def label_evidence(comments: pl.DataFrame, run: Run | None, runs: Sequence[Run]) -> LabelEvidence:
    """Return what the labels tell of a run; `runs` are all of the chat, one of which may be of its Expert alone."""
    if run is None or not comments["label_is_violation"].count():
        return LabelEvidence()
    judged = verdicts_of(comments, [run])
    fairness, coverage = fairness_frame(judged), coverage_frame(judged)
    second, audits = yardstick_of(run.config, (each.config for each in runs)), reference_of(run, runs)
    noise = pl.DataFrame(schema=NOISE)
    if audits is not None and second != run.name:
        noise = noise_of_two(judged, second_judge(judged, comments, audits))
    words = WORDS[judged.label_source]
    f1, spared = words.f1, words.spared("comments")
    return LabelEvidence(
        spared,
        fairness_sentences(fairness, spared),
        fairness_table(fairness, spared),
        coverage_sentences(coverage),
        coverage_table(coverage),
        [*noise_sentences(noise, f"the Expert of {second}", f1), *_weights(runs)],
    )


def _weights(runs: Sequence[Run]) -> list[str]:
    """Return by which weights errors are added up; that configs have other ones makes their sums incomparable."""
    by_weights: dict[str, list[str]] = {}
    for each in runs:
        by_weights.setdefault(str(weights_of(each.config.config.audit.harm)), []).append(each.name)
    if len(by_weights) == 1:
        return [f"Errors by weight: {next(iter(by_weights))} (`audit: {{harm: …}}` in a config)."]
    said = "; ".join(f"{', '.join(names)}: {weights}" for weights, names in by_weights.items())
    return [f"Configs weigh errors differently, so that their errors by weight can't be compared: {said}."]
