"""Tests of a head on a paid base that is shown memories: what it says of them where the base was asked without."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import polars as pl

from moderation_pipeline.agents.student import Student
from moderation_pipeline.cases.case import Case
from moderation_pipeline.cases.situation import Situation
from moderation_pipeline.cases.verdict import OptionProbability, Receipt, Verdict
from moderation_pipeline.chance import draw
from moderation_pipeline.plan import Plan
from moderation_pipeline_tests.agents.learned.test_learned_student import (
    Remembering,
    invented_chat,
    learned,
    moderated,
    truth,
)
from moderation_pipeline_tests.moderation.scripted import ALLOW


class Advised(Student):
    """Says what its memories say, and of every second comment what it would say without.

    Now and then it lets be what it is suspicious of: a head on it has something to do better.
    """

    async def decide(self, cases: Sequence[Case], situations: Sequence[Situation]) -> list[Verdict]:
        return [
            self._verdict(case) if situation.recalled else _said(ALLOW, 0.1)
            for case, situation in zip(cases, situations, strict=True)
        ]

    def _verdict(self, case: Case) -> Verdict:
        right = truth(case)
        suspicion = 0.9 if right.is_violation else 0.3
        with_memories = _said(ALLOW if case.position % 10 == 3 else right, suspicion)
        without = _said(ALLOW, 0.1)
        verdict = replace(with_memories, memory_ids=("m",))
        if case.position % 2:
            return verdict
        return replace(
            verdict, without_memory=without.plan, probabilities_without_memory=without.probabilities
        )


def _said(plan: Plan | None, probability: float) -> Verdict:
    return Verdict(plan, Receipt("advised"), probabilities=(OptionProbability("R1", "true", probability),))


def test_where_nobody_knows_what_the_base_says_without_memories_neither_does_the_head() -> None:
    """The words say nothing, so the head leans on the base, and the base on memories."""
    words = [f"word{draw(3, 'word', str(i))}" for i in range(1_000)]
    student = Remembering(learned(Advised()))
    chat = invented_chat(1_000).with_columns(normalised=pl.Series(words))

    tables = moderated(student, chat, rate=0.3, floor=0.3)

    named = tables.student_decisions.filter(pl.col("memory_ids").list.len() > 0)
    told = named.tail(100)
    assert set(told["tier"]) == {"learned"}
    known = student.without[-100:]
    assert known == [
        None if position % 2 else plan for position, plan in zip(told["position"], known, strict=True)
    ]
    assert 20 < known.count(None) < 80
    assert {plan.is_violation for plan in known if plan is not None} == {False}
