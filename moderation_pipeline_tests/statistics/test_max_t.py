"""Tests of intervals that hold together."""

from __future__ import annotations

import numpy as np
import pytest

from moderation_pipeline.statistics.max_t import Difference, of_shares, together

NAN = float("nan")


def test_one_difference_has_the_interval_of_its_standard_error() -> None:
    drawn = np.random.default_rng(1).normal(0.1, 0.02, 4_000)

    (found,) = together([Difference(0.1, drawn)])

    assert (found.low, found.high) == pytest.approx((0.1 - 0.0392, 0.1 + 0.0392), abs=0.002)


def test_two_shares_differ_by_no_more_than_1() -> None:
    drawn = np.random.default_rng(6).normal(0.7, 1.5, 1_000)
    (found,) = together([Difference(0.7, drawn)])
    assert of_shares(found) == (0.7, -1.0, 1.0)
    assert of_shares(together([Difference(NAN, drawn)])[0]) == (None, None, None)


def test_many_that_are_independent_reach_as_far_as_sidak_says() -> None:
    random = np.random.default_rng(2)
    differences = [Difference(0.0, random.normal(0, 1, 4_000)) for _ in range(12)]

    found = together(differences)

    assert found[0].high == pytest.approx(2.86, abs=0.12)


def test_the_same_difference_twelve_times_costs_nothing() -> None:
    drawn = np.random.default_rng(3).normal(0, 1, 4_000)

    assert together([Difference(0.0, drawn)] * 12)[0].high == pytest.approx(1.96, abs=0.06)


def test_what_is_undefined_gets_no_bounds_and_twins_differ_by_nothing() -> None:
    drawn = np.random.default_rng(4).normal(0, 1, 1_000)
    mostly_undefined = np.where(np.arange(1_000) < 500, NAN, drawn)

    found = together(
        [
            Difference(NAN, drawn),
            Difference(0.5, mostly_undefined),
            Difference(0.0, np.zeros(1_000)),
            Difference(0.5, np.empty(0)),
        ]
    )

    assert found == [(None, None, None), (0.5, None, None), (0.0, 0.0, 0.0), (0.5, None, None)]


def test_a_stretch_widens_its_own_interval_alone() -> None:
    random = np.random.default_rng(5)
    drawn = [random.normal(0, 1, 1_000) for _ in range(2)]

    plain, stretched = (
        together([Difference(0.0, drawn[0]), Difference(0.0, drawn[1], by)]) for by in (1.0, 2.0)
    )

    assert plain[0] == stretched[0]
    assert stretched[1].high == pytest.approx(2 * (plain[1].high or 0))
