"""Plans derived anew from the probabilities that a run stored, under other thresholds: no model is asked.

The way from probabilities to a plan is `deriving.py`'s, the same as when the run was made. A Student that kept no
probabilities can only be held to a stricter confidence (`cut`): what it let through left no trace.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from moderation_pipeline.agents.deciding.deriving import derive
from moderation_pipeline.agents.deciding.question_set import QuestionSet, label_questions, questions_of
from moderation_pipeline.backends.decisions.decision_model import NO, YES, Distribution, Question
from moderation_pipeline.config.decision_specs import (
    AskingSpec,
    CategoryThresholds,
    DecisionSpec,
    ScoresSpec,
    Thresholds,
)
from moderation_pipeline.config.yaml_model import Closed
from moderation_pipeline.plan import Action, Category, Plan


class KeptProbability(NamedTuple):
    """A probability as the table student_decisions keeps it."""

    question: str
    option: str
    probability: float


class Rederiving:
    """Derives the plans of a Student anew that kept what it was told of each question."""

    def __init__(
        self, questions: QuestionSet, thresholds: CategoryThresholds, addressing_threshold: float = 1.0
    ) -> None:
        self._questions = questions
        self._thresholds = thresholds
        self._addressing = addressing_threshold

    def plan(self, kept: Iterable[KeptProbability]) -> Plan | None:
        """Return the plan that follows; null where some question of the set has no answer among those kept."""
        by_question: dict[str, dict[str, float]] = {}
        for each in kept:
            by_question.setdefault(each.question, {})[each.option] = each.probability
        answers = {
            question.name: _answer(question, by_question[question.name])
            for question in self._questions.questions
            if question.name in by_question
        }
        if len(answers) < len(self._questions.questions):
            return None
        return derive(self._questions, answers, self._thresholds, self._addressing).plan


def rederiving_of(spec: Closed | str, own_rules: str, least: Mapping[Category, float]) -> Rederiving | None:
    """Return what derives a Student's plans anew, with other least probabilities; null where it kept none."""
    if isinstance(spec, ScoresSpec):
        return Rederiving(label_questions(spec.of_columns()), with_least(spec.thresholds, least))
    if not isinstance(spec, DecisionSpec):
        return None
    addressing = spec.addressing_threshold if isinstance(spec, AskingSpec) else 1.0
    return Rederiving(questions_of(spec, own_rules), with_least(spec.thresholds, least), addressing)


def _answer(question: Question, kept: Mapping[str, float]) -> Distribution:
    if question.kind == "yes_no":
        return Distribution(((YES, kept[YES]), (NO, 1.0 - kept[YES])))
    return Distribution(tuple(kept.items()))


def with_least(thresholds: CategoryThresholds, least: Mapping[Category, float]) -> CategoryThresholds:
    """Return the thresholds with other least probabilities for some categories; firmer ones are raised to them."""
    changed = {
        category.value: _from(thresholds.of(category), probability) for category, probability in least.items()
    }
    return thresholds.model_copy(update=changed)


def _from(own: Thresholds, mild: float) -> Thresholds:
    firmer = {
        name: None if bound is None else max(bound, mild)
        for name, bound in (("plain", own.plain), ("grave", own.grave))
    }
    return Thresholds(mild=mild, **firmer)


def cut(plan: Plan, least: Mapping[Category, float]) -> Plan:
    """Return the plan, or to let the comment be where it is less sure of its category than asked for."""
    bound = least.get(plan.category)
    if bound is None or plan.confidence >= bound:
        return plan
    reason = f"Less sure of {plan.category} ({plan.confidence:.2f}) than {bound:g}: {plan.reasoning}"
    return Plan(Action.ALLOW, Category.NONE, 1.0 - plan.confidence, reason)
