"""Tests of rankings: the measures are those of scikit-learn, ties count as chance, intervals need users."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import average_precision_score, roc_auc_score

from moderation_pipeline.statistics.resampled_ranking import LEAST_VIOLATIONS, ranking_of

RANDOM = np.random.default_rng(3)
OUTCOMES = RANDOM.random(2_000) < 0.05
SCORES = np.round(RANDOM.random(2_000) + np.where(OUTCOMES, 0.4, 0.0), 2)
WHO = RANDOM.integers(300, size=2_000)


def test_the_measures_are_those_that_are_known_by_their_names() -> None:
    found = ranking_of(SCORES, OUTCOMES, WHO, seed=1)

    assert found.auroc.estimate == pytest.approx(roc_auc_score(OUTCOMES, SCORES))
    assert found.average_precision.estimate == pytest.approx(average_precision_score(OUTCOMES, SCORES))


def test_the_interval_is_about_the_estimate_and_the_same_each_time() -> None:
    found = ranking_of(SCORES, OUTCOMES, WHO, seed=1)

    for each in found:
        assert each.low is not None
        assert each.estimate is not None
        assert each.high is not None
        assert each.low < each.estimate < each.high
    assert found == ranking_of(SCORES, OUTCOMES, WHO, seed=1)


def test_equal_scores_put_as_many_violations_at_the_top_as_chance_would() -> None:
    outcomes = np.arange(400) < 40

    found = ranking_of(np.zeros(400), outcomes, np.arange(400), seed=1)

    assert found.auroc.estimate == pytest.approx(0.5)
    assert found.in_top.estimate == pytest.approx(0.05)


def test_too_few_violations_rank_nothing() -> None:
    outcomes = np.arange(400) < LEAST_VIOLATIONS - 1

    assert ranking_of(np.arange(400.0), outcomes, np.arange(400), seed=1).auroc.estimate is None


def test_violations_of_few_users_have_no_interval() -> None:
    outcomes = np.arange(400) < 40
    who = np.where(outcomes, 0, np.arange(400))

    found = ranking_of(-np.arange(400.0), outcomes, who, seed=1)

    assert found.auroc.estimate == 1
    assert found.auroc.low is None
