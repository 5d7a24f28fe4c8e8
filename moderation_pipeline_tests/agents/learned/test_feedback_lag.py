"""Law 1 for a learned Student whose audits come late: it learns in stream order, whenever replies arrive."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from moderation_pipeline.agents.build_agents import build_agents
from moderation_pipeline.agents.learned.learned_student import LearnedStudent
from moderation_pipeline.agents.student import Student
from moderation_pipeline.cases.case import Case
from moderation_pipeline.cases.situation import Lesson, Situation
from moderation_pipeline.cases.verdict import Verdict
from moderation_pipeline.chance import draw
from moderation_pipeline.config.run_config import Config
from moderation_pipeline.moderation.run_tables import RunTables
from moderation_pipeline_tests.agents.learned.test_learned_student import invented_chat, truth
from moderation_pipeline_tests.moderation.scripted import ScriptedExpert
from moderation_pipeline_tests.moderation.test_loop import config_of, run

LAG = 2
BATCH = 16
COMMENTS = invented_chat(800)


class Watched(Student):
    """Counts the audits that the learned Student had taken in when each batch came to it."""

    def __init__(self, inner: LearnedStudent) -> None:
        self._inner = inner
        self.audits = 0
        self.known: list[int] = []

    async def decide(self, cases: Sequence[Case], situations: Sequence[Situation]) -> list[Verdict]:
        self.known.append(self.audits)
        return await self._inner.decide(cases, situations)

    def learn(self, lessons: Sequence[Lesson]) -> None:
        self.audits += len(lessons)
        self._inner.learn(lessons)


class Late(ScriptedExpert):
    """Answers each batch after a time of its own, and keeps the positions in the order in which it answered."""

    def __init__(self, seed: int) -> None:
        super().__init__(truth)
        self._seed = seed
        self.answered: list[int] = []

    async def audit(self, cases: Sequence[Case]) -> list[Verdict]:
        verdicts = await super().audit(cases)
        if cases:
            # Longer than a slow machine takes for a batch, or replies would arrive in the order of the stream.
            await asyncio.sleep(draw(self._seed, "delay", cases[0].comment_id) / 5)
        self.answered += [case.position for case in cases]
        return verdicts


def config(policy: str, lag: int = LAG) -> Config:
    return config_of(
        student="learned",
        audit={"policy": policy, "rate": 0.3, "random_floor": 0.2},
        loop={"batch_size": BATCH, "feedback_lag": lag},
    )


def built(config: Config) -> LearnedStudent:
    (student,) = build_agents(config, COMMENTS).learned
    return student


def moderated(config: Config, student: Student, expert: Late) -> RunTables:
    return run(COMMENTS, config, student=student, expert=expert)


@pytest.mark.parametrize("policy", ["uncertain", "committee"])
def test_a_learned_students_rows_do_not_depend_on_the_order_in_which_replies_arrive(policy: str) -> None:
    students = [built(config(policy)) for _ in range(2)]
    experts = [Late(seed) for seed in range(2)]
    first, second = (
        moderated(config(policy), student, expert) for student, expert in zip(students, experts, strict=True)
    )

    assert experts[0].answered != experts[1].answered
    assert sorted(experts[0].answered) == sorted(experts[1].answered)
    assert "learned" in set(first.student_decisions["tier"])
    assert students[0].refits == students[1].refits > 3
    for table in ("student_decisions", "expert_audits", "memory_snapshot", "action_log"):
        assert_frame_equal(getattr(first, table), getattr(second, table))


@pytest.mark.parametrize("lag", [0, LAG])
def test_a_batch_is_decided_by_the_head_that_the_lag_allows_and_no_later_one(lag: int) -> None:
    student = Watched(built(config("uncertain", lag)))
    audited = moderated(config("uncertain", lag), student, Late(3)).expert_audits

    batches = range(COMMENTS.height // BATCH)
    before = [(batch - lag) * BATCH for batch in batches]
    assert student.known == [audited.filter(pl.col("position") < position).height for position in before]
    assert student.known[-1] > 100
