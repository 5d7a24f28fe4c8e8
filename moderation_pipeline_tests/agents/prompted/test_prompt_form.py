"""Forms of the prompt: which is taken for which model, what each asks, and what follows from a category alone."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import orjson
import pytest

from moderation_pipeline.agents.policy import policy
from moderation_pipeline.agents.prompted.category_reply import read_category
from moderation_pipeline.agents.prompted.prompt import Instructions, ShownOfCase, case_message
from moderation_pipeline.agents.prompted.prompt_form import SMALL_FORM, PromptForm, form_of, size_in_billions
from moderation_pipeline.agents.prompted.reply_parsing import UnreadableReplyError, read_reply
from moderation_pipeline.backends.language_model import TokenLogprob
from moderation_pipeline.config.model_specs import OpenAISpec
from moderation_pipeline.plan import Action, Category
from moderation_pipeline_tests.agents.prompted.test_prompt import case_of
from moderation_pipeline_tests.backends.chat_server import Behaviour, running
from moderation_pipeline_tests.backends.runs import config_with, run

FORMS = list(PromptForm)


@pytest.mark.parametrize(
    ("model", "billions"),
    [
        ("Qwen/Qwen2.5-0.5B-Instruct", 0.5),
        ("SmolLM2-135M-Instruct", 0.135),
        ("meta-llama/Llama-3.3-70B-Instruct-Turbo", 70.0),
        ("openai/gpt-oss-120b", 120.0),
        ("Qwen/Qwen3-235B-A22B-Instruct-2507", 235.0),
        ("gpt-6-luna", None),
        ("large", None),
    ],
)
def test_a_size_is_read_from_the_name(model: str, billions: float | None) -> None:
    assert size_in_billions(model) == billions


@pytest.mark.parametrize(
    ("model", "is_short", "why"),
    [
        ("Qwen2.5-0.5B-Instruct", True, "0.5 billion parameters are at most"),
        ("gpt-oss-120b", False, "120 billion parameters are more than"),
        ("my-model", False, "its name tells no size"),
    ],
)
def test_auto_says_which_form_was_taken_and_why(model: str, is_short: bool, why: str) -> None:
    chosen = form_of(OpenAISpec(model=model))

    assert chosen.form.is_short is is_short
    assert chosen.why is not None
    assert why in chosen.why


def test_a_form_that_the_config_names_needs_no_reason() -> None:
    assert form_of(OpenAISpec(model="my-model", prompt="brief")) == (PromptForm.BRIEF, None)


@pytest.mark.parametrize("form", FORMS)
def test_no_verdict_stands_in_the_part_that_never_changes(form: PromptForm) -> None:
    """A small model copied the one that stood there, word for word, for every comment."""
    text = Instructions("student", form=form).system.content

    for piece in text.split("{")[1:]:
        with pytest.raises(UnreadableReplyError):
            read_reply("{" + piece.split("}")[0] + "}", ())


@pytest.mark.parametrize("form", FORMS)
def test_whatever_is_shown_of_one_comment_is_not_in_the_fixed_part(form: PromptForm) -> None:
    instructions, shown = Instructions("student", form=form), ShownOfCase(form=form)
    messages = [case_message(case_of(text), shown).content for text in ("first line", "second line")]

    assert instructions.system == Instructions("student", form=form).system
    assert all(message not in instructions.system.content for message in messages)


def test_worked_examples_are_of_both_kinds_and_begin_with_another_one_for_another_comment() -> None:
    kinds = {example.category is Category.NONE for example in policy().examples}
    shown = ShownOfCase(form=PromptForm.CATEGORY_EXAMPLES)
    firsts = {case_message(case_of(f"line {i}"), shown).content.splitlines()[2] for i in range(40)}

    assert kinds == {True, False}
    assert len(firsts) > len(policy().examples) / 2
    assert case_message(case_of("x"), shown) == case_message(case_of("x"), shown)


@pytest.mark.parametrize(
    ("text", "category", "action"),
    [
        ('{"category": "none"}', Category.NONE, Action.ALLOW),
        ('{"category": "hate"}', Category.HATE, Action.TIMEOUT),
        ("spam", Category.SPAM, Action.DELETE),
        ('<think>{"category": "hate"}</think>{"category": "none"}', Category.NONE, Action.ALLOW),
        ('{"category": "self_harm"}', Category.SELF_HARM, Action.REPLY),
        ('{"category": "Hate speech"}', Category.HATE, Action.TIMEOUT),
    ],
)
def test_the_action_follows_from_the_category_in_code(text: str, category: Category, action: Action) -> None:
    plan = read_category(text).plan

    assert (plan.category, plan.action) == (category, action)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "no idea",
        *("ok", "null", "safe", "allow", "n/a"),
        '{"category": null}',
        '{"category": "hate"} {"category": "none"}',
        '{"category": "none", "action": "ban"}',
        '{"category": "hate", "action": "allow"}',
        '{"category": "none", "label": "hate"}',
        '{"\\u0063ategory": "hate", "category": "none"}',
        '<think>{"category": "hate"}',
    ],
)
def test_no_category_or_several_are_no_plan(text: str) -> None:
    with pytest.raises(UnreadableReplyError):
        read_category(text)


def test_an_unlikely_category_has_the_milder_action() -> None:
    pieces = [('{"category": "', 0.0), ("hate", math.log(0.6)), ('"}', 0.0)]

    read = read_category('{"category": "hate"}', [TokenLogprob(*piece) for piece in pieces])

    assert (read.plan.action, read.confidence_source) == (Action.DELETE, "logprobs")
    assert read.plan.confidence == pytest.approx(0.6)


def test_a_model_can_be_asked_for_a_category_alone(tmp_path: Path) -> None:
    def answer(body: dict[str, Any]) -> dict[str, Any]:
        return {"category": "spam" if "buy" in str(body["messages"][-1]["content"]) else "none"}

    with running(Behaviour(answer=answer)) as server:
        spec: dict[str, object] = {"backend": "openai", "model": "tiny-0.5B", "base_url": server.base_url}
        spec |= {"prompt": "category", "context_lines": 0}
        config = config_with(server.base_url, student=spec, expert="careful_rules")
        tables = run(tmp_path, config, ["buy now", "gg"]).tables
        asked = [body for body in server.bodies if body["model"] == "tiny-0.5B"][-1]

    assert tables.student_decisions["action"].to_list() == ["delete", "allow"]
    assert list(asked["response_format"]["json_schema"]["schema"]["properties"]) == ["category"]
    assert "standing" not in orjson.dumps(asked["messages"]).decode()


def test_a_run_says_in_which_form_a_model_is_asked_where_the_config_leaves_it_open(tmp_path: Path) -> None:
    with running() as server:
        spec = {"backend": "openai", "model": "tiny-0.5B", "base_url": server.base_url}
        notes = run(
            tmp_path, config_with(server.base_url, student=spec, expert="careful_rules"), ["gg"]
        ).notes

    assert any(f"'tiny-0.5B' is asked with `prompt: {SMALL_FORM}`" in note for note in notes)
