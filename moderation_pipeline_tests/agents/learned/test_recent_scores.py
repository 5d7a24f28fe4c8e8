"""Tests of what a threshold is chosen over: recent comments, and those of them that an audit decides."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from moderation_pipeline.agents.learned.learned_student import LearnedStudent
from moderation_pipeline.agents.learned.recent_scores import WINDOW, Alone, RecentScores
from moderation_pipeline.cases.case import Case
from moderation_pipeline.chance import draw
from moderation_pipeline.config.agent_specs import LearnedSpec
from moderation_pipeline.config.run_config import HarmSpec
from moderation_pipeline.plan import Plan
from moderation_pipeline_tests.agents.learned.test_learned_student import always_allow, invented_chat, truth
from moderation_pipeline_tests.moderation.scripted import ALLOW, ScriptedExpert, ScriptedStudent
from moderation_pipeline_tests.moderation.test_loop import config_of, run


def test_only_the_latest_are_kept_and_an_audit_that_comes_too_late_is_not_noted() -> None:
    recent = RecentScores()
    recent.take_in(["old"], [9.0])
    recent.take_in([f"c{i}" for i in range(WINDOW)], list(map(float, range(WINDOW))))
    recent.audited("old")
    recent.audited("c1")

    alone = recent.alone

    assert (len(recent), alone.scores[0], alone.scores[-1]) == (WINDOW, 0.0, WINDOW - 1)
    assert alone.audited.sum() == 1
    assert alone.audited[1] == 1
    recent.take_in(["new", "newer"], [0.0, 0.0])
    assert recent.alone.audited.sum() == 0


def test_audits_of_all_that_was_ever_scored_are_not_kept() -> None:
    recent = RecentScores()
    for number in range(2 * WINDOW):
        recent.take_in([f"c{number}"], [0.0])
        recent.audited(f"c{number}")

    assert recent.alone.audited.all()
    assert len(recent._audited) <= WINDOW


@given(st.lists(st.floats(1, 100), min_size=1, max_size=30))
def test_an_audit_stands_for_itself_and_for_the_others_that_had_none(weights: list[float]) -> None:
    alone = Alone.beside_audits(np.zeros(len(weights)), np.array(weights))

    assert (alone.alone + alone.audited).tolist() == pytest.approx(weights)
    assert set(alone.audited) == {1.0}


def mostly(case: Case) -> Plan:
    """Two of three lines that look like a violation are one."""
    return truth(case) if draw(5, "mostly", case.comment_id) < 0.67 else ALLOW


@pytest.mark.parametrize(("wrongful", "acts"), [(1, True), (9, False)], ids=["alike", "wrongful is worse"])
def test_under_averted_harm_a_student_acts_where_that_is_expected_to_do_less_harm(
    wrongful: float, *, acts: bool
) -> None:
    harm = HarmSpec(wrongful=wrongful)
    student = LearnedStudent(
        LearnedSpec(), ScriptedStudent(always_allow), may_train=True, acts_from=harm.acts_from
    )
    audit = {"policy": "averted_harm", "rate": 0.2, "random_floor": 0.1, "harm": harm.model_dump()}
    config = config_of(memory=None, audit=audit)

    tables = run(invented_chat(3_000), config, student=student, expert=ScriptedExpert(mostly))

    assert (tables.student_decisions["category"].tail(500) != "none").any() is acts
