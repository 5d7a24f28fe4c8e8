"""What becomes of a model's replies: a verdict, or none and the reason, counted by its kind."""

from __future__ import annotations

import asyncio

import orjson

from moderation_pipeline.agents.prompted.prompt import Instructions
from moderation_pipeline.agents.prompted.prompt_judge import PromptJudge
from moderation_pipeline.backends.chat.chat_wire import reply_of
from moderation_pipeline.backends.language_model import Message, Reply
from moderation_pipeline.cases.verdict import Verdict
from moderation_pipeline.config.model_specs import OpenAISpec
from moderation_pipeline.plan import Action
from moderation_pipeline_tests.backends.scripted_model import ScriptedModel

DRAFT = (
    '<think>\nPerhaps a joke. A draft: {"action": "ban", "category": "hate", "confidence": 1.0} but I should'
)
ALLOW = '{"action": "allow", "category": "none", "confidence": 0.9}'


def served(content: str, finish_reason: str) -> Reply:
    choice = {"finish_reason": finish_reason, "message": {"role": "assistant", "content": content}}
    usage = {"prompt_tokens": 100, "completion_tokens": 40}
    return reply_of(orjson.dumps({"model": "m", "choices": [choice], "usage": usage}), "m")


def verdict_on(*replies: Reply) -> Verdict:
    judge = PromptJudge(
        ScriptedModel(replies), Instructions("student"), OpenAISpec(backend="openai", model="m")
    )
    (verdict,) = asyncio.run(judge.judge([Message("user", "a comment")]))
    return verdict


def test_a_reply_cut_off_in_its_thoughts_decides_nothing_and_says_so() -> None:
    verdict = verdict_on(served(DRAFT, "length"), served(DRAFT, "length"))

    assert verdict.plan is None
    assert verdict.receipt.reply_error is not None
    assert verdict.receipt.reply_error.startswith("cut_off: ")
    assert verdict.receipt.completion_tokens == 80


def test_a_model_that_was_cut_off_is_asked_once_more() -> None:
    verdict = verdict_on(served(DRAFT, "length"), served(f"{DRAFT}</think>{ALLOW}", "stop"))

    assert verdict.plan is not None
    assert verdict.plan.action is Action.ALLOW
    assert verdict.receipt.reply_mended == ("repaired", "thoughts")
