"""Tests of a threshold that audits moved: what stands below it, above it, and what a memory is credited with."""

from __future__ import annotations

from dataclasses import replace

import pytest

from moderation_pipeline.agents.learned.calibration import Calibration
from moderation_pipeline.agents.learned.own_threshold import OwnThreshold, log_odds
from moderation_pipeline.cases.verdict import Receipt, Verdict
from moderation_pipeline.plan import Plan
from moderation_pipeline_tests.moderation.scripted import ALLOW, DELETE

FROM_A_FIFTH = Calibration(1.0, 0.0, log_odds(0.2), 100.0, 0.9, is_fitted=True)


def verdict(plan: Plan | None, *, without_memory: Plan | None = None) -> Verdict:
    return Verdict(
        plan, Receipt("base"), memory_ids=("m",) if without_memory else (), without_memory=without_memory
    )


def test_what_the_base_let_go_above_the_threshold_gets_the_plan_that_it_most_often_proposes() -> None:
    bases = [verdict(replace(DELETE, confidence=0.9)), verdict(replace(ALLOW, confidence=0.7))]

    moved, scores = OwnThreshold().decide(bases, FROM_A_FIFTH)

    assert [each.plan.action for each in moved if each is not None and each.plan is not None] == [
        "delete"
    ] * 2
    assert scores == pytest.approx([log_odds(0.9), log_odds(0.3)])


def test_a_memory_is_credited_with_what_it_did_to_the_decision_and_not_to_the_bases_opinion() -> None:
    """Both suspicions, .3 and .6, are above the threshold, so the memory changed nothing."""
    turned = verdict(replace(DELETE, confidence=0.6), without_memory=replace(ALLOW, confidence=0.7))

    (moved,), _ = OwnThreshold().decide([turned], FROM_A_FIFTH)

    assert moved is not None
    assert moved.plan is not None
    assert moved.without_memory is not None
    assert moved.plan.agrees_with(moved.without_memory)


def test_what_the_base_failed_on_stays_so() -> None:
    moved, scores = OwnThreshold().decide([verdict(None)], FROM_A_FIFTH)

    assert moved == [None]
    assert scores == [None]
