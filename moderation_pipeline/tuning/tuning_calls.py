"""Asking every candidate about the same comments, a few at a time, for as long as the budget lasts.

Paid is what this command pays: a reply that is stored costs nothing, so that the same command with more money goes on
where it stopped. Nothing is begun whose worst case doesn't fit, and no candidate is asked about a comment that another
isn't asked about.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import polars as pl

from moderation_pipeline.agents.build_agents import Agents, Models, build_agents
from moderation_pipeline.cases.case import Case
from moderation_pipeline.cases.situation import Situation, Standing
from moderation_pipeline.cases.verdict import Verdict
from moderation_pipeline.config.config_errors import UnpricedBudgetError
from moderation_pipeline.report.quantities import dollars
from moderation_pipeline.tuning.candidates import Candidate
from moderation_pipeline.tuning.tuning_sample import Drawn

AT_A_TIME = 5
"""Comments asked about, in every way, before the budget is looked at again."""

SAID_EVERY = 50
"""After how many comments it is said how far it got."""


@dataclass(slots=True)
class WaysAsked:
    """What each candidate said of the comments that all were asked about, and what that cost."""

    verdicts: list[list[Verdict]]
    spent_usd: float = 0.0
    is_budget_spent: bool = False

    @property
    def asked(self) -> int:
        """How many comments every candidate was asked about."""
        return len(self.verdicts[0])


@dataclass(frozen=True, slots=True)
class _Asked:
    """A candidate's agent, whichever part it plays."""

    candidate: Candidate
    agents: Agents

    async def judge(self, cases: Sequence[Case]) -> list[Verdict]:
        if self.agents.student is not None:
            return await self.agents.student.decide(cases, _nobody_known(cases))
        assert self.agents.expert is not None
        return await self.agents.expert.audit(cases)

    def worst_case_usd(self, cases: Sequence[Case]) -> float | None:
        if self.agents.student is not None:
            return self.agents.student.worst_case_usd(cases, _nobody_known(cases))
        assert self.agents.expert is not None
        return self.agents.expert.worst_case_usd(cases)


async def ask_all(
    candidates: Sequence[Candidate],
    sample: Sequence[Drawn],
    models: Models,
    *,
    usd: float,
    own_rules: str = "",
    said: Callable[[str], object] = lambda _: None,
) -> WaysAsked:
    """Return what every candidate says of the sample, or of as much of it as the budget allows.

    Raises:
        UnpricedBudgetError: nobody knows what the model costs.
        FatalBackendError: it is no use to go on.
    """
    nothing = pl.DataFrame()
    asked = [_Asked(each, build_agents(each.config, nothing, models, own_rules)) for each in candidates]
    answers = WaysAsked([[] for _ in candidates])
    try:
        for cases in _parts(sample):
            if answers.spent_usd + _worst_case(asked, cases, usd) > usd:
                answers.is_budget_spent = True
                break
            await _ask(asked, cases, answers)
            if answers.asked % SAID_EVERY == 0:
                said(f"{answers.asked} of {len(sample)} comments, {dollars(answers.spent_usd)} of ${usd:g}")
        return answers
    finally:
        for each in asked:
            await each.agents.aclose()


async def _ask(asked: Sequence[_Asked], cases: Sequence[Case], answers: WaysAsked) -> None:
    for mine, verdicts in zip(
        answers.verdicts, await asyncio.gather(*(each.judge(cases) for each in asked)), strict=True
    ):
        mine += verdicts
        answers.spent_usd += sum(each.receipt.cost_usd or 0.0 for each in verdicts)


def _parts(sample: Sequence[Drawn]) -> Iterator[list[Case]]:
    for start in range(0, len(sample), AT_A_TIME):
        yield [each.case for each in sample[start : start + AT_A_TIME]]


def _worst_case(asked: Sequence[_Asked], cases: Sequence[Case], usd: float) -> float:
    """Return what a part may cost at most; candidates that ask the same pay once."""
    by_calls: Mapping[str, _Asked] = {each.candidate.asks: each for each in asked}
    worst = 0.0
    for each in by_calls.values():
        dollars = each.worst_case_usd(cases)
        if dollars is None:
            raise UnpricedBudgetError(f"the model asked as {each.candidate.label!r}", f"A budget of ${usd:g}")
        worst += dollars
    return worst


def _nobody_known(cases: Sequence[Case]) -> list[Situation]:
    return [Situation(Standing(0, None))] * len(cases)
