"""A language model as the Expert: shown the comment, its context and the rules, nothing a config did (law 3).

Unless the config says `sees_student`: then the Student's plan is shown too, to measure how it anchors, and
replies are no longer shared between configs.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence

from moderation_pipeline.agents.expert import AuditsByBatch, Expert, SeesStudent
from moderation_pipeline.agents.prompted.prompt import Instructions, ShownOfCase, case_message
from moderation_pipeline.agents.prompted.prompt_form import form_of
from moderation_pipeline.agents.prompted.prompt_judge import PromptJudge
from moderation_pipeline.backends.language_model import (
    AnswersByBatch,
    LanguageModel,
    Message,
    answering_by_batch,
)
from moderation_pipeline.cases.case import Case
from moderation_pipeline.cases.verdict import Verdict
from moderation_pipeline.config.model_specs import LanguageModelExpert, LanguageModelSpec, RemoteExpert
from moderation_pipeline.plan import Action, Category, Plan

COLLECT_EVERY_S = 0.05
"""How long audits by batch may be under way to the batch before it is looked whether they are all there."""

LONGEST_PLAN = Plan(Action.TIMEOUT, Category.PERSONAL_INFORMATION, 1.0, reasoning="x" * 300, rule="R99")
"""No plan of a Student takes more room in a prompt: what a worst case is reckoned with."""


class PromptExpert(Expert):
    """Audits by prompt, blind."""

    def __init__(self, model: LanguageModel, spec: LanguageModelSpec, own_rules: str = "") -> None:
        form = form_of(spec).form
        self._judge = PromptJudge(model, Instructions("expert", own_rules, form), spec)
        self._shown = ShownOfCase(spec.context_lines, spec.own_lines, form)

    async def audit(self, cases: Sequence[Case]) -> list[Verdict]:
        """Ask about every case at once."""
        return await self._judged(cases, [None] * len(cases))

    def worst_case_usd(self, cases: Sequence[Case]) -> float | None:
        """Return what auditing the cases may cost at most."""
        return self._at_most(cases, None)

    async def aclose(self) -> None:
        """Close the model."""
        await self._judge.aclose()

    async def _judged(self, cases: Sequence[Case], proposed: Sequence[Plan | None]) -> list[Verdict]:
        return await self._judge.judge(self._messages(cases, proposed))

    def _at_most(self, cases: Sequence[Case], plan: Plan | None) -> float | None:
        return self._judge.worst_case_usd(self._messages(cases, [plan] * len(cases)))

    def _messages(self, cases: Sequence[Case], proposed: Sequence[Plan | None]) -> Iterator[Message]:
        for case, plan in zip(cases, proposed, strict=True):
            yield case_message(case, self._shown, proposed=plan)


class AnchoredExpert(PromptExpert, SeesStudent):
    """Audits by prompt, with the Student's plan beside each case."""

    async def audit_beside(self, cases: Sequence[Case], proposed: Sequence[Plan | None]) -> list[Verdict]:
        """Ask about every case at once, with the Student's plans."""
        return await self._judged(cases, proposed)

    def worst_case_usd(self, cases: Sequence[Case]) -> float | None:
        """Return what auditing the cases may cost at most, beside the longest plans."""
        return self._at_most(cases, LONGEST_PLAN)


class BatchExpert(PromptExpert, AuditsByBatch):
    """Audits by prompt, through the provider's batch interface."""

    def __init__(self, model: LanguageModel, spec: LanguageModelSpec, own_rules: str = "") -> None:
        super().__init__(model, spec, own_rules)
        self._batched = answering_by_batch(model)

    async def collected(self, audits: asyncio.Future[list[Verdict]]) -> list[Verdict]:
        """Return audits that were begun, or stop the run until they are there."""
        while self._batched is not None and not audits.done():
            await asyncio.wait([audits], timeout=COLLECT_EVERY_S)
            if not audits.done():
                await self._collect(self._batched, audits)
        return await audits

    async def _collect(self, batched: AnswersByBatch, audits: asyncio.Future[list[Verdict]]) -> None:
        try:
            await batched.collect()
        except BaseException:
            audits.cancel()
            await asyncio.gather(audits, return_exceptions=True)
            raise


class AnchoredBatchExpert(AnchoredExpert, BatchExpert):
    """Audits by batch, with the Student's plan beside each case."""


def prompt_expert(model: LanguageModel, spec: LanguageModelExpert, own_rules: str = "") -> PromptExpert:
    """Return the Expert that a spec asks for: blind or anchored, call by call or by batch."""
    kinds: dict[tuple[bool, bool], type[PromptExpert]] = {
        (False, False): PromptExpert,
        (True, False): AnchoredExpert,
        (False, True): BatchExpert,
        (True, True): AnchoredBatchExpert,
    }
    by_batch = isinstance(spec, RemoteExpert) and spec.batch
    return kinds[spec.sees_student, by_batch](model, spec, own_rules)
