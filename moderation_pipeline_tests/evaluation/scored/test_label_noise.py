"""Labels that err: corrected estimates against simulated truth, and bounds worked by hand."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from moderation_pipeline.evaluation.scored.judged_rows import Judge, JudgedRows
from moderation_pipeline.evaluation.scored.label_noise import ANNOTATOR, noise_of_two, noise_of_votes

JUDGE = Judge("model", "score", 0.5)


def world(
    items: int, seed: int, raters: tuple[float, ...] = (0.88, 0.88, 0.88)
) -> tuple[JudgedRows, pl.DataFrame]:
    """Return a judge, votes of raters who err independently."""
    random = np.random.default_rng(seed)
    truth = random.random(items) < 0.25
    flag = np.where(random.random(items) < 0.9, truth, ~truth)
    votes = [np.where(random.random(items) < right, truth, ~truth) for right in raters]
    rows = pl.DataFrame(
        {
            "row": range(items),
            "cluster": [f"r{i}" for i in range(items)],
            "label": np.sum(votes, axis=0) * 2 > len(votes),
            JUDGE.flag: flag,
        }
    )
    long = pl.DataFrame(
        {
            "row": np.tile(np.arange(items), len(votes)),
            "annotator": np.repeat([f"a{i}" for i in range(len(votes))], items),
            "vote": np.concatenate(votes),
        }
    )
    return JudgedRows(rows, (JUDGE,), seed=f"w{seed}"), long


TRUE_F1 = 2 * 0.25 * 0.9 / (0.25 * 0.9 + 0.75 * 0.1 + 0.25)


def one(frame: pl.DataFrame, judge: str, estimate: str) -> dict[str, float]:
    return frame.row(by_predicate=(pl.col("judge") == judge) & (pl.col("estimate") == estimate), named=True)


def test_with_three_annotators_estimates_are_those_against_the_truth_and_the_majority_is_not() -> None:
    judged, votes = world(60_000, 1)
    found = noise_of_votes(judged, votes)
    flag, label = judged.rows[JUDGE.flag].to_numpy(), judged.rows["label"].to_numpy()
    by_majority = 2 * (flag & label).sum() / (flag.sum() + label.sum())
    assert one(found, "model", "f1")["value"] == pytest.approx(TRUE_F1, abs=0.01)
    assert abs(by_majority - TRUE_F1) > 0.02
    assert one(found, ANNOTATOR, "hits")["value"] == pytest.approx(0.88, abs=0.01)
    assert one(found, ANNOTATOR, "false_alarms")["value"] == pytest.approx(0.12, abs=0.01)
    assert one(found, ANNOTATOR, "prevalence")["value"] == pytest.approx(0.25, abs=0.01)


def test_corrected_intervals_hold_the_truth_in_some_95_of_100_worlds() -> None:
    worlds = 100
    found = [one(noise_of_votes(*world(800, seed)), "model", "f1") for seed in range(worlds)]
    held = np.mean([each["low"] <= TRUE_F1 <= each["high"] for each in found])
    assert held > 0.95 - 3 * np.sqrt(0.95 * 0.05 / worlds)


def test_with_two_judges_an_estimate_lies_between_what_each_open_row_would_be_at_worst_and_at_best() -> None:
    # 100 rows of agreement, 40 of them violations that are all flagged; 10 open rows, 5 of them flagged.
    rows = pl.DataFrame(
        {
            "label": [True] * 40 + [False] * 60 + [True] * 10,
            "second": [True] * 40 + [False] * 60 + [False] * 10,
            JUDGE.flag: [True] * 40 + [False] * 60 + [True] * 5 + [False] * 5,
        }
    )
    found = noise_of_two(JudgedRows(rows, (JUDGE,)), rows)
    precision, recall = one(found, "model", "precision"), one(found, "model", "recall")
    assert (precision["low"], precision["high"], precision["differ"]) == (40 / 45, 1.0, 10)
    assert (recall["low"], recall["high"]) == (40 / 45, 1.0)
    assert one(found, "model", "f1")["low"] == pytest.approx(80 / 90)


def test_two_annotators_bound_and_few_items_say_nothing() -> None:
    judged, votes = world(400, 3, (0.9, 0.9))
    found = noise_of_votes(judged, votes)
    assert set(found["basis"]) == {"two"}
    f1 = one(found, "model", "f1")
    assert f1["low"] < TRUE_F1 < f1["high"]
    few = noise_of_votes(JudgedRows(judged.rows.head(50), (JUDGE,)), votes.filter(pl.col("row") < 50))
    assert few.is_empty()


def test_raters_who_only_guess_are_not_corrected_for() -> None:
    judged, votes = world(3_000, 4, (0.5, 0.5, 0.5))
    wide = one(noise_of_votes(judged, votes), "model", "f1")
    assert wide["value"] is None or wide["low"] is None or wide["high"] - wide["low"] > 0.3
