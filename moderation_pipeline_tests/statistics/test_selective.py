"""Risk and coverage against a loop, what a row adds against leaving it out, and ties."""

from __future__ import annotations

from itertools import permutations

import numpy as np
import pytest

from moderation_pipeline.statistics.ranking import pseudo_values
from moderation_pipeline.statistics.selective import Surest


def by_a_loop(sure: np.ndarray, wrong: np.ndarray) -> float:
    """Return the mean error rate among the k surest, over all k: no ties."""
    order = np.argsort(-sure)
    return float(np.mean([wrong[order][: k + 1].mean() for k in range(wrong.size)]))


def test_the_area_is_the_mean_error_rate_among_the_surest_over_all_shares() -> None:
    random = np.random.default_rng(0)
    sure, wrong = random.random(300), random.random(300) < 0.2
    assert Surest.of(sure, wrong).area(wrong).value == pytest.approx(by_a_loop(sure, wrong))


def test_ties_count_as_the_mean_over_all_their_orders() -> None:
    sure = np.array([0.9, 0.5, 0.5, 0.5, 0.1])
    wrong = np.array([False, True, False, False, True])
    orders = [
        by_a_loop(np.array([0.9, 0.53, 0.52, 0.51, 0.1]), np.concatenate([[False], middle, [True]]))
        for middle in (np.array(each) for each in permutations(wrong[1:4]))
    ]
    assert Surest.of(sure, wrong).area(wrong).value == pytest.approx(float(np.mean(orders)))


def test_what_a_row_adds_tells_what_the_area_is_of_a_resample() -> None:
    random = np.random.default_rng(1)
    sure = random.random(4_000)
    wrong = random.random(4_000) < 0.4 * (1 - sure)
    area = Surest.of(sure, wrong).area(wrong)
    values = pseudo_values(area, np.ones(4_000, np.bool_))
    assert values.mean() == pytest.approx(area.value)
    exact, linear = [], []
    for _ in range(60):
        drawn = random.integers(4_000, size=4_000)
        exact.append(Surest.of(sure[drawn], wrong[drawn]).area(wrong[drawn]).value)
        linear.append(values[drawn].mean())
    assert np.corrcoef(exact, linear)[0, 1] > 0.98
    assert np.std(linear) == pytest.approx(np.std(exact), rel=0.1)


def test_so_sure_one_has_to_be_that_a_share_is_decided_and_all_that_are_as_sure() -> None:
    order = Surest.of(np.array([0.9, 0.5, 0.5, np.nan]), np.zeros(4, np.bool_))
    assert order.least_sure_of(0.25) == 0.9
    assert order.least_sure_of(0.3) == 0.5
    assert order.least_sure_of(1.0) == -np.inf, "what it says nothing of is the last to be decided"
