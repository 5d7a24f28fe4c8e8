"""A language model as the Expert: shown the comment, its context and the rules, nothing a config did (law 3).

Unless the config says `sees_student`: then the Student's plan is shown too, to measure how it anchors, and
replies are no longer shared between configs.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence

from moderation_pipeline.agents.expert import Expert
from moderation_pipeline.agents.prompted.prompt import Instructions, Shown, case_message
from moderation_pipeline.agents.prompted.prompt_judge import PromptJudge
from moderation_pipeline.backends.language_model import LanguageModel, Message
from moderation_pipeline.cases.case import Case
from moderation_pipeline.cases.verdict import Verdict
from moderation_pipeline.config.model_specs import LanguageModelSpec
from moderation_pipeline.plan import Action, Category, Plan

COLLECT_EVERY_S = 0.05
"""How long audits by batch may be under way to the batch before it is looked whether they are all there."""

LONGEST_PLAN = Plan(Action.TIMEOUT, Category.PERSONAL_INFORMATION, 1.0, reasoning="x" * 300, rule="R99")
"""No plan of a Student takes more room in a prompt: what a worst case is reckoned with."""


class PromptExpert(Expert):
    """Audits by prompt."""

    def __init__(
        self,
        model: LanguageModel,
        spec: LanguageModelSpec,
        own_rules: str = "",
        *,
        sees_student: bool = False,
        by_batch: bool = False,
    ) -> None:
        self._judge = PromptJudge(model, Instructions("expert", own_rules, spec.prompt == "brief"), spec)
        self._shown = Shown(spec.context_lines, spec.own_lines)
        self._sees_student = sees_student
        self._by_batch = by_batch

    async def audit(self, cases: Sequence[Case]) -> list[Verdict]:
        """Ask about every case at once, blind."""
        return await self._judge.judge(self._messages(cases, [None] * len(cases)))

    async def audit_beside(self, cases: Sequence[Case], proposed: Sequence[Plan | None]) -> list[Verdict]:
        """Ask about every case at once, with the Student's plans where the config says so."""
        if not self._sees_student:
            return await self.audit(cases)
        return await self._judge.judge(self._messages(cases, proposed))

    async def collected(self, audits: asyncio.Future[list[Verdict]]) -> list[Verdict]:
        """Return audits that were begun; those by batch are collected, or stop the run until they are there."""
        while self._by_batch and not audits.done():
            await asyncio.wait([audits], timeout=COLLECT_EVERY_S)
            if not audits.done():
                await self._collect(audits)
        return await audits

    async def _collect(self, audits: asyncio.Future[list[Verdict]]) -> None:
        try:
            await self._judge.model.collect()
        except BaseException:
            audits.cancel()
            await asyncio.gather(audits, return_exceptions=True)
            raise

    def worst_case_usd(self, cases: Sequence[Case]) -> float | None:
        """Return what auditing the cases may cost at most."""
        shown = [LONGEST_PLAN if self._sees_student else None] * len(cases)
        return self._judge.worst_case_usd(self._messages(cases, shown))

    async def aclose(self) -> None:
        """Close the model."""
        await self._judge.aclose()

    def _messages(self, cases: Sequence[Case], proposed: Sequence[Plan | None]) -> Iterator[Message]:
        for case, plan in zip(cases, proposed, strict=True):
            yield case_message(case, self._shown, proposed=plan)
