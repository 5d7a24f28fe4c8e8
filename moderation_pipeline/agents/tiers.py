"""Tiers: several Students asked in turn, a comment going on only while the one before is unsure of it.

What a tier costs is kept for each; which tier decided is the last one asked. Identical text in an identical state
is asked of a paid model once, within a run and between them: that is `backends/wrappers/reply_cache.py`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import chain
from typing import NamedTuple

from moderation_pipeline.agents.student import Student
from moderation_pipeline.cases.case import Case
from moderation_pipeline.cases.situation import Lesson, Situation
from moderation_pipeline.cases.verdict import TierReceipt, Verdict, added_up, known_sum


class Tier(NamedTuple):
    """A Student in its place: what it is called, and the doubt from which it passes a comment on."""

    name: str
    student: Student
    unsure_from: float


class TieredStudent(Student):
    """Asks its tiers in turn. The last one keeps what reaches it, however unsure it is."""

    def __init__(self, tiers: Sequence[Tier]) -> None:
        self._tiers = tuple(tiers)
        self.hears_from = min(tier.student.hears_from for tier in tiers)
        self.reads_vectors = any(tier.student.reads_vectors for tier in tiers)

    @property
    def tiers(self) -> tuple[Tier, ...]:
        """The tiers, in the order in which they are asked."""
        return self._tiers

    @property
    def learns(self) -> bool:
        """Whether whom it asks learns."""
        return any(tier.student.learns for tier in self._tiers)

    async def decide(self, cases: Sequence[Case], situations: Sequence[Situation]) -> list[Verdict]:
        """Return one verdict per case: that of the tier that was sure, or of the last."""
        said: list[list[tuple[Tier, Verdict]]] = [[] for _ in cases]
        open_cases = list(range(len(cases)))
        for tier in self._tiers:
            if not open_cases:
                break
            verdicts = await tier.student.decide(
                [cases[i] for i in open_cases], [situations[i] for i in open_cases]
            )
            for i, verdict in zip(open_cases, verdicts, strict=True):
                said[i].append((tier, verdict))
            open_cases = [
                i
                for i, verdict in zip(open_cases, verdicts, strict=True)
                if verdict.plan is None or verdict.uncertainty >= tier.unsure_from
            ]
        return [_together(each) for each in said]

    def worst_case_usd(self, cases: Sequence[Case], situations: Sequence[Situation]) -> float | None:
        """Return what deciding the batch may cost at most: every tier asked about every case."""
        return known_sum([tier.student.worst_case_usd(cases, situations) for tier in self._tiers])

    async def aclose(self) -> None:
        """Close every tier."""
        for tier in self._tiers:
            await tier.student.aclose()

    def learn(self, lessons: Sequence[Lesson]) -> None:
        """Pass the audits on to every tier; one that wasn't asked about a case has nothing to learn from it."""
        for tier in self._tiers:
            tier.student.learn(lessons)


def _together(said: Sequence[tuple[Tier, Verdict]]) -> Verdict:
    """Return the last verdict, with all that those before it cost, and what they would not let pass unseen."""
    last, verdict = said[-1]
    within = f"{last.name}/{verdict.tier}" if verdict.tier else last.name
    return replace(
        verdict,
        tier=within,
        tiers=tuple(
            TierReceipt(tier.name, each.receipt, None if each.plan is None else each.uncertainty)
            for tier, each in said
        ),
        receipt=added_up([each.receipt for _, each in said]),
        probabilities=tuple(chain.from_iterable(each.probabilities for _, each in said)),
        must_audit=next((each.must_audit for _, each in said if each.must_audit is not None), None),
    )
