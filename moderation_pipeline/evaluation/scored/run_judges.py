"""A chat's runs as judges of its labelled comments, so that they are asked all that the scores in a table are asked.

What a judge is, and what is asked of it, is the rest of this folder's; which runs there are is the caller's.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import polars as pl

from moderation_pipeline.errors import ModerationError
from moderation_pipeline.evaluation.estimates import harm_of_comment
from moderation_pipeline.evaluation.harm import weights_of
from moderation_pipeline.evaluation.judged import NO_VIOLATION, Run, cluster_key, judge, known_of, laid_beside
from moderation_pipeline.evaluation.scored.judged_rows import Judge, JudgedRows, LabelSource
from moderation_pipeline.evaluation.scored.score_sums import with_chosen

GROUPS = ("channel", "language")

LABELLED_BY: dict[str, LabelSource] = {
    "synthetic": "generator",
    "moderators": "moderators",
    "dataset": "human",
}
"""Who labelled, by a comment's `label_source`; of several the first counts, which promises least."""


class NoLabelsError(ModerationError):
    """A chat without a label to hold its runs against."""

    def __init__(self, chat: str) -> None:
        super().__init__(
            f"Chat {chat!r} has no labels, so its runs can't be held against any. What its Expert's audits say of them"
            f" is in the report and in 'moderation sql \"select * from metrics where chat = '{chat}'\"' (audited_…)."
        )


def judged_runs(comments: pl.DataFrame, runs: Sequence[Run]) -> JudgedRows:
    """Return what `verdicts_of` does, with clusters by their names and what each run flags at a chosen threshold.

    Raises:
        NoLabelsError: no comment has a label.
    """
    judged = verdicts_of(comments, runs)
    names = comments.filter(pl.col("label_is_violation").is_not_null()).select(cluster=cluster_key())
    rows = judged.rows.with_columns(names.to_series())
    return replace(judged, rows=with_chosen(rows, judged.judges, judged.seed))


def verdicts_of(comments: pl.DataFrame, runs: Sequence[Run]) -> JudgedRows:
    """Return the labelled comments of a chat beside what each run decided, and how sure it was of a violation.

    As everywhere, what the labels decided as Expert is no decision: there the Student's own plan is held against
    them. The score is the confidence of the plan that is judged, as the chance of a violation; where nothing was
    decided there is neither verdict nor score. Clusters are numbers, and no threshold was chosen.

    Raises:
        NoLabelsError: no comment has a label.
    """
    chat = str(comments["chat"][0]) if comments.height else ""
    is_labelled = comments["label_is_violation"].is_not_null()
    if not is_labelled.any():
        raise NoLabelsError(chat)
    known = known_of(comments)
    rows = pl.concat(
        [
            _about(comments, known).filter(is_labelled),
            *(_verdicts(run, judge(comments, run, known=known)).filter(is_labelled) for run in runs),
        ],
        how="horizontal",
    )
    judges = tuple(
        Judge(run.name, "config", has_scores=rows[f"score:{run.name}"].count() > 0, what=run.regime)
        for run in runs
    )
    groups = tuple(name for name in GROUPS if rows[f"group:{name}"].n_unique() > 1)
    return JudgedRows(rows, judges, groups, _labelled_by(comments), chat)


def _about(comments: pl.DataFrame, known: pl.DataFrame) -> pl.DataFrame:
    return comments.select(
        pl.col("position").alias("row"),
        "text",
        pl.col("label_is_violation").alias("label"),
        pl.when("label_is_violation").then(pl.col("label_category").fill_null("other")).alias("category"),
        *(pl.col(name).alias(f"group:{name}") for name in GROUPS),
    ).hstack(known.select("cluster", "shared_text"))


def _verdicts(run: Run, judged: pl.DataFrame) -> pl.DataFrame:
    """Return the columns of one judge: whether the plan that is judged is a violation, and how likely it says."""
    surest = {
        agent: laid_beside(judged.select("comment_id"), table.select("comment_id", "confidence")).to_series(1)
        for agent, table in (("student", run.student_decisions), ("audit", run.expert_audits))
    }
    first, second = ("audit", "student") if run.config.config.audits_act else ("student", "audit")
    is_first = pl.col(f"{first}_category").is_not_null()
    is_first = is_first & ~pl.col("is_answer") if first == "audit" else is_first
    is_violation = pl.col("scored_category") != NO_VIOLATION
    confidence = pl.when(is_first).then(surest[first]).otherwise(surest[second])
    return judged.select(
        pl.when(~pl.col("scored_open")).then(is_violation).alias(f"flag:{run.name}"),
        pl.when(is_violation).then(confidence).otherwise(1 - confidence).alias(f"score:{run.name}"),
        harm_of_comment(weights_of(run.config.config.audit.harm)).alias(f"harm:{run.name}"),
    )


def second_judge(judged: JudgedRows, comments: pl.DataFrame, audits: pl.DataFrame) -> pl.DataFrame:
    """Return the labelled rows with what an Expert that judged every comment says of each, as `second`."""
    of_comment = audits.select("comment_id", second=pl.col("category") != NO_VIOLATION)
    said = laid_beside(comments.select("comment_id", row="position"), of_comment)
    return judged.rows.join(said.select("row", "second"), on="row", how="left", maintain_order="left")


def _labelled_by(comments: pl.DataFrame) -> LabelSource:
    found = set(comments["label_source"].drop_nulls().unique())
    return next((source for name, source in LABELLED_BY.items() if name in found), "human")
