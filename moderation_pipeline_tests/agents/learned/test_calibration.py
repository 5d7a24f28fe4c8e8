"""Tests of calibration: weighted by audit probability, bounded by its sample, and never without AUROC."""

from __future__ import annotations

from math import log

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score

from moderation_pipeline.agents.learned.calibration import best_threshold, calibrate, closeness, platt
from moderation_pipeline.agents.learned.recent_scores import Alone
from moderation_pipeline.statistics.weighted_audits import auroc, effective_sample_size


def world(count: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Return scores and outcomes whose true log-odds are 2 · score - 1."""
    rng = np.random.default_rng(seed)
    scores = rng.normal(size=count)
    outcomes = rng.random(count) < 1 / (1 + np.exp(-(2 * scores - 1)))
    return scores, outcomes


def test_a_biased_sample_is_put_right_by_its_probabilities() -> None:
    scores, outcomes = world(20_000, seed=1)
    probabilities = np.where(np.abs(scores) < 0.5, 1.0, 0.05)
    audited = np.random.default_rng(2).random(len(scores)) < probabilities

    calibration = calibrate(
        scores[audited], outcomes[audited], 1 / probabilities[audited], Alone.everywhere(scores), least=50
    )

    assert calibration.slope == pytest.approx(2, abs=0.3)
    assert calibration.intercept == pytest.approx(-1, abs=0.2)
    assert calibration.auroc == pytest.approx(roc_auc_score(outcomes, scores), abs=0.03)


@pytest.mark.parametrize("spread", [0.05, 1.0, 30.0])
def test_platts_parameters_are_scikit_learns_at_its_most_exact(spread: float) -> None:
    scores, outcomes = world(400, seed=3)
    weights = np.where(np.abs(scores) < 0.5, 1.0, 20.0)
    exact = LogisticRegression(C=1e4, tol=1e-10, max_iter=1_000, solver="newton-cholesky")
    exact.fit(spread * scores[:, None], outcomes, sample_weight=weights / weights.mean())

    slope, intercept = platt(spread * scores, outcomes, weights)

    assert slope == pytest.approx(exact.coef_[0, 0], rel=1e-5)
    assert intercept == pytest.approx(exact.intercept_[0], rel=1e-5)


@pytest.mark.parametrize("apart", [0.1, 1.0, 1_000.0])
def test_scores_that_part_the_kinds_have_a_finite_slope(apart: float) -> None:
    outcomes = np.arange(40) % 4 == 0

    slope, intercept = platt(np.where(outcomes, apart, -apart), outcomes, np.ones(40))

    probabilities = 1 / (1 + np.exp(-(slope * np.array([-apart, apart]) + intercept)))
    assert 0 < probabilities[0] < 0.01 < 0.99 < probabilities[1] < 1


def test_below_the_least_effective_sample_the_heads_own_scale_stays() -> None:
    scores, outcomes = world(30, seed=1)

    calibration = calibrate(scores, outcomes, np.ones(30), Alone.everywhere(scores), least=50)

    assert not calibration.is_fitted
    assert (calibration.slope, calibration.intercept, calibration.threshold) == (1.0, 0.0, 0.0)
    assert calibration.effective_sample_size == 30


def test_scores_that_rank_the_wrong_way_round_are_not_fitted() -> None:
    scores, outcomes = world(500, seed=1)

    calibration = calibrate(-scores, outcomes, np.ones(500), Alone.everywhere(-scores), least=50)

    assert not calibration.is_fitted
    assert calibration.auroc is not None
    assert calibration.auroc < 0.5


@pytest.mark.parametrize(("share", "says_yes"), [(0.7, True), (0.3, False), (0.004, False)])
def test_where_most_are_violations_scores_that_tell_nothing_say_yes_to_all(
    share: float, says_yes: bool
) -> None:
    outcomes = np.arange(1_000) < 1_000 * share
    scores = np.where(outcomes, -1.0, 1.0)

    calibration = calibrate(scores, outcomes, np.ones(1_000), Alone.everywhere(scores), least=50)

    assert calibration.is_fitted == says_yes
    if says_yes:
        assert calibration.probabilities(np.array([-30.0, 30.0])) == pytest.approx(share, abs=1e-4)
        assert calibration.threshold < -30


def test_the_threshold_is_that_of_the_greatest_expected_f1() -> None:
    scores = np.linspace(-3, 3, 61)
    probabilities = 1 / (1 + np.exp(-scores))

    def expected_f1(threshold: float) -> float:
        called = scores >= threshold
        return float(2 * probabilities[called].sum() / (called.sum() + probabilities.sum()))

    best = best_threshold(probabilities, np.ones(61), np.zeros(61))

    assert expected_f1(log(best / (1 - best))) == max(expected_f1(each) for each in scores)
    assert best < 0.5


@given(
    st.lists(
        st.tuples(st.floats(0.001, 0.999), st.floats(0, 20), st.floats(0, 20)), min_size=1, max_size=40
    ).filter(lambda comments: sum(alone + audited for _, alone, audited in comments) > 0.1)
)
def test_no_other_threshold_makes_a_system_with_its_audits_better(
    comments: list[tuple[float, float, float]],
) -> None:
    probabilities, alone, audited = (np.array(part) for part in zip(*comments, strict=True))

    def expected_f1(threshold: float) -> float:
        called, found = probabilities >= threshold, float(audited @ probabilities)
        hits = float((alone * probabilities)[called].sum())
        return 2 * (found + hits) / (2 * found + float(alone[called].sum()) + float(alone @ probabilities))

    best = expected_f1(best_threshold(probabilities, alone, audited))

    assert best == pytest.approx(max(expected_f1(each) for each in [*probabilities, 1.0]))


def test_where_violations_are_rare_a_student_leaves_them_to_the_audits_that_find_them() -> None:
    probabilities = np.concatenate([np.full(960, 0.002), np.full(40, 0.05)])
    none, audited = np.zeros(1_000), np.concatenate([np.zeros(960), np.ones(40)])

    assert best_threshold(probabilities, 1 - none, none) < 0.05
    assert best_threshold(probabilities, 1 - audited, audited) > 0.2


def test_what_falls_between_all_that_was_seen_of_either_kind_is_let_be() -> None:
    """Chat users who write what lies between an insult and harmless talk would else be taken for insulting."""
    scores = np.concatenate([np.linspace(-3, -2, 50), np.linspace(2, 3, 50)])
    outcomes = scores > 0

    calibration = calibrate(scores, outcomes, np.ones(100), Alone.everywhere(scores), least=50)

    assert calibration.probability(1.0) > 0.5
    assert calibration.threshold == 2.0


@given(weights=st.lists(st.floats(0.01, 100), min_size=1, max_size=50))
def test_an_effective_sample_is_never_more_than_the_sample(weights: list[float]) -> None:
    size = effective_sample_size(np.array(weights))

    assert 1 - 1e-9 <= size <= len(weights) + 1e-9


@given(
    observations=st.lists(
        st.tuples(st.integers(-3, 3), st.booleans(), st.floats(0.5, 10)), min_size=2, max_size=40
    ).filter(lambda all_of: len({outcome for _, outcome, _ in all_of}) == 2)
)
def test_the_area_under_the_curve_is_scikit_learns(observations: list[tuple[int, bool, float]]) -> None:
    scores, outcomes, weights = (np.array(part) for part in zip(*observations, strict=True))

    ours = auroc(scores.astype(float), outcomes, weights)

    assert ours == pytest.approx(roc_auc_score(outcomes, scores, sample_weight=weights))


def test_closeness_counts_the_comments_between_a_score_and_the_threshold_on_either_side() -> None:
    ranked = np.array([-4.0, -3.0, -2.0, -1.0, 0.0, 1.0, 2.0, 30.0])

    close = closeness(np.array([-3.0, 0.0, 1.0, 30.0]), 1.0, ranked)

    assert close == pytest.approx([1 - 4 / 8, 1 - 1 / 8, 1.0, 1 - 2 / 8])
