"""Agents from a config: which class each spec stands for. What a backend needs is passed in."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import polars as pl

from moderation_pipeline.agents.careful_rules import CarefulRulesExpert
from moderation_pipeline.agents.expert import Expert
from moderation_pipeline.agents.labels import LabelsExpert
from moderation_pipeline.agents.prompt_expert import PromptExpert
from moderation_pipeline.agents.prompt_student import PromptStudent
from moderation_pipeline.agents.rules import RulesStudent
from moderation_pipeline.agents.student import Student
from moderation_pipeline.backends.keys import UnusableBackendError
from moderation_pipeline.backends.language_model import LanguageModel
from moderation_pipeline.config import CarefulRulesSpec, Config, LabelsSpec, RulesSpec
from moderation_pipeline.model_specs import (
    HfExpertSpec,
    HfSpec,
    LanguageModelSpec,
    OpenAIExpertSpec,
    OpenAISpec,
    TogetherExpertSpec,
    TogetherSpec,
)


@dataclass(frozen=True, slots=True)
class Agents:
    """Who decides in a run: any of them may be absent. `fallback` decides where a reply was bad (law 4).

    `notes` say, to be said loudly, where another decides than the config named.
    """

    student: Student | None
    expert: Expert | None
    fallback: Student | None
    notes: tuple[str, ...] = ()

    async def aclose(self) -> None:
        """Close what they hold open, in the event loop that used it; waits for calls that were paid for."""
        for agent in (self.student, self.expert, self.fallback):
            if agent is not None:
                await agent.aclose()


class Models(Protocol):
    """What builds the language models that specs name (`backends/build.py`)."""

    def language_model(self, spec: LanguageModelSpec) -> LanguageModel:
        """Return the model of a spec."""
        ...


class NoModels:
    """Builds none: for those who run keyless configs only."""

    def language_model(self, spec: LanguageModelSpec) -> LanguageModel:
        """Refuse.

        Raises:
            UnusableBackendError: always.
        """
        raise UnusableBackendError(f"Backend {spec.backend!r} was asked for where only keyless ones are run.")


def build_agents(
    config: Config, comments: pl.DataFrame, models: Models | None = None, own_rules: str = ""
) -> Agents:
    """Return the agents that the config names.

    `comments` gives the labels to an Expert of labels, `own_rules` is the text of the channel's own rules.

    Raises:
        UnusableBackendError: a backend lacks its key, extra or weights, and the config names no fallback.
    """
    notes: list[str] = []
    builder = _Builder(config, models or NoModels(), own_rules, notes)
    return Agents(
        student=builder.student(),
        expert=builder.expert(comments),
        fallback=builder.rules() if config.fallback == "rules" else None,
        notes=tuple(notes),
    )


@dataclass(frozen=True, slots=True)
class _Builder:
    """Builds the agents of one config; a backend that can't be used is replaced if the config allows it."""

    config: Config
    models: Models
    own_rules: str
    notes: list[str]

    def student(self) -> Student | None:
        spec = self.config.student
        if spec == "none":
            return None
        if isinstance(spec, RulesSpec):
            return self.rules()
        if isinstance(spec, (TogetherSpec, OpenAISpec, HfSpec)):
            model = self._model("Student", spec, "rules")
            return self.rules() if model is None else PromptStudent(model, spec, self.own_rules)
        raise TypeError(f"No Student is built from {type(spec).__name__}.")

    def rules(self) -> RulesStudent:
        """Return the keyless Student, with the config's bounds on what memories may say."""
        return RulesStudent(self.config.memory.vote if self.config.memory else None)

    def expert(self, comments: pl.DataFrame) -> Expert | None:
        spec = self.config.expert
        if spec == "none":
            return None
        if isinstance(spec, LabelsSpec):
            return LabelsExpert(comments)
        if isinstance(spec, CarefulRulesSpec):
            return CarefulRulesExpert()
        if isinstance(spec, (TogetherExpertSpec, OpenAIExpertSpec, HfExpertSpec)):
            model = self._model("Expert", spec, "careful_rules")
            if model is None:
                return CarefulRulesExpert()
            return PromptExpert(model, spec, self.own_rules, sees_student=spec.sees_student)
        raise TypeError(f"No Expert is built from {type(spec).__name__}.")

    def _model(self, part: str, spec: LanguageModelSpec, instead: str) -> LanguageModel | None:
        try:
            return self.models.language_model(spec)
        except UnusableBackendError as error:
            if self.config.fallback is None:
                raise
            self.notes.append(f"The {part} is {instead}, not {spec.backend} {spec.model!r} ({error})")
            return None
