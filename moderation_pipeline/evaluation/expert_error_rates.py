"""What the Expert itself gets wrong, by category, on comments that have both a label and an audit.

The Expert is audited too: a certificate is relative to its judgement, so its own errors stand beside it. Audits
are a biased sample; each counts 1 / its probability. Where the Expert repeats the labels there is nothing to ask.
"""

from __future__ import annotations

from collections.abc import Iterator

import polars as pl

from moderation_pipeline.config.run_config import NamedConfig
from moderation_pipeline.evaluation.judged import NO_VIOLATION
from moderation_pipeline.statistics.weighted_audits import effective_sample_size
from moderation_pipeline.statistics.wilson import wilson
from moderation_pipeline.warehouse.tables import EXPERT_ERRORS

CASES = 10
"""How many of the comments are named at which the Expert broke a right verdict of the Student."""


def expert_errors(
    chat: str,
    comments: pl.DataFrame,
    student_decisions: pl.DataFrame,
    expert_audits: pl.DataFrame,
    named: NamedConfig,
) -> pl.DataFrame:
    """Return the table expert_errors of a run; no rows without labels, audits, or an Expert of its own judgement.

    Rows: `any` error on all such comments; `wrongful`, over `all` categories and by each: of what the Expert put
    there, labelled innocent; `missed`, likewise: of what is labelled so, let through. Wrong is whether there is
    a violation. `mended` and `broken` count Student verdicts that the Expert put right and wrong; intervals are
    Wilson's at the effective number of audits, (Σ w)² / Σ w².
    """
    expert = named.config.expert
    if expert == "none" or expert.backend == "labels":
        return EXPERT_ERRORS.empty()
    both = _both(comments, student_decisions, expert_audits)
    name = ", ".join(sorted(set(both["expert"].drop_nulls())))
    rows = [(chat, named.name, *kind, name, *_errors(group)) for kind, group in _groups(both)]
    return pl.DataFrame(rows, schema=EXPERT_ERRORS.schema, orient="row")


def _both(comments: pl.DataFrame, decisions: pl.DataFrame, audits: pl.DataFrame) -> pl.DataFrame:
    """Return the comments with label and audit: label, said (of the Expert), proposed (of the Student), weight."""
    labelled = comments.select(
        "comment_id",
        label="label_is_violation",
        labelled_as=pl.when("label_is_violation").then(pl.col("label_category").fill_null("other")),
    ).drop_nulls("label")
    judged = audits.select(
        "comment_id",
        expert=pl.concat_str("backend", "model", separator=" ", ignore_nulls=True),
        said_as="category",
        said=pl.col("category") != NO_VIOLATION,
        weight=1 / pl.col("audit_probability"),
    ).drop_nulls("said")
    proposed = decisions.select("comment_id", proposed=pl.col("category") != NO_VIOLATION)
    return labelled.join(judged, on="comment_id", maintain_order="left").join(
        proposed, on="comment_id", how="left", maintain_order="left"
    )


def _groups(both: pl.DataFrame) -> Iterator[tuple[tuple[str, str], pl.DataFrame]]:
    if both.height:
        yield ("any", "all"), both
    for kind, of, by in (("wrongful", "said", "said_as"), ("missed", "label", "labelled_as")):
        such = both.filter(of).sort(by)
        if such.height:
            yield (kind, "all"), such
        for (category,), group in such.group_by(by, maintain_order=True):
            yield (kind, str(category)), group


Errors = tuple[int, int, float, float, float, int, int, list[str]]


def _errors(group: pl.DataFrame) -> Errors:
    """Return audits, wrong, rate, its bounds, mended, broken, and some of the comments broken."""
    wrong = group["said"] != group["label"]
    weight = group["weight"]
    rate = float((weight * wrong).sum()) / float(weight.sum())
    effective = effective_sample_size(weight.to_numpy())
    was_right = group["proposed"] == group["label"]
    mended = group.filter(~was_right & ~wrong).height
    broken = group.filter(was_right & wrong)["comment_id"].to_list()
    low, high = wilson(rate, effective)
    return group.height, int(wrong.sum()), rate, low, high, mended, len(broken), broken[:CASES]


KIND_OF = {"sanctions": "wrongful", "comments": "wrongful", "allowed": "missed"}
"""Which error of the Expert hides or feigns an error of a certificate's row, by its denominator."""


def with_expert_errors(certificates: pl.DataFrame, errors: pl.DataFrame) -> pl.DataFrame:
    """Return certificates that say how often their judge is itself wrong, in that category, by that kind of error.

    Null where the chat has no labels, where they are the Expert, and where it was never asked about such.
    """
    own = errors.select(
        "category",
        kind="kind",
        expert_error_rate="rate",
        expert_error_rate_low="rate_low",
        expert_error_rate_high="rate_high",
        expert_labelled="audits",
    )
    return (
        certificates.drop(name for name in own.columns if name.startswith("expert_"))
        .with_columns(kind=pl.col("denominator").replace_strict(KIND_OF, return_dtype=pl.String))
        .join(own, on=["kind", "category"], how="left", maintain_order="left")
        .select(certificates.columns)
    )
