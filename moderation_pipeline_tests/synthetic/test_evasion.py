"""Disguises change how a text looks and not what it says, and they hit the words that matter."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from moderation_pipeline.synthetic.dice import Dice
from moderation_pipeline.synthetic.evasion import (
    DISGUISES,
    TAG,
    ZERO_WIDTH,
    Disguise,
    disguised,
    spaced_out,
    tagged,
    zero_width,
)

CHARGED = frozenset({"clown"})
INSULT = "you are a clown, everybody understands"


@pytest.mark.parametrize("disguise", DISGUISES, ids=lambda disguise: disguise.__name__)
def test_a_disguise_changes_the_text(disguise: Disguise) -> None:
    assert all(disguise(INSULT, CHARGED, Dice(seed)) != INSULT for seed in range(50))


@pytest.mark.parametrize("seed", range(20))
def test_a_disguise_of_one_word_takes_the_charged_one_and_not_the_longest(seed: int) -> None:
    said = spaced_out(INSULT, CHARGED, Dice(seed))
    assert "clown" not in said
    assert "everybody understands" in said


def test_invisible_characters_leave_the_visible_text_as_it_was() -> None:
    for seed in range(50):
        hidden = zero_width(INSULT, CHARGED, Dice(seed))
        assert "".join(char for char in hidden if char not in ZERO_WIDTH) == INSULT


def test_tags_come_after_the_text() -> None:
    for seed in range(50):
        said = tagged(INSULT, CHARGED, Dice(seed))
        assert said.startswith(f"{INSULT} {TAG}")


@given(st.text(st.characters(codec="utf-8"), min_size=1), st.integers())
def test_any_text_can_be_disguised(text: str, seed: int) -> None:
    assert disguised(text, CHARGED, Dice(seed))


def test_a_mention_at_the_start_still_reaches_its_target() -> None:
    for seed in range(50):
        assert disguised(f"@otter {INSULT}", CHARGED, Dice(seed)).startswith("@otter ")
