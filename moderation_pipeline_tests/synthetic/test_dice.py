"""Chance: the same stream from the same seed, and weights that are kept."""

from __future__ import annotations

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from moderation_pipeline.synthetic.dice import Dice, Urn


def test_a_seed_is_a_stream_that_is_written_down() -> None:
    # The bytes of every synthetic chat hang on these; a Python that rolls otherwise must be noticed.
    dice = Dice(7)
    assert [dice.between(0, 999) for _ in range(5)] == [794, 430, 565, 725, 61]


@given(st.integers(), st.integers(-5, 5), st.integers(0, 9))
def test_between_includes_both_ends_and_nothing_beyond(seed: int, low: int, spread: int) -> None:
    dice = Dice(seed)
    drawn = {dice.between(low, low + spread) for _ in range(400)}
    assert drawn <= set(range(low, low + spread + 1))
    assert {low, low + spread} <= drawn


def test_an_urn_draws_by_weight_and_never_what_weighs_nothing() -> None:
    urn = Urn(["often", "never", "seldom"], [3, 0, 1])
    dice = Dice(1)
    drawn = Counter(urn.draw(dice) for _ in range(4_000))
    assert drawn["never"] == 0
    # Four standard deviations of a binomial with n = 4,000 and p = 3/4 are 110.
    assert abs(drawn["often"] - 3_000) < 110
