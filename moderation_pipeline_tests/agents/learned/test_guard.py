"""Tests of the guard: it falls back on evidence, and only while there is some."""

from __future__ import annotations

from dataclasses import replace

from moderation_pipeline.agents.learned.guard import LEAST, Compared, Guard, is_right
from moderation_pipeline.plan import Action, Category
from moderation_pipeline_tests.moderation.scripted import ALLOW, DELETE


def fed(
    guard: Guard, times: int, *, head: bool, base: bool, weight: float = 100, is_violation: bool = True
) -> None:
    for _ in range(times):
        guard.take_in(Compared(head, base, is_violation, weight))
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


def test_a_comment_that_seldom_would_have_been_audited_counts_for_the_many_that_were_not() -> None:
    """Worse on 30 sanctions audited at .2, which stand for 150; better on 8 of the others at .02, which for 400."""
    guard = Guard(window=300)

    fed(guard, 30, head=False, base=True, weight=1 / 0.2)
    fed(guard, 8, head=True, base=False, weight=1 / 0.02)
    fed(guard, 60, head=True, base=True, weight=1 / 0.02)

    standoff = guard.judge()
    assert standoff is not None
    assert standoff.difference > 0
    assert not guard.has_fallen_back


def test_a_few_heavy_audits_are_too_few_however_many_light_ones_there_are() -> None:
    guard = Guard(window=300)

    fed(guard, 2, head=False, base=True, weight=1_000)
    fed(guard, 100, head=False, base=True, weight=1)

    assert guard.judge() is None


def test_a_base_that_never_sees_a_violation_is_not_better_where_they_are_rare() -> None:
    guard = Guard(window=300)

    fed(guard, 270, head=True, base=True, is_violation=False)
    fed(guard, 25, head=False, base=True, is_violation=False)
    fed(guard, 2, head=True, base=False, is_violation=True)

    assert not guard.has_fallen_back


def test_a_head_with_as_many_hits_and_more_false_alarms_is_worse() -> None:
    guard = Guard(window=300)

    fed(guard, 200, head=True, base=True, is_violation=False)
    fed(guard, 60, head=False, base=True, is_violation=False)
    fed(guard, 30, head=True, base=True, is_violation=True)

    assert guard.has_fallen_back


def test_seeing_the_violation_is_right_only_with_a_sanction_where_the_audit_has_one() -> None:
    caring = replace(DELETE, action=Action.REPLY, category=Category.SELF_HARM)

    assert is_right(DELETE, replace(DELETE, action=Action.BAN))
    assert not is_right(DELETE, caring)
    assert not is_right(ALLOW, DELETE)
    assert not is_right(None, ALLOW)
