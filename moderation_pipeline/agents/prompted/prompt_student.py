"""A language model as the Student: shown the comment, its context, the user's standing and worked cases."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from moderation_pipeline.agents.prompted.prompt import Instructions, ShownOfCase, case_message
from moderation_pipeline.agents.prompted.prompt_form import form_of
from moderation_pipeline.agents.prompted.prompt_judge import PromptJudge
from moderation_pipeline.agents.student import Student
from moderation_pipeline.backends.language_model import LanguageModel, Message
from moderation_pipeline.cases.case import Case
from moderation_pipeline.cases.situation import Situation, leading
from moderation_pipeline.cases.verdict import Verdict
from moderation_pipeline.config.model_specs import LanguageModelSpec


class PromptStudent(Student):
    """Decides by prompt. The memories that it is shown are the ones it is said to have used."""

    def __init__(self, model: LanguageModel, spec: LanguageModelSpec, own_rules: str = "") -> None:
        form = form_of(spec).form
        self._judge = PromptJudge(model, Instructions("student", own_rules, form), spec)
        self._shown = ShownOfCase(spec.context_lines, spec.own_lines, form)

    async def decide(self, cases: Sequence[Case], situations: Sequence[Situation]) -> list[Verdict]:
        """Ask about every case at once."""
        verdicts = await self._judge.judge(self._messages(cases, situations))
        return [
            replace(verdict, memory_ids=tuple(memory.memory_id for memory in leading(situation.recalled)))
            for verdict, situation in zip(verdicts, situations, strict=True)
        ]

    def worst_case_usd(self, cases: Sequence[Case], situations: Sequence[Situation]) -> float | None:
        """Return what deciding the batch may cost at most."""
        return self._judge.worst_case_usd(self._messages(cases, situations))

    async def aclose(self) -> None:
        """Close the model."""
        await self._judge.aclose()

    def _messages(self, cases: Sequence[Case], situations: Sequence[Situation]) -> Iterator[Message]:
        for case, situation in zip(cases, situations, strict=True):
            yield case_message(case, self._shown, situation=situation)
