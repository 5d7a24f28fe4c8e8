"""Small parts of `benchmarks/estimators.py`: intervals hold the truth about as often as they say."""

from __future__ import annotations

import pytest

from benchmarks.estimators import Chat, Found, scored, scores_in, truth_of

WORLDS = 40


def found_in(chat: Chat, score: str, comments: int = 1_000) -> list[Found]:
    truth = truth_of(chat)
    return [scores_in(chat, seed, truth, comments)[score] for seed in range(WORLDS)]


@pytest.mark.parametrize("copies", [0.2, 0.6])
def test_where_texts_are_copied_intervals_still_hold_the_truth(copies: float) -> None:
    """By users alone they held it in 69 and 38 of 100 worlds."""
    found = found_in(Chat(200, copies=copies), "f1", 2_000)

    assert scored([each.ours for each in found], [each.truth for each in found]).coverage >= 0.85


def test_where_users_are_few_intervals_still_hold_the_truth() -> None:
    """By percentiles they held it in 86 of 100 worlds."""
    found = found_in(Chat(12), "recall")

    assert scored([each.ours for each in found], [each.truth for each in found]).coverage >= 0.9
