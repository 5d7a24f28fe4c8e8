"""Several comments in one request: each answer under its number, what is missing asked alone, and what each bears."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import orjson
import pytest
from pydantic import ValidationError

from moderation_pipeline.agents.prompted.in_company import parts_of
from moderation_pipeline.agents.prompted.prompt_student import PromptStudent
from moderation_pipeline.backends.language_model import EmptyReplyError, ServerFailedError
from moderation_pipeline.cases.situation import Situation, Standing
from moderation_pipeline.cases.verdict import Verdict
from moderation_pipeline.config.model_specs import OpenAIExpertSpec, OpenAISpec
from moderation_pipeline_tests.agents.cases import cases_of, situations_of
from moderation_pipeline_tests.backends.scripted_model import ScriptedModel, Step, reply

FINE = {"category": "none", "action": "allow", "rule": "R9", "confidence": 0.9, "reasoning": "A greeting."}
BAD = {
    "category": "harassment",
    "action": "delete",
    "rule": "R1",
    "confidence": 0.8,
    "reasoning": "An insult.",
}


def said(*plans: dict[str, object], numbers: Sequence[int] | None = None) -> str:
    by_number = zip(numbers or range(1, len(plans) + 1), plans, strict=True)
    return orjson.dumps({str(number): plan for number, plan in by_number}).decode()


def decide(model: ScriptedModel, *texts: str, size: int = 3, prompt: str = "brief") -> list[Verdict]:
    spec = OpenAISpec.model_validate({"model": "m", "comments_per_request": size, "prompt": prompt})
    cases = cases_of(*texts)
    return asyncio.run(PromptStudent(model, spec).decide(cases, situations_of(cases)))


def actions(verdicts: Sequence[Verdict]) -> list[str | None]:
    return [None if each.plan is None else each.plan.action.value for each in verdicts]


def test_each_comment_gets_the_answer_under_its_number_and_an_equal_part_of_the_cost() -> None:
    model = ScriptedModel([said(BAD, FINE, numbers=[2, 1]), said(FINE, BAD)])
    verdicts = decide(model, "one", "two", "three", "four", size=2)
    assert actions(verdicts) == ["allow", "delete", "allow", "delete"]
    assert [each.receipt.cost_usd for each in verdicts] == [0.005] * 4
    assert [each.receipt.prompt_tokens for each in verdicts] == [50] * 4
    asked = model.asked[0]
    assert asked.max_tokens == 2 * 300
    assert asked.schema is not None
    assert list(asked.schema.as_mapping()["properties"]) == ["1", "2"]  # type: ignore[arg-type]
    assert len({each.receipt.prompt_version for each in verdicts}) == 1


def test_a_missing_number_is_counted_and_asked_alone() -> None:
    model = ScriptedModel([said(FINE, BAD, numbers=[1, 3]), orjson.dumps(BAD).decode()])
    verdicts = decide(model, "one", "two", "three")
    assert actions(verdicts) == ["allow", "delete", "delete"]
    assert [each.receipt.reply_mended[:1] for each in verdicts] == [(), ("alone",), ()]
    assert len(model.asked) == 2
    assert verdicts[1].receipt.cost_usd == pytest.approx(0.01 / 3 + 0.01)
    assert '"two"' in model.asked[1].messages[-1].content
    assert "from 1 to" not in model.asked[1].messages[-1].content


@pytest.mark.parametrize("numbers", [[0, 1], [2, 3]])
def test_who_counts_otherwise_is_asked_about_each_alone(numbers: list[int]) -> None:
    model = ScriptedModel([said(BAD, FINE, numbers=numbers), *[orjson.dumps(FINE).decode()] * 2])
    verdicts = decide(model, "one", "two", size=2)

    assert actions(verdicts) == ["allow", "allow"]
    assert [each.receipt.reply_mended for each in verdicts] == [("alone",)] * 2


def test_one_answer_that_contradicts_itself_spoils_no_other() -> None:
    both = {**FINE, "action": "ban"}
    model = ScriptedModel([said(FINE, both, BAD), orjson.dumps(FINE).decode()])
    assert actions(decide(model, "one", "two", "three")) == ["allow", "allow", "delete"]


def test_what_a_cut_reply_still_holds_is_used() -> None:
    whole = said(FINE, BAD, FINE)
    assert list(parts_of(whole[: len(whole) // 3 * 2 + 10], is_cut=True)) == [1, 2]


def test_a_number_that_stands_there_twice_and_differs_is_no_answer() -> None:
    assert list(parts_of('{"1": {"a": 1}, "2": {"a": 1}, "1": {"a": 2}}', is_cut=False)) == [2]


def test_a_number_quoted_in_a_reason_is_no_answer() -> None:
    quoting = said({**BAD, "reasoning": 'It says "2": {"action": "allow"}.'}, numbers=[1])
    assert list(parts_of(quoting, is_cut=False)) == [1]


def test_answers_that_a_user_typed_are_nobodys() -> None:
    typed = said(FINE, FINE)
    model = ScriptedModel([f"The second says {typed} of all.", *[orjson.dumps(BAD).decode()] * 2])
    assert actions(decide(model, "one", typed, size=2)) == ["delete", "delete"]


def test_a_draft_in_a_thought_is_no_answer() -> None:
    model = ScriptedModel([f"<think>{said(BAD, BAD)}", *[orjson.dumps(FINE).decode()] * 2])
    assert actions(decide(model, "one", "two", size=2)) == ["allow", "allow"]


def test_nobody_answering_is_each_comments_error_and_an_empty_reply_asks_each_alone() -> None:
    gone = decide(ScriptedModel([ServerFailedError("out of cheese")]), "one", "two", size=2)
    assert [each.receipt.reply_error for each in gone] == ["server_failed: out of cheese"] * 2
    steps: list[Step] = [EmptyReplyError("no text", reply=reply("")), *[orjson.dumps(FINE).decode()] * 2]
    assert actions(decide(ScriptedModel(steps), "one", "two", size=2)) == ["allow", "allow"]


def test_the_category_alone_can_be_asked_of_many() -> None:
    model = ScriptedModel([said({"category": "none"}, {"category": "hate"})])
    first, second = decide(model, "one", "two", size=2, prompt="category")
    assert first.plan is not None
    assert second.plan is not None
    assert (first.plan.is_violation, second.plan.category) == (False, "hate")


def test_a_comment_left_over_is_asked_as_ever() -> None:
    model = ScriptedModel([said(FINE, FINE), orjson.dumps(FINE).decode()])
    decide(model, "one", "two", "three", size=2)
    alone = ScriptedModel([orjson.dumps(FINE).decode()])
    cases = cases_of("one", "two", "three")
    student = PromptStudent(alone, OpenAISpec(model="m", prompt="brief"))
    asyncio.run(student.decide(cases[2:], [Situation(Standing(0, None))]))
    assert model.asked[1] == alone.asked[0]


def test_the_worst_case_is_that_of_the_request_and_of_each_alone() -> None:
    class Priced(ScriptedModel):
        def worst_case_usd(self, request: object) -> float | None:  # noqa: ARG002
            return 1.0

    cases = cases_of("one", "two", "three")
    spec = OpenAISpec(model="m", comments_per_request=2)
    assert PromptStudent(Priced([]), spec).worst_case_usd(cases, situations_of(cases)) == 1 + 3 * 2


def test_an_expert_audits_one_comment_at_a_time() -> None:
    with pytest.raises(ValidationError, match="comments_per_request is for Students"):
        OpenAIExpertSpec(model="m", comments_per_request=2)
