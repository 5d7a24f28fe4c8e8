"""Runs laid beside what is known of their comments: one row per comment, with all that scores need.

The one place that reads a run's tables comment by comment. What is made of the rows is in `estimates`, `run_metrics`
and `series`.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl

from moderation_pipeline.config.run_config import Config, NamedConfig
from moderation_pipeline.errors import ModerationError
from moderation_pipeline.plan import SANCTIONS, SEVERITY, Category
from moderation_pipeline.statistics.adding_up import groups_of, numbered

SANCTION_WORDS = tuple(action.value for action in SANCTIONS)
"""Sanctions as tables hold them."""
SEVERITY_OF = {action.value: rank for action, rank in SEVERITY.items()}
NO_VIOLATION = Category.NONE.value

NO_PLANS = pl.DataFrame(schema={"comment_id": pl.String, "action": pl.String, "category": pl.String})

AMOUNTS = ("cost_usd", "list_cost_usd", "prompt_tokens", "completion_tokens")
"""What a reply costs: null where it is unknown, 0 where nobody was asked."""


class AuditWithoutProbabilityError(ModerationError):
    """Audits that don't say how likely they were (law 5): no estimate can be weighted by them."""

    def __init__(self, config: str, comment_ids: list[str]) -> None:
        super().__init__(
            f"Config {config!r} has {len(comment_ids)} audits whose audit_probability is null or outside "
            f"(0, 1]: comments {', '.join(comment_ids[:5])}. The audit policy must store with each audit the "
            "probability that it had."
        )


@dataclass(frozen=True, slots=True)
class Run:
    """A run as evaluation reads it: its config, and its tables as `warehouse.tables` declares them."""

    config: NamedConfig
    student_decisions: pl.DataFrame
    expert_audits: pl.DataFrame
    memory_snapshot: pl.DataFrame
    action_log: pl.DataFrame
    user_state: pl.DataFrame

    @property
    def name(self) -> str:
        """The config's name."""
        return self.config.name

    @property
    def regime(self) -> str:
        """The family of configs that the run belongs to."""
        return self.config.config.regime


def judge(
    comments: pl.DataFrame,
    run: Run,
    reference: pl.DataFrame | None = None,
    *,
    known: pl.DataFrame | None = None,
) -> pl.DataFrame:
    """Return one row per comment, in the comments' order: plans, outcome, label, and what was asked and paid.

    Args:
        comments: the chat's comments.
        run: the run's tables.
        reference: plans of an Expert that judged every comment (`comment_id`, `action`, `category`).
        known: what `known_of` says of the comments, where several runs are judged.

    Returns:
        comment_id, position, channel, user_id, cluster and who (numbers of `cluster_key` and `user_key`, by
        appearance), shared_text (a number of its normal form, where several clusters wrote it), label, label_category;
        `student_`, `alone_`, `audit_`, `reference_` and `final_` action and category (null: no plan); `alone_` is what
        stands where the comment has no audit of its own: the Student's, or a precedent's where it has one;
        audited; audit_probability of the audit, could_be_audited of the decision;
        scored_category of what decided, which the labels as Expert never do; scored_open and student_open: whether
        that is null though somebody was to decide;
        action as carried out, under_sanction, is_shadow, decided_by, user_id, channel;
        for `student_` and `audit_`: asked, error, cached, latency_ms and the AMOUNTS.

    Raises:
        AuditWithoutProbabilityError: an audit that doesn't say how likely it was.
    """
    _refuse_audits_without_probability(run)
    plans = NO_PLANS if reference is None else reference.select(*NO_PLANS.columns)
    frame = known_of(comments) if known is None else known
    for part in (
        _answers(run.student_decisions, "student"),
        _answers(run.expert_audits, "audit"),
        plans.rename({"action": "reference_action", "category": "reference_category"}),
        _outcomes(run.action_log),
    ):
        frame = laid_beside(frame, part)
    return (
        frame.join(_precedents(run.expert_audits), on="precedent", how="left", maintain_order="left")
        .with_columns(
            pl.coalesce("precedent_action", "student_action").alias("alone_action"),
            pl.coalesce("precedent_category", "student_category").alias("alone_category"),
        )
        .with_columns(
            _final_action(run.config.config.audits_act),
            pl.col("audit_audit_probability").alias("audit_probability"),
            (pl.col("student_audit_probability") > 0).alias("could_be_audited"),
            pl.col("audit_asked").is_not_null().alias("audited"),
            *_of_nobody_nothing(),
        )
        .with_columns(_scored(run.config.config))
        .drop(
            "audit_audit_probability",
            "student_audit_probability",
            "precedent",
            "precedent_action",
            "precedent_category",
        )
    )


def known_of(comments: pl.DataFrame) -> pl.DataFrame:
    """Return what is known of the comments whoever moderated them: the first columns of `judge`."""
    # Where every comment has a user its id tells as much, in shorter words.
    is_known = comments["user_id"].null_count() == 0
    who = numbered(comments["user_id"] if is_known else comments.select(user_key()).to_series())
    has_clusters = comments["cluster"].count() > 0
    cluster = numbered(comments.select(cluster_key()).to_series()) if has_clusters else who
    text = numbered(comments["normalised"])
    is_shared = _is_of_several(text, cluster) & (comments["normalised"] != "")
    return comments.select(
        "comment_id",
        "position",
        "channel",
        "user_id",
        cluster.alias("cluster"),
        who.alias("who"),
        pl.when(is_shared).then(text).alias("shared_text"),
        pl.col("label_is_violation").alias("label"),
        "label_category",
    )


def _is_of_several(text: pl.Series, cluster: pl.Series) -> pl.Series:
    """Return whether each text was written by another cluster too."""
    of_text, writer = text.to_numpy(), cluster.to_numpy()
    first = groups_of([text]).first
    by_others = np.bincount(of_text, writer != writer[first][of_text]) > 0
    return pl.Series(by_others[of_text], dtype=pl.Boolean)


def laid_beside(frame: pl.DataFrame, part: pl.DataFrame) -> pl.DataFrame:
    """Return `part` joined to its comments; tables of every comment are in stream order and need no join."""
    if part.height == frame.height and (part["comment_id"] == frame["comment_id"]).all():
        return frame.hstack(part.drop("comment_id"))
    return frame.join(part, on="comment_id", how="left", maintain_order="left")


def cluster_key() -> pl.Expr:
    """Return what is resampled as one: the data set's own cluster, else the user, else the comment by itself.

    Comments of one user are alike, and so are the errors made about them, and so are rows made from one template;
    resampling single comments would make intervals too narrow.
    """
    return pl.coalesce("k:" + pl.col("cluster"), user_key())


def user_key() -> pl.Expr:
    """Return who wrote a comment: the user, else the user's name, else somebody who wrote nothing else."""
    return pl.coalesce("i:" + pl.col("user_id"), "n:" + pl.col("user_name"), "c:" + pl.col("comment_id"))


def is_user(key: pl.Expr) -> pl.Expr:
    """Return whether a `user_key` is a user's: a comment of nobody known is of no user that could be counted."""
    return ~key.str.starts_with("c:")


def _answers(rows: pl.DataFrame, agent: str) -> pl.DataFrame:
    """Return what one agent planned and what its replies cost; no backend means that nobody was asked."""
    asked = pl.col("backend").is_not_null()
    return rows.select(
        "comment_id",
        pl.col("action").alias(f"{agent}_action"),
        pl.col("category").alias(f"{agent}_category"),
        pl.col("audit_probability").alias(f"{agent}_audit_probability"),
        asked.alias(f"{agent}_asked"),
        (asked & pl.col("reply_error").is_not_null()).alias(f"{agent}_error"),
        (asked & pl.col("is_cached").fill_null(value=False)).alias(f"{agent}_cached"),
        *(pl.col(name).alias(f"{agent}_{name}") for name in AMOUNTS),
        pl.when(asked).then(pl.col("latency_ms")).alias(f"{agent}_latency_ms"),
    )


def _of_nobody_nothing() -> list[pl.Expr]:
    """Return the columns of what was asked and paid, false and 0 where nobody was asked."""
    columns = []
    for agent in ("student", "audit"):
        asked = pl.col(f"{agent}_asked").fill_null(value=False)
        columns += [pl.col(f"{agent}_{name}").fill_null(value=False) for name in ("asked", "error", "cached")]
        columns += [
            pl.when(asked).then(pl.col(f"{agent}_{name}")).otherwise(0).alias(f"{agent}_{name}")
            for name in AMOUNTS
        ]
    return columns


def _precedents(audits: pl.DataFrame) -> pl.DataFrame:
    """Return what each audit says of the copies that follow it."""
    return audits.select(
        pl.col("comment_id").alias("precedent"),
        pl.col("action").alias("precedent_action"),
        pl.col("category").alias("precedent_category"),
    )


def _outcomes(action_log: pl.DataFrame) -> pl.DataFrame:
    return action_log.select(
        "comment_id",
        "action",
        pl.col("category").alias("final_category"),
        "decided_by",
        "precedent",
        pl.col("under_sanction").fill_null(value=False),
        pl.col("is_shadow").fill_null(value=False),
    )


def standing_action(student: str, expert: str, *, audits_act: bool) -> pl.Expr:
    """Return the action of the plan that stands, of columns with what Student and audit said, null where no plan is.

    It is what `cases.chosen.stands` says of one comment.
    """
    return pl.coalesce(expert, student) if audits_act else pl.coalesce(student, expert)


def _final_action(audits_act: bool) -> pl.Expr:
    """Return the action of the plan that stood.

    What the fallback decided has no plan in either table, so the action carried out stands for it. Where the final
    category is null nobody decided.
    """
    stood = pl.coalesce(standing_action("alone_action", "audit_action", audits_act=audits_act), "action")
    return pl.when(pl.col("final_category").is_not_null()).then(stood).alias("final_action")


def _scored(config: Config) -> list[pl.Expr]:
    """Return whose plan is held against the labels, and whether one is wanting.

    Where the labels are the Expert its audits are the answers to what is asked: counted as decisions they would be
    marked by themselves, so the Student's own plan is scored there, and where there is no Student nothing is.
    """
    by_answers = pl.lit(value=False)
    if config.expert != "none" and config.expert.backend == "labels":
        by_answers = pl.col("audit_category").is_not_null()
        if not config.audits_act:
            by_answers &= pl.col("student_category").is_null()
    wants_student = pl.col("student_asked") & pl.col("student_category").is_null()
    final = pl.col("final_category")
    return [
        pl.when(by_answers).then("student_category").otherwise(final).alias("scored_category"),
        pl.when(by_answers).then(wants_student).otherwise(final.is_null()).alias("scored_open"),
        wants_student.alias("student_open"),
        by_answers.alias("is_answer"),
    ]


def _refuse_audits_without_probability(run: Run) -> None:
    probability = pl.col("audit_probability")
    fit = probability.is_not_null() & (probability > 0) & (probability <= 1)
    unfit = run.expert_audits.filter(~fit.fill_null(value=False))
    if unfit.height:
        raise AuditWithoutProbabilityError(run.name, unfit["comment_id"].to_list())
