"""A Student that is paid and shown memories, as a language model is: it says what they say, and nothing without."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import replace

from moderation_pipeline.agents.student import Student
from moderation_pipeline.cases.case import Case
from moderation_pipeline.cases.situation import Recalled, Situation
from moderation_pipeline.cases.verdict import OptionProbability, Receipt, Verdict
from moderation_pipeline_tests.moderation.scripted import ALLOW


class Suggestible(Student):
    """Says what its first memory says, else allows; an answer with memories takes 5 ms and a cent, one without 8 ms.

    It has no answer without memories about the cases named in `fails`, and keeps who stood in each request.
    """

    def __init__(self, *, fails: Sequence[str] = (), usd: float | None = 0.01) -> None:
        self._fails = fails
        self._usd = usd
        self.asked: list[list[tuple[str, bool]]] = []

    async def decide(self, cases: Sequence[Case], situations: Sequence[Situation]) -> list[Verdict]:
        pairs = list(zip(cases, situations, strict=True))
        self.asked.append([(case.comment_id, bool(situation.recalled)) for case, situation in pairs])
        await asyncio.sleep(0)
        return [self._verdict(case, situation.recalled) for case, situation in pairs]

    def _verdict(self, case: Case, recalled: tuple[Recalled, ...]) -> Verdict:
        receipt = Receipt(
            "suggestible",
            "suggestible-1",
            prompt_tokens=100 if recalled else 60,
            cost_usd=self._usd,
            list_cost_usd=self._usd,
            latency_ms=5.0 if recalled else 8.0,
        )
        if not recalled and case.comment_id in self._fails:
            return Verdict(None, replace(receipt, reply_error="garbled"), confidence_source="none")
        plan = recalled[0].plan if recalled else ALLOW
        return Verdict(
            plan,
            receipt,
            memory_ids=tuple(memory.memory_id for memory in recalled),
            probabilities=(OptionProbability("R1", "yes", 0.9 if recalled else 0.1),),
        )

    def worst_case_usd(self, cases: Sequence[Case], situations: Sequence[Situation]) -> float | None:  # noqa: ARG002
        return None if self._usd is None else 0.02 * len(cases)
