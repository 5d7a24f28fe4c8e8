"""Tests of the reasons of audits."""

from __future__ import annotations

from moderation_pipeline.cases.audit_reason import AuditReason


def test_only_audits_that_look_at_no_verdict_are_a_fair_sample() -> None:
    assert [reason.value for reason in AuditReason if reason.is_fair] == ["random", "all"]
