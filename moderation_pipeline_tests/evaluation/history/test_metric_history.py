"""The history of a run's figures: a row each time, and who answered."""

from __future__ import annotations

from datetime import UTC, datetime

import polars as pl

from moderation_pipeline.evaluation.history.metric_history import WhenMade, with_these
from moderation_pipeline.warehouse.laws import changed_models
from moderation_pipeline.warehouse.tables import (
    EXPERT_AUDITS,
    METRIC_HISTORY,
    METRICS,
    PROVENANCE,
    STUDENT_DECISIONS,
)
from moderation_pipeline_tests.warehouse.rows import rows_of

THREE, FOUR = (datetime(2026, 11, 29, hour, tzinfo=UTC) for hour in (3, 4))


def made(history: pl.DataFrame, run_id: str, f1: float, *decisions: dict[str, object]) -> pl.DataFrame:
    return with_these(
        history,
        rows_of(METRICS, {"chat": "arena", "config": "hybrid", "f1": f1}),
        WhenMade(run_id, THREE, FOUR),
        provenance=rows_of(PROVENANCE, {"agents_version": "abcd"}),
        student_decisions=rows_of(STUDENT_DECISIONS, *decisions),
        expert_audits=rows_of(EXPERT_AUDITS, {"backend": "openai", "model": "large-2"}),
    )


def test_a_row_is_added_each_time_and_a_step_tried_again_replaces_its_own() -> None:
    once = made(METRIC_HISTORY.empty(), "first", 0.5)
    twice = made(once, "second", 0.6)
    again = made(twice, "second", 0.7)
    assert again.select("run_id", "f1").rows() == [("first", 0.5), ("second", 0.7)]
    assert again.schema == METRIC_HISTORY.schema
    assert again.row(0, named=True)["started_at"] == THREE


def test_models_are_named_as_they_were_served_tier_by_tier() -> None:
    tiers = [{"backend": "rules", "model": None}, {"backend": "hf", "model": "small-1"}]
    of_one: dict[str, object] = {"backend": "hf", "model": "small-1"}
    of_tiers: dict[str, object] = {**of_one, "tiers": tiers}
    row = made(METRIC_HISTORY.empty(), "first", 0.5, of_one, of_tiers, {}).row(0, named=True)
    assert row["student_models"] == ["hf small-1", "rules"]
    assert row["expert_models"] == ["openai large-2"]
    assert row["code_version"] == "abcd"


def history_of(*rows: tuple[str, str]) -> pl.DataFrame:
    """Return a history of times: the config's hash, and the Student's model as it was served."""
    made: list[dict[str, object]] = [
        {"config_hash": config, "student_models": [model], "expert_models": []} for config, model in rows
    ]
    return rows_of(METRIC_HISTORY, *made)


def test_a_model_that_changed_under_its_name_is_seen_and_one_that_the_config_changed_is_not() -> None:
    changed = changed_models(history_of(("a", "small-1"), ("a", "small-2")))
    assert changed.rows() == [("student", "small-1", "small-2")]
    assert changed_models(history_of(("a", "small-1"), ("b", "small-2"))).is_empty()
    assert changed_models(history_of(("a", "small-1"), ("a", "small-1"))).is_empty()
    assert changed_models(history_of(("a", "small-1"))).is_empty()
