"""Tests of what intervals from resampling users are stretched by."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from moderation_pipeline.statistics.clusters import (
    NO_COPIES,
    Copies,
    copies_of,
    freedom_of,
    of_few_users,
    stretch,
)


def test_many_users_leave_an_interval_as_it_is_and_few_stretch_it() -> None:
    assert of_few_users(1_000) == pytest.approx(1, abs=0.003)
    assert of_few_users(10) == pytest.approx(2.262 / 1.96 * (10 / 9) ** 0.5, abs=0.001)
    assert of_few_users(0.5) == of_few_users(2)


def test_one_who_writes_most_leaves_less_to_learn_a_variance_from_than_there_are_users() -> None:
    sizes = np.array([1, 100, 50])

    assert freedom_of(np.array([1.0, 1.0, 0.0]), sizes) == pytest.approx(101)
    assert 2 < freedom_of(np.array([1_000.0, 1.0, 0.0]), sizes) < 4
    assert freedom_of(np.zeros(3), sizes) == 0


def test_the_variance_by_users_and_texts_is_that_of_resampling_both() -> None:
    """A second implementation: users and texts both weighed by Poisson(1), as Owen and Eckles do.

    Theirs counts what is a pair's own twice more than there is.
    """
    random = np.random.default_rng(1)
    user, text = random.integers(0, 300, 3_000), random.integers(0, 300, 3_000)
    influence = random.normal(0, 1, 300)[text] + random.normal(0, 1, 300)[user]
    influence -= influence.mean()
    pairs, which = np.unique(user * 300 + text, return_inverse=True)
    by_pair = np.bincount(which, influence).astype(np.float64)
    by_users = float((np.bincount(user, influence) ** 2).sum())

    copies = copies_of(pairs % 300, by_pair)
    found = by_users + copies.variance

    drawn = [(random.poisson(1, 300)[user] * random.poisson(1, 300)[text]) @ influence for _ in range(3_000)]
    assert found + 2 * float((by_pair**2).sum()) == pytest.approx(float(np.var(drawn)), rel=0.1)
    assert stretch(users=300, by_users=by_users, copies=copies).copies > 1.2
    assert 150 < copies.texts < 450


def test_texts_that_only_one_user_wrote_add_nothing() -> None:
    assert copies_of(np.array([0, 1, 2]), np.array([1.0, -2.0, 3.0])).variance == 0
    assert stretch(users=100, by_users=4.0, copies=Copies(-1.0, 3)).copies == 1
    assert stretch(users=100, by_users=0.0, copies=NO_COPIES).copies == 1


def test_a_variance_by_a_few_copied_texts_is_learnt_from_no_more_than_those() -> None:
    """Two texts are copied by many and nothing else: their squares are two numbers, whoever wrote them."""
    text = np.array([0] * 50 + [1] * 50)
    copies = copies_of(text, np.full(100, 0.1))
    assert copies.texts == pytest.approx(6)
    many = stretch(users=1_000, by_users=1.0, copies=NO_COPIES)
    few = stretch(users=1_000, by_users=1.0, copies=copies)
    assert few.few > 1.2 > many.few


def test_a_text_that_draws_an_estimate_to_itself_adds_what_leaving_it_out_shows() -> None:
    text, influence = np.array([0, 0, 1, 1]), np.array([0.1, 0.1, -0.1, -0.1])
    linear, jackknife = (copies_of(text, influence, left) for left in (None, np.array([0.25, -0.2])))
    assert linear.variance == pytest.approx(2 * 0.2**2 - 4 * 0.1**2)
    assert jackknife.variance == pytest.approx(0.25**2 + 0.2**2 - 4 * 0.1**2)


@given(
    users=st.floats(0, 1e6),
    by_users=st.just(0.0) | st.floats(1e-9, 1e3),
    variance=st.floats(-1e3, 1e3),
    texts=st.floats(0, 1e6),
)
def test_no_interval_is_ever_made_narrower(
    users: float, by_users: float, variance: float, texts: float
) -> None:
    """Where one of two means is undefined nobody was learnt from, and its influence is nought."""
    few, copies = stretch(users=users, by_users=by_users, copies=Copies(variance, texts))
    assert few > 1 - 1e-4
    assert 1 <= copies < 1e7
