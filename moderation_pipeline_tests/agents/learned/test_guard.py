"""Tests of the guard: it falls back on evidence, and only while there is some."""

from __future__ import annotations

from moderation_pipeline.agents.learned.guard import LEAST, Guard


def fed(guard: Guard, times: int, *, head: bool, base: bool) -> None:
    for _ in range(times):
        guard.take_in(head_is_right=head, base_is_right=base)
    guard.judge()


def test_it_says_nothing_of_few_audits() -> None:
    guard = Guard(window=300)

    fed(guard, LEAST - 1, head=False, base=True)

    assert guard.judge() is None
    assert not guard.has_fallen_back


def test_it_falls_back_once_the_paired_interval_says_worse_and_returns_when_it_no_longer_does() -> None:
    guard = Guard(window=50)

    fed(guard, 40, head=False, base=True)
    assert guard.has_fallen_back
    fed(guard, 50, head=True, base=False)

    assert not guard.has_fallen_back
    assert guard.fallbacks == 1


def test_being_as_good_is_no_reason_to_fall_back() -> None:
    guard = Guard(window=300)

    fed(guard, 100, head=True, base=True)
    fed(guard, 3, head=False, base=True)
    fed(guard, 3, head=True, base=False)

    assert not guard.has_fallen_back
