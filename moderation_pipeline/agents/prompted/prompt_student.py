"""A language model as the Student: shown the comment, its context, the user's standing and worked cases."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from moderation_pipeline.agents.prompted.in_company import (
    Together,
    judge_together,
    many_message,
    together_worst_case_usd,
)
from moderation_pipeline.agents.prompted.prompt import (
    Instructions,
    ShownOfCase,
    case_data,
    case_message,
    said_before,
)
from moderation_pipeline.agents.prompted.prompt_form import form_of, shows_memories
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
        self._at_a_time = spec.comments_per_request
        self._shows_memories = shows_memories(spec)

    async def decide(self, cases: Sequence[Case], situations: Sequence[Situation]) -> list[Verdict]:
        """Ask about every case at once."""
        situations = self._shown_of(situations)
        if self._at_a_time == 1:
            verdicts = await self._judge.judge(self._messages(cases, situations))
        else:
            verdicts = await judge_together(self._judge, self._groups(cases, situations))
        return [
            replace(verdict, memory_ids=tuple(memory.memory_id for memory in leading(situation.recalled)))
            for verdict, situation in zip(verdicts, situations, strict=True)
        ]

    def worst_case_usd(self, cases: Sequence[Case], situations: Sequence[Situation]) -> float | None:
        """Return what deciding the batch may cost at most."""
        situations = self._shown_of(situations)
        if self._at_a_time == 1:
            return self._judge.worst_case_usd(self._messages(cases, situations))
        return together_worst_case_usd(self._judge, self._groups(cases, situations))

    async def aclose(self) -> None:
        """Close the model."""
        await self._judge.aclose()

    def _shown_of(self, situations: Sequence[Situation]) -> Sequence[Situation]:
        if self._shows_memories:
            return situations
        return [replace(each, recalled=()) for each in situations]

    def _messages(self, cases: Sequence[Case], situations: Sequence[Situation]) -> Iterator[Message]:
        for case, situation in zip(cases, situations, strict=True):
            yield case_message(case, self._shown, situation=situation)

    def _groups(self, cases: Sequence[Case], situations: Sequence[Situation]) -> list[Together]:
        pairs = list(zip(cases, situations, strict=True))
        parts = [pairs[start : start + self._at_a_time] for start in range(0, len(pairs), self._at_a_time)]
        return [self._together(part) for part in parts]

    def _together(self, asked: Sequence[tuple[Case, Situation]]) -> Together:
        alone = tuple(case_message(case, self._shown, situation=situation) for case, situation in asked)
        data = [case_data(case, self._shown, situation=situation) for case, situation in asked]
        return Together(many_message(data, said_before(asked, self._shown)), alone)
