"""Checks that watch operations, beside those that watch laws: each is a warning, and stops nothing.

What is looked at is `moderation/watched.py`'s; when a chat is too old, `data/nights.yaml` says (`stale_after_days`).
"""

from collections.abc import Iterator
from datetime import UTC, datetime

import dagster as dg
import polars as pl

from moderation_pipeline.config.nights import night_settings
from moderation_pipeline.defs.checking import declared, holds, within
from moderation_pipeline.defs.partitions import chats, runs
from moderation_pipeline.moderation.watched import (
    REJECTED_BOUND,
    acts_otherwise,
    is_dearer,
    last_time,
    rejected_share,
    too_old,
)
from moderation_pipeline.warehouse.folder import DataFolder
from moderation_pipeline.warehouse.io_manager import partition_names

WARN = dg.AssetCheckSeverity.WARN


@dg.multi_asset_check(
    specs=[
        declared(
            "ingestion",
            "few_lines_are_rejected",
            f"At most {REJECTED_BOUND * 100:g} % of a chat's records could not be read.",
            of=chats,
            reads=[dg.AssetDep("comments")],
        ),
        declared(
            "comments",
            "comments_are_recent",
            "The newest comment is no older than stale_after_days of data/nights.yaml, where that says anything.",
            of=chats,
            reads=[dg.AssetDep("ingestion")],
        ),
    ]
)
def chat_operations_checks(
    ingestion: pl.DataFrame, comments: pl.DataFrame, data_folder: dg.ResourceParam[DataFolder]
) -> Iterator[dg.AssetCheckResult]:
    """Ask whether a chat arrived as chats do."""
    advice = "The table rejected_lines says which lines and why: its format may have changed."
    yield within("ingestion", "few_lines_are_rejected", rejected_share(ingestion), REJECTED_BOUND, advice)
    after_days = night_settings(data_folder).stale_after_days
    yield holds("comments", "comments_are_recent", too_old(comments, datetime.now(UTC), after_days), WARN)


@dg.multi_asset_check(
    specs=[
        declared(
            "metric_history",
            "as_much_is_acted_on_as_last_time",
            "The share of comments acted on is about that of the last run of the chat (else of its channel).",
            of=runs,
            reads=[dg.AssetDep("metrics")],
        ),
        declared(
            "metric_history",
            "it_costs_about_what_it_did_last_time",
            "1,000 comments cost about what they did in the last run of the chat (else of its channel).",
            of=runs,
            reads=[dg.AssetDep("metrics")],
        ),
    ]
)
def run_operations_checks(
    context: dg.AssetCheckExecutionContext,
    metric_history: pl.DataFrame,
    metrics: pl.DataFrame,
    data_folder: dg.ResourceParam[DataFolder],
) -> Iterator[dg.AssetCheckResult]:
    """Ask whether a run did and cost what the last one did."""
    chat, config = partition_names(context.op_execution_context.partition_key)
    before = last_time(data_folder, metric_history, chat, str(config))
    moved = acts_otherwise(metrics, before)
    yield holds("metric_history", "as_much_is_acted_on_as_last_time", moved, WARN)
    dearer = is_dearer(metrics, before)
    yield holds("metric_history", "it_costs_about_what_it_did_last_time", dearer, WARN)
