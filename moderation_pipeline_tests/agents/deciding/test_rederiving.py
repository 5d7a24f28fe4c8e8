"""Plans derived anew from what a run kept: the same under the same thresholds, whatever the model was asked."""

from __future__ import annotations

from typing import Literal

import pytest

from moderation_pipeline.agents.deciding.deriving import derive
from moderation_pipeline.agents.deciding.question_set import chat_questions
from moderation_pipeline.agents.deciding.rederiving import KeptProbability, rederiving_of
from moderation_pipeline.backends.decisions.decision_model import Distribution, Question
from moderation_pipeline.config.decision_specs import ChatDecisionsSpec
from moderation_pipeline.plan import Action, Category


def answered(question: Question) -> Distribution:
    """Answer as one who finds a threat, whatever is asked."""
    names = [option.name for option in question.options]
    liked = {"R3": "true", "violation": "harmful", "category": "threat"}.get(
        question.name.removesuffix("_reversed"), "false"
    )
    return Distribution(tuple((name, 0.9 if name == liked else 0.1 / (len(names) - 1)) for name in names))


@pytest.mark.parametrize("asks", ["rules", "category", "violation"])
def test_what_was_kept_gives_the_same_plan_and_another_under_other_thresholds(
    asks: Literal["rules", "category", "violation"],
) -> None:
    spec = ChatDecisionsSpec(model="m", base_url="http://localhost:1/v1", asks=asks)
    questions = chat_questions(asks)
    answers = {question.name: answered(question) for question in questions.questions}
    kept = [
        KeptProbability(name, option, probability)
        for name, answer in answers.items()
        for option, probability in answer.probabilities
    ]
    again, stricter = (rederiving_of(spec, "", least) for least in ({}, {Category.THREAT: 0.95}))
    assert again is not None
    assert stricter is not None
    plan = again.plan(kept)
    assert plan == derive(questions, answers, spec.thresholds).plan
    assert plan is not None
    assert plan.category is Category.THREAT
    let_be = stricter.plan(kept)
    assert let_be is not None
    assert let_be.action is Action.ALLOW
