"""Tests of what a paid Student is asked again without memories: which cases, at what cost, and what comes of it."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Literal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from moderation_pipeline.agents.build_agents import Models, build_agents
from moderation_pipeline.agents.memory_trial import MemoryTrial
from moderation_pipeline.agents.prompted.prompt_student import PromptStudent
from moderation_pipeline.backends.decisions.decision_model import DecisionModel
from moderation_pipeline.backends.language_model import LanguageModel
from moderation_pipeline.cases.situation import Recalled, Situation, Standing
from moderation_pipeline.cases.verdict import Verdict
from moderation_pipeline.chance import draw
from moderation_pipeline.config.decision_specs import DecisionSpec
from moderation_pipeline.config.model_specs import LanguageModelSpec, OpenAISpec
from moderation_pipeline.config.run_config import Config
from moderation_pipeline.plan import Plan
from moderation_pipeline_tests.agents.cases import cases_of
from moderation_pipeline_tests.agents.suggestible import Suggestible
from moderation_pipeline_tests.backends.scripted_model import ScriptedModel
from moderation_pipeline_tests.moderation.scripted import ALLOW, DELETE, chat_of

SEED = 7


def shown(plan: Plan = DELETE) -> Situation:
    return Situation(Standing(0, None), (Recalled("m-1", 0.9, 2, "you zorg", plan),))


NOTHING = Situation(Standing(0, None))


def decided(
    student: Suggestible, situations: Sequence[Situation], *, share: float = 1.0, together: int = 1
) -> list[Verdict]:
    trial = MemoryTrial(student, share, seed=SEED, comments_per_request=together)
    cases = cases_of(*(f"line {i}" for i in range(len(situations))))
    return asyncio.run(trial.decide(cases, situations))


def test_a_case_that_was_shown_memories_is_asked_again_without_them() -> None:
    (verdict,) = decided(Suggestible(), [shown()])

    assert (verdict.plan, verdict.without_memory, verdict.memory_ids) == (DELETE, ALLOW, ("m-1",))
    assert [each.probability for each in verdict.probabilities_without_memory] == [0.1]


def test_nothing_that_was_paid_for_is_hidden() -> None:
    (verdict,) = decided(Suggestible(), [shown()])

    receipt = verdict.receipt
    assert (receipt.cost_usd, receipt.list_cost_usd, receipt.prompt_tokens) == (0.02, 0.02, 160)
    assert receipt.latency_ms == 8.0  # both were waited for at once


def test_an_unknown_price_makes_the_sum_unknown() -> None:
    (verdict,) = decided(Suggestible(usd=None), [shown()])

    assert verdict.receipt.list_cost_usd is None


def test_a_case_without_memories_is_asked_once() -> None:
    student = Suggestible()

    (verdict,) = decided(student, [NOTHING])

    assert verdict.without_memory is None
    assert student.asked == [[("0", False)]]


@settings(max_examples=15, deadline=None)
@given(count=st.integers(1, 20), share=st.floats(0, 1))
def test_who_is_asked_again_is_drawn_from_seed_and_comment_alone(count: int, share: float) -> None:
    verdicts = decided(Suggestible(), [shown()] * count, share=share)

    asked = [verdict.without_memory is not None for verdict in verdicts]
    assert asked == [draw(SEED, "without_memory", str(i)) < share for i in range(count)]
    assert all(verdict.plan == DELETE for verdict in verdicts)


def test_a_bad_second_reply_says_nothing_and_decides_nothing() -> None:
    (verdict,) = decided(Suggestible(fails=["0"]), [shown()])

    assert (verdict.plan, verdict.without_memory) == (DELETE, None)
    assert verdict.receipt.reply_error is None
    assert verdict.receipt.cost_usd == 0.02


def test_with_several_comments_in_a_request_the_neighbours_stay_the_same() -> None:
    student = Suggestible()

    verdicts = decided(student, [NOTHING, NOTHING, shown(), NOTHING, NOTHING, NOTHING], together=2)

    assert student.asked[1] == [("2", False), ("3", False)]
    assert [verdict.without_memory for verdict in verdicts] == [None, None, ALLOW, None, None, None]
    assert [verdict.receipt.cost_usd for verdict in verdicts] == [0.01, 0.01, 0.02, 0.02, 0.01, 0.01]


def test_the_worst_case_includes_what_is_asked_again() -> None:
    trial = MemoryTrial(Suggestible(), 1.0, seed=SEED)
    cases = cases_of("one", "two", "three")

    assert trial.worst_case_usd(cases, [shown(), NOTHING, shown()]) == pytest.approx(0.1)
    assert MemoryTrial(Suggestible(usd=None), 1.0, seed=SEED).worst_case_usd(cases, [shown()] * 3) is None


class Scripted(Models):
    """Gives language models that are never asked."""

    def language_model(self, spec: LanguageModelSpec) -> LanguageModel:
        return ScriptedModel([], model=spec.model)

    def decision_model(self, spec: DecisionSpec) -> DecisionModel:
        raise NotImplementedError


@pytest.mark.parametrize(
    ("parts", "is_on_trial"),
    [
        ({"student": {"backend": "openai", "model": "m"}}, True),
        ({"student": {"backend": "openai", "model": "m"}, "memory": {"without_share": 0}}, False),
        ({"student": {"backend": "openai", "model": "m"}, "memory": None}, False),
        ({"student": {"backend": "openai", "model": "m", "shows_memories": False}}, False),
        ({"student": "rules"}, False),
    ],
)
def test_whom_it_is_paid_to_ask_again(parts: dict[str, object], *, is_on_trial: bool) -> None:
    agents = build_agents(Config.model_validate(parts), chat_of(["hello"]), Scripted())

    assert isinstance(agents.student, MemoryTrial) is is_on_trial


@pytest.mark.parametrize(
    ("name", "said", "shows"),
    [
        ("m", True, True),
        ("m", False, False),
        ("m", "auto", True),
        ("m-1.5B", "auto", False),
        ("m-1B", True, True),
    ],
)
def test_a_language_model_sees_and_names_memories_only_where_it_is_shown_them(
    name: str, said: bool | Literal["auto"], *, shows: bool
) -> None:
    model = ScriptedModel(['{"action": "allow", "category": "none"}'])
    spec = OpenAISpec(model=name, shows_memories=said)
    (verdict,) = asyncio.run(PromptStudent(model, spec).decide(cases_of("hello"), [shown()]))
    assert ("worked_cases" in model.asked[0].messages[-1].content) is shows
    assert verdict.memory_ids == (("m-1",) if shows else ())
