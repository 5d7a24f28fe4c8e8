"""What a check says when it reports."""

from __future__ import annotations

from moderation_pipeline.defs.checking import within


def test_a_share_beyond_its_bound_fails_and_says_both() -> None:
    result = within("student_decisions", "replies_are_readable", 0.124, 0.05)
    assert not result.passed
    assert result.description == "The share is 12.4 %; at most 5 % is allowed."


def test_a_share_of_nothing_is_within_any_bound() -> None:
    assert within("student_decisions", "replies_are_readable", None, 0.05).passed
