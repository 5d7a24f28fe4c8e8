"""Precision, recall and F1 over thresholds: their bands are intervals of the same kind as at the threshold in use."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from moderation_pipeline.contest.table_evaluation import evaluate
from moderation_pipeline.evaluation.scored.judged_rows import Judge, JudgedRows
from moderation_pipeline.evaluation.scored.score_curves import ESTIMATED, threshold_frame
from moderation_pipeline_tests.contest.labelled_tables import labelled_table
from moderation_pipeline_tests.evaluation.scored.test_coverage import rows_of_world

JUDGE = Judge("a", "score", 0.5)


def judged(users: int, per_user: int, seed: int) -> JudgedRows:
    return JudgedRows(rows_of_world(users, per_user, seed), (JUDGE,), seed=f"w{seed}")


def test_at_the_threshold_in_use_a_band_is_the_interval_of_the_judge_but_for_chance() -> None:
    found = evaluate(
        labelled_table(), text="comment", label="toxic", user="author", score={"good": "good"}, configs=()
    )
    (judge,) = found.judges.to_dicts()
    (point,) = found.thresholds.filter(pl.col("threshold") == 0.5).to_dicts()
    for name in ESTIMATED:
        assert point[name] == judge[name]
        assert point[f"{name}_low"] == pytest.approx(judge[f"{name}_low"], abs=0.02)
        assert point[f"{name}_high"] == pytest.approx(judge[f"{name}_high"], abs=0.02)


def test_every_point_of_a_curve_lies_in_its_band_and_nothing_flagged_has_no_precision() -> None:
    found = threshold_frame(judged(60, 10, 1))
    assert found["threshold"].to_list() == [at / 100 for at in range(101)]
    for name in ESTIMATED:
        known = found.drop_nulls(name)
        assert (known[f"{name}_low"] <= known[name]).all()
        assert (known[name] <= known[f"{name}_high"]).all()
    nobody = found.filter(flagged=0)
    assert nobody["precision"].null_count() == nobody.height == nobody["precision_high"].null_count()


def test_a_band_holds_the_truth_in_about_95_of_100_worlds_of_users_who_differ() -> None:
    at = (0.3, 0.5, 0.7)
    true = threshold_frame(judged(5_000, 10, 10_000)).filter(pl.col("threshold").is_in(at))
    held = []
    for seed in range(24):
        found = threshold_frame(judged(120, 10, seed)).filter(pl.col("threshold").is_in(at))
        held += [
            ((found[f"{name}_low"] <= true[name]) & (true[name] <= found[f"{name}_high"])).to_list()
            for name in ESTIMATED
        ]
    assert 0.9 <= np.mean(held) <= 0.99
