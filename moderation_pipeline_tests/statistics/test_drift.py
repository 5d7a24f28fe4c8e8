"""Tests of the alarm for drift: weighted by audit probability, seldom false, soon where there is drift."""

from __future__ import annotations

import math
from itertools import count

import numpy as np
import pytest

from moderation_pipeline.statistics.drift import FALSE_ALARMS, MOST_AT_STAKE, WORSE, DriftDetector


@pytest.mark.parametrize("probability", [0.02, 0.2, 0.9])
@pytest.mark.parametrize("rate", [0.001, 0.05, 0.4])
def test_while_errors_are_at_the_certified_rate_a_factor_is_worth_one_on_average(
    rate: float, probability: float
) -> None:
    """A comment may be audited likelier than the least; the average is over both chances, of audit and of error."""
    least = 0.02
    bet = float(np.mean([min((worse - 1) * least, MOST_AT_STAKE / rate) for worse in WORSE]))
    found = 1 - bet * rate + bet / probability
    missed = 1 - bet * rate

    share = rate * probability
    assert share * found + (1 - share) * missed == pytest.approx(1)
    assert first_factor(rate, least, error_at=probability) == pytest.approx(found)
    assert first_factor(rate, least, error_at=None) == pytest.approx(missed)


def first_factor(rate: float, least: float, *, error_at: float | None) -> float:
    detector = DriftDetector(rate, least)
    detector.alarms_at(comments=1, error_at=error_at)
    return detector.evidence


def test_the_comments_that_nobody_audited_count_too() -> None:
    one, many = DriftDetector(0.05, 0.2), DriftDetector(0.05, 0.2)

    one.alarms_at(comments=10, error_at=0.2)
    many.alarms_at(comments=100, error_at=0.2)

    assert many.evidence < one.evidence


@pytest.mark.parametrize("factor", [2.0, 4.0])
def test_errors_that_become_more_frequent_alarm_within_a_few_hundred_audits(factor: float) -> None:
    rng, detector = np.random.default_rng(1), DriftDetector(0.05, 0.2)
    expected = -math.log(FALSE_ALARMS) / (0.05 * (factor * math.log(2) - 1))

    audits = next(
        audits
        for audits in count(1)
        if detector.alarms_at(
            comments=int(rng.geometric(0.2)), error_at=0.2 if rng.random() < 0.05 * factor else None
        )
    )

    assert audits < 3 * expected


def test_errors_that_suddenly_are_six_times_as_many_alarm_after_some_thirty_audits() -> None:
    """One bet on twice as many took 57 in the median: half as many people are wronged until then."""
    taken = []
    for seed in range(60):
        rng, detector = np.random.default_rng(seed), DriftDetector(0.05, 0.2)
        taken.append(
            next(
                audits
                for audits in count(1)
                if detector.alarms_at(
                    comments=int(rng.geometric(0.2)), error_at=0.2 if rng.random() < 0.3 else None
                )
            )
        )

    assert np.median(taken) <= 40


def test_a_high_target_bankrupts_no_bet() -> None:
    detector = DriftDetector(0.9, 0.9)

    detector.alarms_at(comments=1_000, error_at=None)

    assert 0 <= detector.evidence < 1
