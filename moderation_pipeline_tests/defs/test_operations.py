"""Checks that watch operations are seen to fail, each on what it watches for; none of them stops anything."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime

import dagster as dg
import polars as pl
import pytest

from moderation_pipeline.defs.operations import chat_operations_checks, run_operations_checks
from moderation_pipeline.defs.partitions import run_key
from moderation_pipeline.warehouse.folder import DataFolder
from moderation_pipeline.warehouse.tables import COMMENTS, INGESTION, METRIC_HISTORY, METRICS
from moderation_pipeline_tests.defs.conftest import CHAT
from moderation_pipeline_tests.warehouse.rows import rows_of, write_table

RUN = {"chat": CHAT, "config": "hybrid"}
USUAL = {"sanction_share": 0.10, "sanction_share_low": 0.08, "sanction_share_high": 0.12}
MANY = {"sanction_share": 0.50, "sanction_share_low": 0.45, "sanction_share_high": 0.55}
CHEAP = {"list_cost_usd_per_1000_comments": 0.10}
DEAR = {"list_cost_usd_per_1000_comments": 0.90}
EARLIER, LATER = datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 1, 2, tzinfo=UTC)


def failed(results: object) -> set[str]:
    assert isinstance(results, Iterator)
    named = {str(each.check_name): each for each in results}
    assert {each.severity for each in named.values()} == {dg.AssetCheckSeverity.WARN}
    return {name for name, each in named.items() if not each.passed}


def of_chat(folder: DataFolder, *, rejected: int, sent_at: datetime) -> set[str]:
    ingestion = rows_of(INGESTION, {"chat": CHAT, "records": 100, "rejected": rejected})
    comments = rows_of(COMMENTS, {"chat": CHAT, "sent_at": sent_at})
    return failed(chat_operations_checks(ingestion=ingestion, comments=comments, data_folder=folder))


def of_run(folder: DataFolder, before: Mapping[str, object], now: Mapping[str, object]) -> set[str]:
    history = rows_of(
        METRIC_HISTORY,
        {**RUN, "finished_at": EARLIER, **before},
        {**RUN, "finished_at": LATER, **now},
    )
    context = dg.build_op_context(partition_key=run_key(CHAT, "hybrid"))
    metrics: pl.DataFrame = rows_of(METRICS, {**RUN, **now})
    return failed(run_operations_checks(context, metric_history=history, metrics=metrics, data_folder=folder))


def test_a_chats_first_run_is_held_against_the_evening_before_in_its_channel_alone(
    folder: DataFolder,
) -> None:
    for name, channel in (("monday", "dash"), (CHAT, "dash"), ("elsewhere", "arena")):
        write_table(rows_of(COMMENTS, {"chat": name, "channel": channel}), folder, COMMENTS, name)
    for name, share in (("monday", USUAL), ("elsewhere", MANY)):
        row = {"chat": name, "config": "hybrid", "finished_at": EARLIER, **share, **CHEAP}
        write_table(rows_of(METRIC_HISTORY, row), folder, METRIC_HISTORY, name, "hybrid")
    context = dg.build_op_context(partition_key=run_key(CHAT, "hybrid"))

    def told(now: Mapping[str, object]) -> set[str]:
        history = rows_of(METRIC_HISTORY, {**RUN, "finished_at": LATER, **now})
        metrics = rows_of(METRICS, {**RUN, **now})
        return failed(
            run_operations_checks(context, metric_history=history, metrics=metrics, data_folder=folder)
        )

    assert told({**USUAL, **CHEAP}) == set()
    assert told({**MANY, **CHEAP}) == {"as_much_is_acted_on_as_last_time"}


def test_a_chat_of_which_much_can_not_be_read_is_told(folder: DataFolder) -> None:
    assert of_chat(folder, rejected=50, sent_at=LATER) == {"few_lines_are_rejected"}
    assert of_chat(folder, rejected=0, sent_at=LATER) == set()


def test_a_chat_whose_log_no_longer_arrives_is_told_where_somebody_said_how_old_it_may_be(
    folder: DataFolder,
) -> None:
    (folder.root / "nights.yaml").write_text("stale_after_days: 2\n")
    assert of_chat(folder, rejected=0, sent_at=EARLIER) == {"comments_are_recent"}
    assert of_chat(folder, rejected=0, sent_at=datetime.now(UTC)) == set()


@pytest.mark.parametrize(
    ("before", "now", "told"),
    [
        ({**USUAL, **CHEAP}, {**USUAL, **CHEAP}, set()),
        ({**USUAL, **CHEAP}, {**MANY, **CHEAP}, {"as_much_is_acted_on_as_last_time"}),
        ({**USUAL, **CHEAP}, {**USUAL, **DEAR}, {"it_costs_about_what_it_did_last_time"}),
    ],
)
def test_a_run_that_acts_or_costs_otherwise_than_the_last_is_told(
    folder: DataFolder, before: Mapping[str, object], now: Mapping[str, object], told: set[str]
) -> None:
    assert of_run(folder, before, now) == told
