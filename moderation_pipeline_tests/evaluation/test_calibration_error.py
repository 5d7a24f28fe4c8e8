"""Tests of how the Student's confidence is held against its audits, by hand."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import polars as pl
import pytest

from moderation_pipeline.evaluation.calibration_error import CalibrationShown, calibration_of
from moderation_pipeline.report.limits import calibration_sentence

Said = tuple[str, float, str, float]
"""The Student's category and confidence, the audit's category and its probability."""


def shown(rows: Sequence[Said]) -> CalibrationShown:
    ids = [f"c{i}" for i in range(len(rows))]
    student, confidence, audited, probability = zip(*rows, strict=True)
    decisions = pl.DataFrame({"comment_id": ids, "category": student, "confidence": confidence})
    audits = pl.DataFrame({"comment_id": ids, "category": audited, "audit_probability": probability})
    return calibration_of(decisions, audits)


def added_by_chance(gap: float, variance: float) -> float:
    """What is taken off for a bin whose gap is so wide, for its standard error."""
    return math.sqrt(4 / math.pi * variance) * math.exp(-(gap**2) / variance / 2)


def test_error_and_auroc_are_as_counted_by_hand() -> None:
    wrong, right = [("none", 0.8, "hate", 1.0)] * 10, [("none", 0.8, "none", 1.0)] * 50

    found = shown([("hate", 0.9, "hate", 1.0)] * 40 + wrong + right)

    gaps, variances = (40 * 0.1, 60 * 0.2 - 10), (40 * 0.09, 60 * 0.16)
    by_chance = sum(map(added_by_chance, gaps, variances)) / 100
    assert found.calibration_error == pytest.approx((40 * 0.1 + abs(60 * 0.2 - 10)) / 100 - by_chance)
    assert found.calibration_auroc == pytest.approx((40 + 10 / 2) / 50)
    assert found.calibration_sample_size == pytest.approx(100)


def test_a_student_that_says_the_base_rate_of_everything_is_calibrated_and_ranks_nothing() -> None:
    found = shown([("none", 0.8, "hate", 1.0)] * 20 + [("none", 0.8, "none", 1.0)] * 80)

    assert found.calibration_error == pytest.approx(0)
    assert found.calibration_auroc == pytest.approx(0.5)


def test_an_audit_counts_as_many_comments_as_it_stands_for() -> None:
    """A tenth of the sure ones was audited and found right, so they weigh ten times."""
    sure = [("none", 1.0, "none", 0.1)] * 90
    unsure = [("hate", 0.5, "hate", 1.0)] * 50 + [("hate", 0.5, "none", 1.0)] * 50

    found = shown(sure + unsure[:80])

    by_chance = added_by_chance(50 - 40, 80 * 0.25)
    assert found.calibration_error == pytest.approx((50 - 40 - by_chance) / (900 + 80))
    assert found.calibration_sample_size == pytest.approx((900 + 80) ** 2 / (90 * 100 + 80))


def drawn(seed: int, size: int, off_by: float = 0.0) -> CalibrationShown:
    """Audits of a Student whose probabilities are right, or all too low by as many points."""
    random = np.random.default_rng(seed)
    probability = random.beta(1, 3, size=size)
    violations = random.random(size) < np.minimum(1, probability + off_by)
    return shown(
        [
            ("hate", float(p), "hate" if is_one else "none", 1.0)
            for p, is_one in zip(probability, violations, strict=True)
        ]
    )


@pytest.mark.parametrize("size", [60, 1_000])
def test_a_student_that_is_right_is_not_said_to_be_off_by_what_chance_makes(size: int) -> None:
    """It was said to be off by 10 points at 60 audits, and by 2.5 at 1,000."""
    found = [drawn(seed, size) for seed in range(40)]

    assert np.mean([each.calibration_error for each in found]) < (0.03 if size == 60 else 0.006)
    assert sum((each.calibration_error_low or 0) > 0.01 for each in found) <= 3


def test_a_student_that_is_wrong_is_said_to_be() -> None:
    found = [drawn(seed, 800, off_by=0.2) for seed in range(30)]

    held = [(each.calibration_error_low or 0) <= 0.2 <= (each.calibration_error_high or 0) for each in found]
    assert np.mean([each.calibration_error for each in found]) == pytest.approx(0.2, abs=0.025)
    assert sum(held) >= 24


def test_too_few_audits_show_nothing_but_how_few_they_are() -> None:
    found = shown([("hate", 0.9, "hate", 1.0)] * 10 + [("none", 0.9, "none", 1.0)] * 10)

    assert found[:2] == (None, None)
    assert found.calibration_sample_size == pytest.approx(20)
    assert calibration_sentence("mine", found) is None


def test_the_sentence_never_gives_the_error_without_auroc() -> None:
    sentence = calibration_sentence("mine", CalibrationShown(0.031, 0.94, 380.4))

    assert sentence is not None
    assert "3.1" in sentence
    assert "0.94 (AUROC)" in sentence
    assert "380 equal ones" in sentence
