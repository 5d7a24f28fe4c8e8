"""What a paid Student would have decided without its memories: it is asked so for a sampled share of its comments.

Keyless Students know it of every comment, at no cost, and need none of this. What a memory was worth is then
reckoned where the comment is audited as well (`memory/accounting.py`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from moderation_pipeline.agents.by_turns import begun_by_turns
from moderation_pipeline.agents.student import Student
from moderation_pipeline.cases.case import Case
from moderation_pipeline.cases.situation import Lesson, Situation
from moderation_pipeline.cases.verdict import Receipt, Verdict, added_up, known_sum
from moderation_pipeline.chance import draw

PURPOSE = "without_memory"


@dataclass(frozen=True, slots=True)
class Retrial:
    """The comments of a batch that are asked about again: their places in it, and what is shown of each now."""

    places: list[int]
    cases: list[Case]
    situations: list[Situation]
    sampled: frozenset[int]


class MemoryTrial(Student):
    """A Student that is shown memories, and asked again without for a share of those comments.

    The second answer decides nothing, and where it is bad it says nothing. What it costs is added to the first's.
    Where several comments are put into one request, the whole request is made again, less the memories of those
    sampled: with other neighbours a verdict moves without any memory.
    """

    def __init__(self, student: Student, share: float, *, seed: int, comments_per_request: int = 1) -> None:
        self._student = student
        self._share = share
        self._seed = seed
        self._comments_per_request = comments_per_request
        self.hears_from = student.hears_from
        self.reads_vectors = student.reads_vectors

    @property
    def learns(self) -> bool:
        """Whether whom it asks learns."""
        return self._student.learns

    async def decide(self, cases: Sequence[Case], situations: Sequence[Situation]) -> list[Verdict]:
        """Return one verdict per case, the sampled ones with what would have been decided without memories."""
        again = self._retrial(cases, situations)
        if not again.places:
            return await self._student.decide(cases, situations)
        verdicts, without = await self._both(cases, situations, again)
        for place, other in zip(again.places, without, strict=True):
            verdicts[place] = _tried(verdicts[place], other, tells=place in again.sampled)
        return verdicts

    async def _both(
        self, cases: Sequence[Case], situations: Sequence[Situation], again: Retrial
    ) -> list[list[Verdict]]:
        """Ask with memories and, at the same time, so that a batch takes no longer, without."""
        asked = (
            self._student.decide(cases, situations),
            self._student.decide(again.cases, again.situations),
        )
        answers = []
        for outcome in await begun_by_turns(asked):
            if isinstance(outcome, BaseException):
                raise outcome
            answers.append(outcome)
        return answers

    def worst_case_usd(self, cases: Sequence[Case], situations: Sequence[Situation]) -> float | None:
        """Return what deciding the batch may cost at most, what is asked again included."""
        again = self._retrial(cases, situations)
        return known_sum(
            [
                self._student.worst_case_usd(cases, situations),
                self._student.worst_case_usd(again.cases, again.situations),
            ]
        )

    async def aclose(self) -> None:
        """Close the Student."""
        await self._student.aclose()

    def learn(self, lessons: Sequence[Lesson]) -> None:
        """Pass the audits on."""
        self._student.learn(lessons)

    def _retrial(self, cases: Sequence[Case], situations: Sequence[Situation]) -> Retrial:
        size = self._comments_per_request
        sampled = frozenset(
            i
            for i, (case, situation) in enumerate(zip(cases, situations, strict=True))
            if situation.recalled and draw(self._seed, PURPOSE, case.comment_id) < self._share
        )
        requests = {i // size for i in sampled}
        places = [i for i in range(len(cases)) if i // size in requests]
        shown = [replace(situations[i], recalled=()) if i in sampled else situations[i] for i in places]
        return Retrial(places, [cases[i] for i in places], shown, sampled)


def _tried(verdict: Verdict, without: Verdict, *, tells: bool) -> Verdict:
    """Return the verdict with what the second answer cost and, where it `tells`, what it says."""
    verdict = replace(verdict, receipt=_of_both(verdict.receipt, without.receipt))
    if not tells:
        return verdict
    return replace(verdict, without_memory=without.plan, probabilities_without_memory=without.probabilities)


def _of_both(first: Receipt, second: Receipt) -> Receipt:
    """Return the first receipt with what the second cost; they were waited for together, so as long as the longer."""
    waited = [each.latency_ms for each in (first, second) if each.latency_ms is not None]
    return replace(
        added_up([second, first]),
        latency_ms=max(waited, default=None),
        is_cached=first.is_cached and second.is_cached,
    )
