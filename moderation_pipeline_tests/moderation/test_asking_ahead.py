"""A Student that is asked elsewhere gets its next batch while replies of the last are still out; no row shows it."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from moderation_pipeline.agents.build_agents import Agents
from moderation_pipeline.agents.memory_trial import MemoryTrial
from moderation_pipeline.agents.student import Student
from moderation_pipeline.agents.tiers import Tier, TieredStudent
from moderation_pipeline.cases.case import Case
from moderation_pipeline.cases.situation import Lesson, Situation
from moderation_pipeline.cases.verdict import Verdict
from moderation_pipeline.chance import draw
from moderation_pipeline.moderation.in_flight import begins_ahead
from moderation_pipeline.plan import Plan
from moderation_pipeline_tests.moderation.scripted import (
    DELETE,
    ScriptedExpert,
    ScriptedStudent,
    by_first_word,
    chat_of,
)
from moderation_pipeline_tests.moderation.test_loop import WORDS, config_of, run

LAG = {"batch_size": 2, "feedback_lag": 1}


class Learning(ScriptedStudent):
    """One that hears of audits, so that it is asked for nothing ahead of them."""

    def learn(self, lessons: Sequence[Lesson]) -> None:
        pass


class Distant(ScriptedStudent):
    """Answers late, by a time that differs from batch to batch, and by what it remembers and how a user stands."""

    def __init__(self, jitter_seed: int, *, waits_for_audits: bool) -> None:
        super().__init__()
        self._jitter_seed = jitter_seed
        self._waits_for_audits = waits_for_audits
        self.log: list[str] = []

    @property
    def learns(self) -> bool:
        return self._waits_for_audits

    async def decide(self, cases: Sequence[Case], situations: Sequence[Situation]) -> list[Verdict]:
        self.log.append(f"asked {cases[0].comment_id}")
        await asyncio.sleep(draw(self._jitter_seed, "delay", cases[0].comment_id) / 100)
        by_case = dict(zip((case.comment_id for case in cases), situations, strict=True))

        def said(case: Case) -> Plan | None:
            situation = by_case[case.comment_id]
            return DELETE if situation.recalled or situation.standing.strikes else by_first_word(case)

        self.log.append(f"answered {cases[0].comment_id}")
        return await ScriptedStudent(said).decide(cases, situations)


@settings(max_examples=20, deadline=None)
@given(
    texts=st.lists(st.sampled_from(WORDS), min_size=1, max_size=40),
    batch_size=st.integers(1, 10),
    feedback_lag=st.integers(0, 3),
    audit=st.sampled_from(
        [
            {"policy": "all"},
            {"policy": "random", "rate": 0.5},
            {"policy": "uncertain", "rate": 0.3},
            {"policy": "uncertain", "rate": 0.3, "usd": 0.01},
            {"policy": "severity", "rate": 0.3},
        ]
    ),
    seeds=st.tuples(st.integers(0, 99), st.integers(0, 99)),
)
def test_the_rows_are_those_of_a_student_that_is_asked_for_one_batch_at_a_time(
    texts: list[str], batch_size: int, feedback_lag: int, audit: dict[str, object], seeds: tuple[int, int]
) -> None:
    config = config_of(audit=audit, loop={"batch_size": batch_size, "feedback_lag": feedback_lag})
    ahead, one_by_one = (
        run(
            chat_of(texts),
            config,
            student=Distant(seed, waits_for_audits=waits),
            expert=ScriptedExpert(jitter_seed=seed, cost_usd=0.002),
        )
        for seed, waits in zip(seeds, (False, True), strict=True)
    )
    assert_frame_equal(ahead.student_decisions, one_by_one.student_decisions)
    assert_frame_equal(ahead.expert_audits, one_by_one.expert_audits)
    assert_frame_equal(ahead.memory_snapshot, one_by_one.memory_snapshot)
    assert_frame_equal(ahead.action_log, one_by_one.action_log)


def test_the_next_batch_is_asked_for_before_the_last_is_answered() -> None:
    student = Distant(1, waits_for_audits=False)
    run(chat_of(["hello"] * 6), config_of(loop=LAG), student=student, expert=ScriptedExpert())
    log = student.log
    assert log.index("asked c2") < log.index("answered c0")
    assert log.index("answered c0") < log.index("asked c4"), "whose audits it is decided with"


@pytest.mark.parametrize(
    "parts",
    [
        {"loop": {"feedback_lag": 0}},
        {"loop": LAG, "budget": {"usd_per_run": 1}},
        {"loop": LAG, "audit": {"policy": "severity", "rate": 0.1}},
    ],
)
def test_nobody_is_asked_ahead_where_the_batch_before_decides_what_is_asked(parts: dict[str, object]) -> None:
    agents = Agents(ScriptedStudent(), ScriptedExpert(), None)
    assert not begins_ahead(config_of(**parts), agents)
    assert begins_ahead(config_of(loop=LAG), agents)


@pytest.mark.parametrize(
    "student",
    [
        Learning(),
        MemoryTrial(Learning(), 0.1, seed=1),
        TieredStudent([Tier("small", ScriptedStudent(), 0.5), Tier("large", Learning(), 1.0)]),
    ],
    ids=["by itself", "under trial", "in a tier"],
)
def test_a_student_that_learns_is_not_asked_ahead_wherever_it_stands(student: Student) -> None:
    assert not begins_ahead(config_of(loop=LAG), Agents(student, ScriptedExpert(), None))


def test_a_run_that_fails_leaves_no_batch_behind_that_is_still_asked_for() -> None:
    class Failing(Distant):
        async def decide(self, cases: Sequence[Case], situations: Sequence[Situation]) -> list[Verdict]:
            if cases[0].comment_id == "c2":
                raise RuntimeError("gone")
            try:
                return await super().decide(cases, situations)
            except asyncio.CancelledError:
                self.log.append(f"cancelled {cases[0].comment_id}")
                raise

    class Late(ScriptedExpert):
        async def audit(self, cases: Sequence[Case]) -> list[Verdict]:  # noqa: ARG002
            await asyncio.sleep(0)
            raise RuntimeError("gone, too")

    student = Failing(1, waits_for_audits=False)
    with pytest.raises(RuntimeError, match="gone"):
        run(chat_of(["hello"] * 8), config_of(loop=LAG), student=student, expert=Late())
    asked = [each.removeprefix("asked ") for each in student.log if each.startswith("asked")]
    assert all(f"answered {each}" in student.log or f"cancelled {each}" in student.log for each in asked)
