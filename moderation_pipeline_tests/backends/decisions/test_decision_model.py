"""The one internal type of answers, and the bounds it keeps."""

from __future__ import annotations

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from moderation_pipeline.backends.decisions.carried_decisions import CarriedModel, CarryingModel
from moderation_pipeline.backends.decisions.decision_model import (
    NO,
    YES,
    Answer,
    DecisionModel,
    DecisionReply,
    DecisionRequest,
    Distribution,
    Refusal,
    Unusable,
    distribution,
    yes_no,
)
from moderation_pipeline.backends.language_model import ModelIdentity, Reply
from moderation_pipeline_tests.backends.asked import HARM, KIND, RULE, asking

PROBABILITY = st.floats(0, 1)


def test_a_probability_of_yes_is_a_distribution_over_yes_and_no() -> None:
    assert yes_no(0.25) == Distribution(((YES, 0.25), (NO, 0.75)))
    assert yes_no(1) == Distribution(((YES, 1.0), (NO, 0.0)))


@pytest.mark.parametrize("value", [-0.01, 1.01, float("nan"), float("inf"), None, "0.5", True, [0.5]])
def test_what_is_no_probability_is_no_answer(value: object) -> None:
    assert isinstance(yes_no(value), Unusable)


@pytest.mark.parametrize(
    ("pairs", "problem"),
    [
        ([("none", 0.5), ("hate", 0.5)], "no probability for 'spam'"),
        ([("none", 0.5), ("hate", 0.3), ("spam", 0.2), ("ham", 0.0)], "there is no option 'ham'"),
        ([("none", 0.5), ("none", 0.1), ("hate", 0.2), ("spam", 0.2)], "an option has two probabilities"),
        ([("none", 0.5), ("hate", 0.3), ("spam", 0.23)], "probabilities add up to 1.03"),
        ([("none", 0.5), ("hate", 0.3), ("spam", 0.17)], "probabilities add up to 0.97"),
        ([("none", 1.2), ("hate", -0.1), ("spam", -0.1)], "probability 1.2 is outside [0, 1]"),
    ],
)
def test_a_distribution_out_of_bounds_is_unusable_and_says_why(
    pairs: list[tuple[str, object]], problem: str
) -> None:
    assert distribution(KIND, pairs) == Unusable(problem)


@given(st.lists(PROBABILITY, min_size=3, max_size=3), st.permutations([0, 1, 2]))
def test_a_distribution_is_usable_if_and_only_if_it_adds_up_to_one(
    shares: list[float], order: list[int]
) -> None:
    names = [option.name for option in KIND.options]
    answer = distribution(KIND, [(names[i], shares[i]) for i in order])
    if abs(sum(shares) - 1) <= 0.02:
        assert answer == Distribution(tuple(zip(names, shares, strict=True)))  # in the question's order
    else:
        assert isinstance(answer, Unusable)


class SaidBefore(DecisionModel):
    """Answers as it was told to, and keeps what it was asked."""

    def __init__(self, answers: dict[str, Answer]) -> None:
        self._answers = answers
        self.asked: list[DecisionRequest] = []

    @property
    def identity(self) -> ModelIdentity:
        return ModelIdentity("systemone", "http://nowhere", "said-before")

    async def decide(self, request: DecisionRequest) -> DecisionReply:
        self.asked.append(request)
        return DecisionReply(self._answers, Reply("", "said-before-2", prompt_tokens=7, completion_tokens=0))


async def carried(request: DecisionRequest, answers: dict[str, Answer]) -> tuple[DecisionReply, SaidBefore]:
    model = SaidBefore(answers)
    return await CarryingModel(CarriedModel(model)).decide(request), model


STATES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(st.characters(codec="utf-8")),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(st.characters(codec="utf-8")), inner),
    max_leaves=8,
)


@given(STATES, PROBABILITY, st.text(st.characters(codec="utf-8")))
def test_a_decision_carried_through_text_is_the_same_decision(
    state: None, probability: float, problem: str
) -> None:
    answers: dict[str, Answer] = {"R1": yes_no(probability), "category": Refusal(), "harm": Unusable(problem)}
    request = DecisionRequest(state, (RULE, KIND, HARM))
    reply, model = asyncio.run(carried(request, answers))
    assert model.asked == [request]
    assert reply.answers == answers
    assert (reply.reply.model, reply.reply.prompt_tokens, reply.reply.completion_tokens) == (
        "said-before-2",
        7,
        0,
    )


def test_the_worst_case_of_an_unpriced_model_is_unknown() -> None:
    assert SaidBefore({}).worst_case_usd(asking("hi")) is None
