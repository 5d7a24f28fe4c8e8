"""Agents from a config: which class each spec stands for. What a backend needs is passed in."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Generic, Protocol, TypeVar

import polars as pl

from moderation_pipeline.agents.deciding.decision_student import DecisionStudent
from moderation_pipeline.agents.deciding.question_set import questions_of
from moderation_pipeline.agents.deciding.score_student import ScoreStudent
from moderation_pipeline.agents.expert import Expert
from moderation_pipeline.agents.keyless.careful_rules import CarefulRulesExpert
from moderation_pipeline.agents.keyless.rules import RulesStudent
from moderation_pipeline.agents.labels_expert import LabelsExpert
from moderation_pipeline.agents.memory_trial import MemoryTrial
from moderation_pipeline.agents.prompted.prompt_expert import prompt_expert
from moderation_pipeline.agents.prompted.prompt_form import form_of, shows_memories
from moderation_pipeline.agents.prompted.prompt_student import PromptStudent
from moderation_pipeline.agents.student import Student
from moderation_pipeline.agents.tiers import Tier, TieredStudent
from moderation_pipeline.backends.decisions.decision_model import DecisionModel
from moderation_pipeline.backends.keys import UnusableBackendError
from moderation_pipeline.backends.language_model import LanguageModel
from moderation_pipeline.config.agent_specs import (
    CarefulRulesSpec,
    ExpertSpec,
    LabelsSpec,
    LearnedSpec,
    RulesSpec,
    TierSpec,
    TiersSpec,
)
from moderation_pipeline.config.decision_specs import (
    AskingSpec,
    DecidingSpec,
    DecisionSpec,
    ScoresSpec,
)
from moderation_pipeline.config.model_specs import LanguageModelSpec
from moderation_pipeline.config.run_config import Config

if TYPE_CHECKING:
    from moderation_pipeline.agents.learned.learned_student import LearnedStudent


@dataclass(frozen=True, slots=True)
class Agents:
    """Who decides in a run: any of them may be absent. `fallback` decides where a reply was bad (law 4).

    `notes` say, to be said loudly, where another decides than the config named. `learned` are those Students
    among them, tiers too, that have a head to begin with and to keep.
    """

    student: Student | None
    expert: Expert | None
    fallback: Student | None
    notes: tuple[str, ...] = ()
    learned: tuple[LearnedStudent, ...] = ()

    async def aclose(self) -> None:
        """Close what they hold open, in the event loop that used it; waits for calls that were paid for."""
        for agent in (self.student, self.expert, self.fallback):
            if agent is not None:
                await agent.aclose()


class Models(Protocol):
    """What builds the models that specs name (`backends/run_models.py`)."""

    def language_model(self, spec: LanguageModelSpec) -> LanguageModel:
        """Return the language model of a spec."""
        ...

    def decision_model(self, spec: DecisionSpec) -> DecisionModel:
        """Return the decision model of a spec."""
        ...


class NoModels:
    """Builds none: for those who run keyless configs only."""

    def language_model(self, spec: LanguageModelSpec) -> LanguageModel:
        """Refuse.

        Raises:
            UnusableBackendError: always.
        """
        raise UnusableBackendError(f"Backend {spec.backend!r} was asked for where only keyless ones are run.")

    def decision_model(self, spec: DecisionSpec) -> DecisionModel:
        """Refuse.

        Raises:
            UnusableBackendError: always.
        """
        raise UnusableBackendError(f"Backend {spec.backend!r} was asked for where only keyless ones are run.")


def build_agents(
    config: Config, comments: pl.DataFrame, models: Models | None = None, own_rules: str = ""
) -> Agents:
    """Return the agents that the config names.

    `comments` gives the labels to an Expert of labels and its scores to a Student of scores; `own_rules` is the text of
    the channel's own rules.

    Raises:
        UnusableBackendError: a backend lacks its key, extra or weights, and the config names no fallback.
    """
    builder = _Builder(config, models or NoModels(), own_rules, comments)
    student = None if config.student == "none" else builder.student(config.student)
    expert = None if config.expert == "none" else builder.expert(config.expert)
    return Agents(
        student=None if student is None else student.agent,
        expert=None if expert is None else expert.agent,
        fallback=builder.rules() if config.fallback == "rules" else None,
        notes=(*(student.notes if student else ()), *(expert.notes if expert else ())),
        learned=() if student is None else student.learned,
    )


A = TypeVar("A", bound=Student | Expert, covariant=True)


@dataclass(frozen=True)
class Built(Generic[A]):
    """An agent, what is to be said of it, and the learned Students in it."""

    agent: A
    notes: tuple[str, ...] = ()
    learned: tuple[LearnedStudent, ...] = ()


def _why(spec: LanguageModelSpec) -> tuple[str, ...]:
    """Return why a model is asked in the form that it is, where the config left that open."""
    why = form_of(spec).why
    return () if why is None else (why,)


@dataclass(frozen=True, slots=True)
class _Builder:
    """Builds the agents of one config; a backend that can't be used is replaced if the config allows it.

    What can't be built is the note that says so.
    """

    config: Config
    models: Models
    own_rules: str
    comments: pl.DataFrame

    def student(self, spec: TierSpec | TiersSpec) -> Built[Student]:
        """Return the Student of a spec, or the rules where its backend can't be used."""
        if isinstance(spec, TiersSpec):
            return self.tiered(spec)
        return self._or_rules(self.student_of(spec))

    def student_of(self, spec: TierSpec) -> Built[Student] | str:
        """Return the Student of a spec; where its backend can't be used and there is a fallback, the note."""
        if isinstance(spec, RulesSpec):
            return Built(self.rules())
        if isinstance(spec, LearnedSpec):
            return self.learned_of(spec)
        if isinstance(spec, ScoresSpec):
            try:
                return Built(ScoreStudent(self.comments, spec))
            except UnusableBackendError as error:
                return self._note("the chat's scores can't be used, and rules decide instead", error)
        if isinstance(spec, DecidingSpec):
            try:
                return Built(self.deciding(self.models.decision_model(spec), spec))
            except UnusableBackendError as error:
                return self._note(
                    f"{spec.backend} {spec.model!r} can't be used, and rules decide instead", error
                )
        model = self._language_model("Student", spec, "rules")
        if isinstance(model, str):
            return model
        student: Student = PromptStudent(model, spec, self.own_rules)
        if shows_memories(spec):
            student = self.on_trial(student, comments_per_request=spec.comments_per_request)
        return Built(student, _why(spec))

    def deciding(self, model: DecisionModel, spec: DecisionSpec) -> Student:
        """Return the Student of a decision model, on trial where it is shown memories."""
        student = DecisionStudent(model, questions_of(spec, self.own_rules), spec)
        if not isinstance(spec, AskingSpec) or not spec.shows_memories:
            return student
        return self.on_trial(student, comments_per_request=spec.comments_per_request)

    def on_trial(self, student: Student, *, comments_per_request: int = 1) -> Student:
        """Return a paid Student that is shown memories so that what they do to it is measured."""
        memory = self.config.memory
        if memory is None or memory.without_share == 0:
            return student
        return MemoryTrial(
            student,
            memory.without_share,
            seed=self.config.loop.seed,
            comments_per_request=comments_per_request,
        )

    def learned_of(self, spec: LearnedSpec) -> Built[Student]:
        """Return a learned Student on its base: its head is kept when the run is over."""
        # Here, for scikit-learn takes a second to import, and configs without a head don't need it.
        from moderation_pipeline.agents.learned.learned_student import LearnedStudent

        expert = self.config.expert
        may_train = expert != "none" and expert.may_train_on
        base = self._or_rules(self.student_of(spec.base))
        audit = self.config.audit
        student = LearnedStudent(
            spec,
            base.agent,
            may_train=may_train,
            audits_act=self.config.audits_act,
            acts_from=audit.harm.acts_from if audit.policy == "averted_harm" else None,
        )
        return Built(student, base.notes, (student,))

    def tiered(self, spec: TiersSpec) -> Built[Student]:
        """Return the tiers that can be used; where only one can, it stands alone."""
        bounds = (
            spec.unsure_from * len(spec.tiers) if len(spec.unsure_from) == 1 else (*spec.unsure_from, 1.0)
        )
        found = [self.student_of(each) for each in spec.tiers]
        built = [each for each in found if not isinstance(each, str)]
        tiers = [
            Tier(f"{i + 1} {each.backend}", one.agent, bound)
            for i, (each, one, bound) in enumerate(zip(spec.tiers, found, bounds, strict=True))
            if not isinstance(one, str)
        ]
        return Built(
            TieredStudent(tiers) if tiers else self.rules(),
            tuple(note for each in found for note in ([each] if isinstance(each, str) else each.notes)),
            tuple(student for each in built for student in each.learned),
        )

    def rules(self) -> RulesStudent:
        """Return the keyless Student, with the config's bounds on what memories may say."""
        return RulesStudent(self.config.memory.vote if self.config.memory else None)

    def expert(self, spec: ExpertSpec) -> Built[Expert]:
        """Return the Expert of a spec, or the careful rules where its backend can't be used."""
        if isinstance(spec, LabelsSpec):
            return Built(LabelsExpert(self.comments))
        if isinstance(spec, CarefulRulesSpec):
            return Built(CarefulRulesExpert())
        model = self._language_model("Expert", spec, "careful_rules")
        if isinstance(model, str):
            return Built(CarefulRulesExpert(), (model,))
        return Built(prompt_expert(model, spec, self.own_rules), _why(spec))

    def _or_rules(self, built: Built[Student] | str) -> Built[Student]:
        return Built(self.rules(), (built,)) if isinstance(built, str) else built

    def _language_model(self, part: str, spec: LanguageModelSpec, instead: str) -> LanguageModel | str:
        try:
            return self.models.language_model(spec)
        except UnusableBackendError as error:
            return self._note(f"The {part} is {instead}, not {spec.backend} {spec.model!r}", error)

    def _note(self, what: str, error: UnusableBackendError) -> str:
        """Return the note of who stands in; where the config names no fallback, raise the error instead."""
        if self.config.fallback is None:
            raise error
        return f"{what} ({error})"
