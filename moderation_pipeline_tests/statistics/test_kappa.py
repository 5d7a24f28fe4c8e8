"""Tests of kappa: it is the one that is known by the name, and a row adds what its weight changes."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import cohen_kappa_score

from moderation_pipeline.statistics.kappa import cohens_kappa

RANDOM = np.random.default_rng(4)
LABEL = RANDOM.random(500) < 0.2
SAID = np.where(RANDOM.random(500) < 0.85, LABEL, ~LABEL)


def test_kappa_is_scikit_learns() -> None:
    found = cohens_kappa(SAID, LABEL)
    assert found is not None
    assert found.value == pytest.approx(cohen_kappa_score(LABEL, SAID))


def test_what_a_row_adds_is_what_kappa_changes_by_when_it_weighs_more() -> None:
    found, step = cohens_kappa(SAID, LABEL), 1e-6
    assert found is not None
    assert found.influence.sum() == pytest.approx(0, abs=1e-12)
    for row in range(0, 500, 25):
        more, less = np.ones(500), np.ones(500)
        more[row] += step
        less[row] -= step
        by_weight = [cohen_kappa_score(LABEL, SAID, sample_weight=each) for each in (more, less)]
        assert found.influence[row] == pytest.approx((by_weight[0] - by_weight[1]) / (2 * step), abs=1e-6)


def test_kappa_is_one_where_all_is_said_alike_and_nought_where_nothing_is_said() -> None:
    assert cohens_kappa(LABEL, LABEL) is not None
    alike, never = cohens_kappa(LABEL, LABEL), cohens_kappa(np.zeros(500, np.bool_), LABEL)
    assert alike is not None
    assert alike.value == pytest.approx(1)
    assert never is not None
    assert never.value == pytest.approx(0)


def test_where_neither_varies_there_is_no_kappa() -> None:
    nothing = np.zeros(10, np.bool_)
    assert cohens_kappa(nothing, nothing) is None
    assert cohens_kappa(nothing[:0], nothing[:0]) is None
