"""Every table of the warehouse: what one row is, its columns and their types, declared once.

The Parquet files, the IO manager's refusals, the views and the docs all read this module. What a column's
value *means* is documented where it is computed; how files are laid out is in `files.py`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import polars as pl
from polars.datatypes import DataTypeClass

Partition = Literal["chat", "run"]

UTC = pl.Datetime("us", "UTC")

PROBABILITIES = pl.List(pl.Struct({"question": pl.String, "option": pl.String, "probability": pl.Float64}))
"""One entry per option of each question a decision model was asked (or each action a head scored)."""

SCORES = pl.List(pl.Struct({"column": pl.String, "score": pl.Float64}))
"""One entry per column of scores that a chat came with; null where the cell holds no score."""

EXPLANATION = pl.List(pl.Struct({"kind": pl.String, "name": pl.String, "weight": pl.Float64}))
"""What contributed most to a decision: `kind` is `signal`, `feature` or `memory`; `weight` is signed."""


TIERS = pl.List(
    pl.Struct(
        {
            "tier": pl.String,
            "backend": pl.String,
            "model": pl.String,
            "doubt": pl.Float64,
            "prompt_tokens": pl.Int64,
            "completion_tokens": pl.Int64,
            "cost_usd": pl.Float64,
            "list_cost_usd": pl.Float64,
            "latency_ms": pl.Float64,
            "is_cached": pl.Boolean,
            "reply_error": pl.String,
        }
    )
)
"""What each of several Students that were asked in turn cost, and how unsure it was; the last one decided."""


@dataclass(frozen=True, slots=True)
class Table:
    """A table: its name, what one row is, how it is partitioned, and its schema."""

    name: str
    row_is: str
    partition: Partition
    schema: pl.Schema
    only_chat: str | None = None
    """The chat that every row is of, for a table whose runs differ in their config alone."""

    def empty(self) -> pl.DataFrame:
        """Return the table without rows."""
        return pl.DataFrame(schema=self.schema)


Columns = dict[str, pl.DataType | DataTypeClass]

RUN_KEYS: Columns = {"chat": pl.String, "config": pl.String}

LABELS: Columns = {
    "label_action": pl.String,
    "label_category": pl.String,
    "label_is_violation": pl.Boolean,
    "label_source": pl.String,
    "label_is_overturned": pl.Boolean,
}
"""Ground truth that came with the chat: for `evaluation` and the Expert `labels`, nothing else (law 8)."""

RECEIPT: Columns = {
    "backend": pl.String,
    "model": pl.String,
    "prompt_version": pl.String,
    "prompt_tokens": pl.Int64,
    "completion_tokens": pl.Int64,
    "cost_usd": pl.Float64,
    "list_cost_usd": pl.Float64,
    "latency_ms": pl.Float64,
    "is_cached": pl.Boolean,
    "reply_error": pl.String,
    "tokens_are_estimated": pl.Boolean,
    "reply_mended": pl.List(pl.String),
}
"""What an answer cost and where it came from."""

COMMENTS = Table(
    "comments",
    "a comment of a chat",
    "chat",
    pl.Schema(
        {
            "chat": pl.String,
            "comment_id": pl.String,
            "position": pl.Int64,
            "channel": pl.String,
            "user_id": pl.String,
            "user_name": pl.String,
            "sent_at": UTC,
            "text": pl.String,
            "normalised": pl.String,
            "language": pl.String,
            "is_moderator": pl.Boolean,
            "is_broadcaster": pl.Boolean,
            "is_subscriber": pl.Boolean,
            "is_first_message": pl.Boolean,
            "is_me": pl.Boolean,
            "is_command": pl.Boolean,
            "is_emote_only": pl.Boolean,
            "reply_to": pl.String,
            "user_repeats": pl.Int32,
            "channel_repeats": pl.Int32,
            "split": pl.String,
            **LABELS,
            "cluster": pl.String,
            "scores": SCORES,
        }
    ),
)

"""`cluster`: what the rows of a data set that depend on each other have in common, where that is no user. `scores`:
what somebody's models said of it before; the Student `scores` reads them, and no other."""

REJECTED_LINES = Table(
    "rejected_lines",
    "a line that could not be read",
    "chat",
    pl.Schema(
        {
            "chat": pl.String,
            "file": pl.String,
            "line_number": pl.Int64,
            "reason": pl.String,
            "raw": pl.String,
        }
    ),
)

INGESTION = Table(
    "ingestion",
    "a file of a chat, counted: records = comments + rejected + ignored + moderation_events + merged",
    "chat",
    pl.Schema(
        {
            "chat": pl.String,
            "file": pl.String,
            "file_hash": pl.String,
            "format": pl.String,
            "records": pl.Int64,
            "comments": pl.Int64,
            "rejected": pl.Int64,
            "ignored": pl.Int64,
            "moderation_events": pl.Int64,
            "merged": pl.Int64,
            "data_version": pl.String,
        }
    ),
)
"""`data_version` is of the chat's comments, the same in every file's row: a run's metrics name that of theirs."""

STUDENT_DECISIONS = Table(
    "student_decisions",
    "the Student's plan for a comment",
    "run",
    pl.Schema(
        {
            **RUN_KEYS,
            "comment_id": pl.String,
            "position": pl.Int64,
            "action": pl.String,
            "duration_s": pl.Int64,
            "category": pl.String,
            "confidence": pl.Float64,
            "confidence_source": pl.String,
            "probabilities": PROBABILITIES,
            "reasoning": pl.String,
            "reply_text": pl.String,
            "rule": pl.String,
            "memory_ids": pl.List(pl.String),
            "explanation": EXPLANATION,
            "tier": pl.String,
            **RECEIPT,
            "audit_probability": pl.Float64,
            "tiers": TIERS,
            "action_without_memory": pl.String,
            "category_without_memory": pl.String,
            "degraded": pl.String,
        }
    ),
)

EXPERT_AUDITS = Table(
    "expert_audits",
    "an audit: the Expert's plan for a comment, why it was audited and whether it agrees",
    "run",
    pl.Schema(
        {
            **RUN_KEYS,
            "comment_id": pl.String,
            "position": pl.Int64,
            "audit_reason": pl.String,
            "audit_probability": pl.Float64,
            "action": pl.String,
            "duration_s": pl.Int64,
            "category": pl.String,
            "confidence": pl.Float64,
            "confidence_source": pl.String,
            "reasoning": pl.String,
            "reply_text": pl.String,
            "rule": pl.String,
            "agrees": pl.Boolean,
            **RECEIPT,
        }
    ),
)

MEMORY_SNAPSHOT = Table(
    "memory_snapshot",
    "a memory as the run left it",
    "run",
    pl.Schema(
        {
            **RUN_KEYS,
            "memory_id": pl.String,
            "state": pl.String,
            "reasoning": pl.String,
            "action": pl.String,
            "duration_s": pl.Int64,
            "category": pl.String,
            "reply_text": pl.String,
            "rule": pl.String,
            "confidence": pl.Float64,
            "channel": pl.String,
            "source_user_id": pl.String,
            "source_comment_id": pl.String,
            "learnt_at_position": pl.Int64,
            "recency": pl.Int64,
            "support": pl.Int64,
            "conflicts_with": pl.List(pl.String),
            "uses": pl.Int64,
            "helped": pl.Int64,
            "harmed": pl.Int64,
            "neutral": pl.Int64,
            "retired_because": pl.String,
            "source_chat": pl.String,
            "source_config": pl.String,
        }
    ),
)

ACTION_LOG = Table(
    "action_log",
    "what was done about a comment",
    "run",
    pl.Schema(
        {
            **RUN_KEYS,
            "comment_id": pl.String,
            "position": pl.Int64,
            "user_id": pl.String,
            "user_name": pl.String,
            "channel": pl.String,
            "sent_at": UTC,
            "action": pl.String,
            "category": pl.String,
            "duration_s": pl.Int64,
            "reply_text": pl.String,
            "decided_by": pl.String,
            "precedent": pl.String,
            "reason": pl.String,
            "strikes": pl.Int64,
            "counts_until": UTC,
            "under_sanction": pl.Boolean,
            "is_shadow": pl.Boolean,
        }
    ),
)

USER_STATE = Table(
    "user_state",
    "a user of a channel after the run",
    "run",
    pl.Schema(
        {
            **RUN_KEYS,
            "channel": pl.String,
            "user_id": pl.String,
            "user_name": pl.String,
            "comments": pl.Int64,
            "warnings": pl.Int64,
            "deletions": pl.Int64,
            "timeouts": pl.Int64,
            "bans": pl.Int64,
            "replies": pl.Int64,
            "under_sanction": pl.Int64,
            "undecided": pl.Int64,
            "strikes": pl.Int64,
            "standing": pl.String,
            "sanctioned_until": UTC,
            "first_seen": UTC,
            "last_seen": UTC,
        }
    ),
)


def with_intervals(*names: str) -> Columns:
    """Return each estimate with the bounds of its 95 % interval: `x`, `x_low`, `x_high`, all nullable."""
    return {f"{name}{end}": pl.Float64 for name in names for end in ("", "_low", "_high")}


ESTIMATES = (
    "agreement_rate",
    "action_agreement_rate",
    "violation_agreement_rate",
    "category_agreement_rate",
    "reference_agreement_rate",
    "system_agreement_rate",
    "audited_violation_rate",
    "audited_precision",
    "audited_recall",
    "audited_f1",
    "precision",
    "recall",
    "f1",
    "macro_f1",
    "student_precision",
    "student_recall",
    "student_f1",
    "student_macro_f1",
    "audit_share",
    "sanction_share",
    "wrongful_sanction_share",
    "wrongful_warning_share",
    "wrongful_deletion_share",
    "wrongful_timeout_share",
    "wrongful_ban_share",
    "harm_per_1000_comments",
    "undecided_share",
    "reply_error_share",
    "cost_usd_per_1000_comments",
    "list_cost_usd_per_1000_comments",
)
"""What a run's metrics estimate, each with an interval; `evaluation.estimates` defines every one."""

DIFFERENCES = (
    "f1",
    "student_f1",
    "agreement_rate",
    "reference_agreement_rate",
    "system_agreement_rate",
    "audit_share",
    "sanction_share",
    "cost_usd_per_1000_comments",
    "list_cost_usd_per_1000_comments",
)
"""The estimates that a comparison pairs, comment by comment, with the default config's.

Their intervals hold for all configs of the chat at once; those of `quality_minus_best` for all pairs of configs.
"""

METRICS_COLUMNS: Columns = {
    "config_hash": pl.String,
    "data_version": pl.String,
    "regime": pl.String,
    "comments": pl.Int64,
    "users": pl.Int64,
    "labelled": pl.Int64,
    "labelled_violations": pl.Int64,
    "audits": pl.Int64,
    "agreement_basis": pl.String,
    "agreement_coverage": pl.Float64,
    "agreement_unread_share": pl.Float64,
    "agreement_rate_least": pl.Float64,
    "agreement_rate_most": pl.Float64,
    **with_intervals(*ESTIMATES),
    "true_positives": pl.Int64,
    "false_positives": pl.Int64,
    "false_negatives": pl.Int64,
    "true_negatives": pl.Int64,
    "student_true_positives": pl.Int64,
    "student_false_positives": pl.Int64,
    "student_false_negatives": pl.Int64,
    "student_true_negatives": pl.Int64,
    "allowed": pl.Int64,
    "replies": pl.Int64,
    "warnings": pl.Int64,
    "deletions": pl.Int64,
    "timeouts": pl.Int64,
    "bans": pl.Int64,
    "undecided": pl.Int64,
    "not_judged": pl.Int64,
    "under_sanction": pl.Int64,
    "under_sanction_violations": pl.Int64,
    "shadow_actions": pl.Int64,
    "sanctions": pl.Int64,
    "sanctions_checked": pl.Int64,
    "sanctioned_users": pl.Int64,
    "wrongful_sanctions": pl.Int64,
    "wrongly_sanctioned_users": pl.Int64,
    "warnings_checked": pl.Int64,
    "deletions_checked": pl.Int64,
    "timeouts_checked": pl.Int64,
    "bans_checked": pl.Int64,
    "wrongful_warnings": pl.Int64,
    "wrongful_deletions": pl.Int64,
    "wrongful_timeouts": pl.Int64,
    "wrongful_bans": pl.Int64,
    "memories_active": pl.Int64,
    "memories_retired": pl.Int64,
    "memories_learnt": pl.Int64,
    **with_intervals("calibration_error"),
    "calibration_auroc": pl.Float64,
    "calibration_sample_size": pl.Float64,
    "latency_ms_p50": pl.Float64,
    "latency_ms_p95": pl.Float64,
    "student_latency_ms_p50": pl.Float64,
    "student_latency_ms_p95": pl.Float64,
    "expert_latency_ms_p50": pl.Float64,
    "expert_latency_ms_p95": pl.Float64,
    "replies_asked": pl.Int64,
    "replies_cached": pl.Int64,
    "reply_errors": pl.Int64,
    "prompt_tokens": pl.Int64,
    "completion_tokens": pl.Int64,
    "cost_usd": pl.Float64,
    "list_cost_usd": pl.Float64,
    "student_list_cost_usd": pl.Float64,
    "expert_list_cost_usd": pl.Float64,
}
"""How good and how dear a run was. Null is unknown or undefined; 0 is a measured nought, never a failure.

Under the counts of actions (`allowed` to `undecided`) and `under_sanction` each comment is counted once:
what a silenced user wrote is in `under_sanction` alone. `not_judged` are those of the undecided that are in a language
which nobody who was asked speaks. `sanctions_checked` are those on labelled comments,
`wrongful_sanctions` those on comments labelled innocent.
"""

METRICS = Table("metrics", "a run", "run", pl.Schema({**RUN_KEYS, **METRICS_COLUMNS}))

MODELS_SERVED: Columns = {"student_models": pl.List(pl.String), "expert_models": pl.List(pl.String)}

METRIC_HISTORY = Table(
    "metric_history",
    "a run's metrics each time that they were made: when, by which code and models",
    "run",
    pl.Schema(
        {
            **RUN_KEYS,
            "run_id": pl.String,
            "started_at": UTC,
            "finished_at": UTC,
            "code_version": pl.String,
            **MODELS_SERVED,
            **METRICS_COLUMNS,
            "accepted_run_id": pl.String,
            "accepted_quality": pl.String,
            **with_intervals("quality_minus_accepted"),
            "accepted_p": pl.Float64,
            "changed_since_accepted": pl.List(pl.String),
        }
    ),
)
"""`run_id` is Dagster's; models are named as their replies did, `<backend> <model>`. The last columns hold the run
against the one that was accepted last (`evaluation/history/accepted_runs.py`)."""

PAIRED_SUMS = ("tp", "fp", "fn", "y_n", "y_both", "y_squares")
"""The sums of a comment that a pair of runs is compared by (`evaluation/estimates.py`)."""

OUTCOME: Columns = {
    "action": pl.String,
    "category": pl.String,
    "duration_s": pl.Int64,
    "under_sanction": pl.Boolean,
    "rule": pl.String,
}
"""How a comment fared, and by which rule: what says which comments flipped since (`evaluation/outcome_changes.py`)."""

ACCEPTED_RUN = Table(
    "accepted_run",
    "a comment of the run that was accepted last: what a later run of the same config is paired with",
    "run",
    pl.Schema(
        {
            **RUN_KEYS,
            "comment_id": pl.String,
            "run_id": pl.String,
            "accepted_at": UTC,
            "accepted_because": pl.String,
            "code_version": pl.String,
            "config_hash": pl.String,
            "data_version": pl.String,
            **MODELS_SERVED,
            "expert_version": pl.String,
            **dict.fromkeys(PAIRED_SUMS, pl.Float64),
            **OUTCOME,
        }
    ),
)
"""Kept when the run is made anew, which overwrites all that it decided. OUTCOME is null throughout in what was accepted
before it was kept (an action never is: nobody's is `undecided`)."""

COMPARISON = Table(
    "comparison",
    "a config on a chat: its metrics, and paired differences to the default config",
    "chat",
    pl.Schema(
        {
            **RUN_KEYS,
            "is_default": pl.Boolean,
            "default_config": pl.String,
            **METRICS_COLUMNS,
            **with_intervals(*(f"{name}_minus_default" for name in DIFFERENCES)),
            "quality": pl.String,
            "is_best": pl.Boolean,
            **with_intervals("quality_minus_best"),
        }
    ),
)

PROVENANCE = Table(
    "provenance",
    "a run, and what decided it: its config as it was, and versions of all else",
    "run",
    pl.Schema(
        {
            **RUN_KEYS,
            "config_hash": pl.String,
            "sanctions_version": pl.String,
            "rules_version": pl.String,
            "agents_version": pl.String,
            "labels_version": pl.String,
            "start_version": pl.String,
            "prices_version": pl.String,
            "config_json": pl.String,
        }
    ),
)

CERTIFICATES = Table(
    "certificates",
    "what a run may do alone: one target for one action and category, or for all",
    "run",
    pl.Schema(
        {
            **RUN_KEYS,
            "action": pl.String,
            "category": pl.String,
            "denominator": pl.String,
            "comments": pl.Int64,
            "audits": pl.Int64,
            "errors": pl.Int64,
            "bound": pl.Float64,
            "target": pl.Float64,
            "confidence": pl.Float64,
            "status": pl.String,
            "reason": pl.String,
            "audits_needed": pl.Int64,
            "floor": pl.Float64,
            "judged_by": pl.String,
            "window_from": pl.Int64,
            "window_to": pl.Int64,
            "config_hash": pl.String,
            "sanctions_version": pl.String,
            "rules_version": pl.String,
            "agents_version": pl.String,
            "unread_audits": pl.Int64,
            **with_intervals("expert_error_rate"),
            "expert_labelled": pl.Int64,
            "labels_version": pl.String,
            "start_version": pl.String,
            "acts_alone": pl.Boolean,
            "sanctions": pl.Int64,
            "sanctions_carried_out": pl.Int64,
            "draws_are_secret": pl.Boolean,
        }
    ),
)
"""`acts_alone`: whether the plans of the row's action and category are carried out without the Expert, by the loop's
own rule. `sanctions` and `sanctions_carried_out` count the run's, whoever decided them, shadows in the first only.
"""

EXPERT_ERRORS = Table(
    "expert_errors",
    "a kind of the Expert's errors, by category, on comments that have both a label and an audit",
    "run",
    pl.Schema(
        {
            **RUN_KEYS,
            "kind": pl.String,
            "category": pl.String,
            "expert": pl.String,
            "audits": pl.Int64,
            "wrong": pl.Int64,
            **with_intervals("rate"),
            "mended": pl.Int64,
            "broken": pl.Int64,
            "broken_comment_ids": pl.List(pl.String),
        }
    ),
)

ATTACK_RESULTS = Table(
    "attack_results",
    "a kind of attack on a config: how many violations it made look milder",
    "run",
    pl.Schema(
        {
            **RUN_KEYS,
            "kind": pl.String,
            "attacks": pl.Int64,
            "caught_without": pl.Int64,
            "succeeded": pl.Int64,
            "success_share": pl.Float64,
            "marked": pl.Int64,
            "examples": pl.List(pl.String),
        }
    ),
    only_chat="attacks",
)

WHAT_IF = Table(
    "what_if",
    "a comment that would fare otherwise under other thresholds or another ladder",
    "run",
    pl.Schema(
        {
            **RUN_KEYS,
            "asked": pl.String,
            "comment_id": pl.String,
            "position": pl.Int64,
            "channel": pl.String,
            "user_id": pl.String,
            "user_name": pl.String,
            "is_newcomer": pl.Boolean,
            "way": pl.String,
            "before": pl.String,
            "after": pl.String,
            "category_before": pl.String,
            "category_after": pl.String,
            "label_is_violation": pl.Boolean,
        }
    ),
)

FLIPPED = Table(
    "flipped",
    "two runs of a chat, and how many comments go from one category and rule to another between them",
    "chat",
    pl.Schema(
        {
            **RUN_KEYS,
            "other_config": pl.String,
            "accepted_run_id": pl.String,
            "way": pl.String,
            "category_before": pl.String,
            "category_after": pl.String,
            "rule_before": pl.String,
            "rule_after": pl.String,
            "comments": pl.Int64,
            "labelled_violations": pl.Int64,
            "labelled_innocent": pl.Int64,
        }
    ),
)
"""Of two configs, or of one under which the chat was run again: then `accepted_run_id` names its earlier run, else it
is null."""

MODERATORS_BESIDE = Table(
    "moderators_beside",
    "a run beside what human moderators did: on how many comments which of the two acts, and how alike each does",
    "run",
    pl.Schema(
        {
            **RUN_KEYS,
            "who_acts": pl.String,
            "comments": pl.Int64,
            "users": pl.Int64,
            "again_by_moderators": pl.Float64,
            "again_by_config": pl.Float64,
        }
    ),
)

DOUBTED_LABELS = Table(
    "doubted_labels",
    "a label that looks wrong by what is written elsewhere in the chat",
    "chat",
    pl.Schema(
        {
            "chat": pl.String,
            "comment_id": pl.String,
            "position": pl.Int64,
            "channel": pl.String,
            "user_id": pl.String,
            "user_name": pl.String,
            "text": pl.String,
            "label": pl.String,
            "looks_like": pl.String,
            "probability": pl.Float64,
            "copies": pl.Int64,
            "copies_otherwise": pl.Int64,
        }
    ),
)

FAIRNESS = Table(
    "fairness",
    "a group of people that innocent comments name, or their language: how often a run flags them, against the rest",
    "run",
    pl.Schema(
        {
            **RUN_KEYS,
            "told_by": pl.String,
            "group_name": pl.String,
            "innocent": pl.Int64,
            "flagged": pl.Int64,
            **with_intervals("false_positive_rate", "difference"),
        }
    ),
)

PROBE_RESULTS = Table(
    "probe_results",
    "an ability: how many of its made-up lines a config judges rightly",
    "run",
    pl.Schema(
        {
            **RUN_KEYS,
            "ability": pl.String,
            "expected": pl.String,
            "lines": pl.Int64,
            "right_lines": pl.Int64,
            **with_intervals("right_share"),
            "open_lines": pl.Int64,
            "wrong_examples": pl.List(pl.String),
        }
    ),
    only_chat="probes",
)

TABLES: dict[str, Table] = {
    table.name: table
    for table in (
        COMMENTS,
        REJECTED_LINES,
        INGESTION,
        STUDENT_DECISIONS,
        EXPERT_AUDITS,
        MEMORY_SNAPSHOT,
        ACTION_LOG,
        PROVENANCE,
        USER_STATE,
        CERTIFICATES,
        EXPERT_ERRORS,
        METRICS,
        METRIC_HISTORY,
        ACCEPTED_RUN,
        COMPARISON,
        ATTACK_RESULTS,
        PROBE_RESULTS,
        WHAT_IF,
        FLIPPED,
        MODERATORS_BESIDE,
        DOUBTED_LABELS,
        FAIRNESS,
    )
}
"""Every table by name, in the order of the flow."""

LOOP_TABLES = (STUDENT_DECISIONS, EXPERT_AUDITS, MEMORY_SNAPSHOT, ACTION_LOG, PROVENANCE)
"""What one loop leaves: put in place together."""

WHOLE_RUN = (METRICS, USER_STATE, *LOOP_TABLES)
"""What a run has: where one of these is missing or damaged, it is due."""

COMPARED = (METRICS, STUDENT_DECISIONS, EXPERT_AUDITS, MEMORY_SNAPSHOT, ACTION_LOG, USER_STATE)
"""What a run is compared by: without one of these it is left out. What decided it (`provenance`) is no number of it."""

AFTER_LOOP = (USER_STATE, CERTIFICATES, EXPERT_ERRORS, METRICS, WHAT_IF, MODERATORS_BESIDE, FAIRNESS)
"""What is derived from a run's loop, and goes when another takes its place. `metric_history` stays."""
