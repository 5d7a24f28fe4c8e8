"""Tests of the time-uniform bound: how many audits it takes, and that it holds at every look."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from moderation_pipeline.statistics.time_uniform import ErrorBound

ALPHA = 0.05


def false_alarms(worlds: int, *, rate: float, drifted: float, floor: float, comments: int = 2_000) -> float:
    """Return the share of seeded worlds in which the bound fell below the truth at any look."""
    wrong = 0
    for world in range(worlds):
        rng = np.random.default_rng(world)
        bound = ErrorBound(floor)
        truth, was_below = 0, False
        for i in range(comments):
            is_error = bool(rng.random() < (rate if i < comments // 2 else drifted))
            probability = floor if i % 3 else min(0.99, 2 * floor)
            audited = bool(rng.random() < probability)
            truth += is_error
            take_in(bound, probability, is_error if audited else None)
            was_below |= i % 64 == 0 and truth > bound.most_errors(ALPHA)
        wrong += was_below
    return wrong / worlds


def take_in(bound: ErrorBound, probability: float, is_error: bool | None) -> None:
    """Count one comment; `is_error` is null where it was not audited."""
    bound.refuse_less_than_promised(probability)
    bound.population.take_in(is_audited=is_error is not None)
    if is_error:
        bound.found_error(probability)


def meets(bound: ErrorBound, target: float) -> bool:
    """Whether the bound is at or below the target, as certificates ask it."""
    return bound.comments > 0 and target * bound.comments >= bound.errors_ruled_out(ALPHA)


@pytest.mark.parametrize(("rate", "drifted"), [(0.05, 0.05), (0.01, 0.2), (0.3, 0.02)])
def test_the_bound_is_rarely_below_the_truth_at_any_look(rate: float, drifted: float) -> None:
    worlds = 60

    share = false_alarms(worlds, rate=rate, drifted=drifted, floor=0.2)

    simulation_error = 2.6 * (ALPHA * (1 - ALPHA) / worlds) ** 0.5
    assert share <= ALPHA + simulation_error


@pytest.mark.parametrize(("target", "least", "most"), [(0.001, 2_995, 4_500), (0.05, 59, 100)])
def test_without_errors_it_takes_more_audits_than_one_fixed_look_and_not_many_more(
    target: float, least: int, most: int
) -> None:
    needed = ErrorBound(0.01).audits_needed(target, ALPHA)

    assert least <= needed <= most


def test_as_many_audits_as_needed_are_enough() -> None:
    bound = ErrorBound(0.1)
    needed = bound.audits_needed(0.05, ALPHA)

    for i in range(needed * 10):
        take_in(bound, 0.1, False if i % 10 == 0 else None)

    assert bound.audits == needed
    assert meets(bound, 0.05)
    assert bound.audits_needed(0.05, ALPHA) == 0


@settings(max_examples=30, deadline=None)
@given(
    audits=st.lists(
        st.tuples(st.sampled_from([0.1, 0.3, 0.9]), st.sampled_from([None, True, False])), max_size=80
    ),
    target=st.floats(0.01, 0.9),
)
def test_meeting_a_target_is_the_same_as_a_bound_below_it(
    audits: list[tuple[float, bool | None]], target: float
) -> None:
    bound = ErrorBound(0.1)
    for probability, is_error in audits:
        take_in(bound, probability, is_error)

    assert 0 <= bound.bound(ALPHA) <= 1
    if abs(bound.bound(ALPHA) - target) > 1e-6:
        assert meets(bound, target) == (bound.bound(ALPHA) < target)


def test_an_error_raises_the_bound() -> None:
    clean, erring = ErrorBound(0.1), ErrorBound(0.1)
    for i in range(500):
        take_in(clean, 0.1, False)
        take_in(erring, 0.1, i == 250)

    assert erring.bound(ALPHA) > clean.bound(ALPHA)


def test_a_probability_below_the_promised_floor_is_refused() -> None:
    with pytest.raises(ValueError, match=r"0\.05 is below the least one promised, 0\.1"):
        take_in(ErrorBound(0.1), 0.05, None)
