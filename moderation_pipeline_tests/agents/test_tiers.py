"""Tiers: who is asked, who decides, and what each of them cost."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence

import pytest

from moderation_pipeline.agents.keyless.rules import RulesStudent
from moderation_pipeline.agents.student import Student
from moderation_pipeline.agents.tiers import Tier, TieredStudent
from moderation_pipeline.cases.audit_reason import AuditReason
from moderation_pipeline.cases.case import Case
from moderation_pipeline.cases.situation import Lesson, Situation
from moderation_pipeline.cases.verdict import OptionProbability, Receipt, Verdict
from moderation_pipeline.config.run_config import VoteSpec
from moderation_pipeline.plan import Action, Category, Plan
from moderation_pipeline_tests.agents.cases import cases_of, situations_of


def allow(confidence: float) -> Plan:
    return Plan(Action.ALLOW, Category.NONE, confidence)


class Knows(Student):
    """Knows some texts with a confidence of its own, fails on others; each answer costs a cent."""

    def __init__(
        self, name: str, confidences: Mapping[str, float | None], *, must_audit: AuditReason | None = None
    ):
        self._name = name
        self._confidences = confidences
        self._must_audit = must_audit
        self.asked: list[str] = []
        self.lessons: list[Lesson] = []
        self.closed = False

    async def decide(self, cases: Sequence[Case], situations: Sequence[Situation]) -> list[Verdict]:
        assert len(cases) == len(situations)
        self.asked += [case.text for case in cases]
        return [self._verdict(self._confidences[case.text]) for case in cases]

    def _verdict(self, confidence: float | None) -> Verdict:
        plan = None if confidence is None else allow(confidence)
        receipt = Receipt(
            self._name,
            f"{self._name}-1",
            cost_usd=0.01,
            list_cost_usd=0.01,
            prompt_tokens=10,
            latency_ms=5.0,
            reply_error=None if plan else "garbled",
        )
        probabilities = (OptionProbability(self._name, "true", 0.5),)
        return Verdict(plan, receipt, probabilities=probabilities, must_audit=self._must_audit)

    def worst_case_usd(self, cases: Sequence[Case], situations: Sequence[Situation]) -> float | None:  # noqa: ARG002
        return 0.02 * len(cases)

    def learn(self, lessons: Sequence[Lesson]) -> None:
        self.lessons += lessons

    async def aclose(self) -> None:
        self.closed = True


TEXTS = ["clear", "doubtful", "broken", "hard"]


def tiered() -> tuple[TieredStudent, Knows, Knows, Knows]:
    first = Knows("rules", {"clear": 0.95, "doubtful": 0.7, "broken": None, "hard": 0.5})
    second = Knows("decider", {"doubtful": 0.9, "broken": 0.9, "hard": 0.6})
    third = Knows("writer", {"hard": 0.55})
    tiers = [Tier("first", first, 0.2), Tier("second", second, 0.2), Tier("third", third, 1.0)]
    return TieredStudent(tiers), first, second, third


def decided() -> list[Verdict]:
    student, *_ = tiered()
    cases = cases_of(*TEXTS)
    return asyncio.run(student.decide(cases, situations_of(cases)))


def test_a_comment_goes_on_only_while_the_tier_before_is_unsure_or_failed() -> None:
    student, first, second, third = tiered()
    cases = cases_of(*TEXTS)
    asyncio.run(student.decide(cases, situations_of(cases)))
    assert first.asked == TEXTS
    assert second.asked == ["doubtful", "broken", "hard"]
    assert third.asked == ["hard"]


def test_the_tier_that_decided_is_named_and_each_ones_cost_is_kept() -> None:
    verdicts = decided()
    assert [verdict.tier for verdict in verdicts] == ["first", "second", "second", "third"]
    assert [[tier.tier for tier in verdict.tiers] for verdict in verdicts] == [
        ["first"],
        ["first", "second"],
        ["first", "second"],
        ["first", "second", "third"],
    ]
    assert [verdict.receipt.cost_usd for verdict in verdicts] == pytest.approx([0.01, 0.02, 0.02, 0.03])
    assert [verdict.receipt.prompt_tokens for verdict in verdicts] == [10, 20, 20, 30]
    assert verdicts[3].receipt.backend == "writer"
    assert [tier.doubt for tier in verdicts[3].tiers] == pytest.approx([0.5, 0.4, 0.45])
    assert [each.question for each in verdicts[3].probabilities] == ["rules", "decider", "writer"]


def test_a_failed_tiers_error_stays_with_it_once_another_has_decided() -> None:
    broken = decided()[2]
    assert broken.plan is not None
    assert broken.receipt.reply_error is None
    assert [tier.receipt.reply_error for tier in broken.tiers] == ["garbled", None]
    assert broken.tiers[0].doubt is None


def test_the_last_tiers_failure_is_a_bad_reply_and_never_the_unsure_plan_before_it() -> None:
    student = TieredStudent(
        [
            Tier("first", Knows("rules", {"hard": 0.5}), 0.2),
            Tier("second", Knows("decider", {"hard": None}), 1.0),
        ]
    )
    cases = cases_of("hard")
    (verdict,) = asyncio.run(student.decide(cases, situations_of(cases)))
    assert verdict.plan is None
    assert verdict.receipt.reply_error == "garbled"


def test_what_one_tier_wants_audited_stays_so_whoever_decides_later() -> None:
    student = TieredStudent(
        [
            Tier("first", Knows("decider", {"hard": 0.5}, must_audit=AuditReason.ADDRESSES_MODERATOR), 0.2),
            Tier("second", Knows("writer", {"hard": 0.9}), 1.0),
        ]
    )
    cases = cases_of("hard")
    (verdict,) = asyncio.run(student.decide(cases, situations_of(cases)))
    assert verdict.must_audit is AuditReason.ADDRESSES_MODERATOR


def test_the_worst_case_is_that_every_tier_is_asked_about_everything() -> None:
    student, *_ = tiered()
    cases = cases_of(*TEXTS)
    assert student.worst_case_usd(cases, situations_of(cases)) == pytest.approx(3 * 4 * 0.02)


def test_every_tier_hears_of_audits_and_is_closed() -> None:
    student, *tiers = tiered()
    student.learn([])
    asyncio.run(student.aclose())
    assert [tier.closed for tier in tiers] == [True, True, True]


def test_tiers_hear_from_where_the_best_of_hearing_among_them_does() -> None:
    tiers = [Tier(str(near), RulesStudent(VoteSpec(least_similarity=near)), 0.2) for near in (0.9, 0.7, 0.8)]
    assert TieredStudent(tiers).hears_from == 0.7
