"""Local models through the real transformers code, with a tiny model made on the spot."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from moderation_pipeline.backends.keys import UnusableBackendError
from moderation_pipeline.backends.language_model import Message, Reply, ReplySchema, Request, TooLongError
from moderation_pipeline.backends.local.hf import HfModel
from moderation_pipeline_tests.backends.small_models import needs_local, tiny

pytestmark = pytest.mark.local

RULES = Message("system", "You moderate a live chat. Be brief and fair, and answer with JSON. " * 5)
ANY = ReplySchema.of("any", {"type": "object"})


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny(tmp_path_factory.mktemp("tiny"))


def requests(count: int, *, schema: ReplySchema | None = None) -> list[Request]:
    return [
        Request(
            (RULES, Message("user", f"comment {'so ' * i}{i}")), schema, max_tokens=12, wants_logprobs=True
        )
        for i in range(count)
    ]


def ask(model: HfModel, asked: list[Request]) -> list[Reply | BaseException]:
    async def all_at_once() -> list[Reply | BaseException]:
        try:
            return await asyncio.gather(
                *(model.complete(request) for request in asked), return_exceptions=True
            )
        finally:
            await model.aclose()

    return asyncio.run(all_at_once())


def texts(replies: list[Reply | BaseException]) -> list[str]:
    return [reply.text for reply in replies if isinstance(reply, Reply)]


def test_calls_made_at_once_are_answered_in_order_whatever_the_batches(folder: Path) -> None:
    alone = texts(ask(HfModel(str(folder), device="cpu", batch_size=1), requests(7)))
    together = texts(ask(HfModel(str(folder), device="cpu", batch_size=4), requests(7)))

    assert len(alone) == 7
    assert alone == together


def test_keeping_the_beginning_of_prompts_changes_no_word(folder: Path) -> None:
    needs_local()
    from moderation_pipeline.backends.local.hf_generation import Generator

    written = [
        Generator(str(folder), "cpu", keeps_beginning=keeps).write(requests(5)) for keeps in (True, False)
    ]

    assert [each.text for each in written[0]] == [each.text for each in written[1]]  # type: ignore[union-attr]


def test_a_reply_s_tokens_are_counted_and_their_likelihood_noted(folder: Path) -> None:
    (reply,) = ask(HfModel(str(folder), device="cpu"), requests(1))

    assert isinstance(reply, Reply)
    assert reply.prompt_tokens is not None
    assert reply.prompt_tokens > 50
    assert reply.completion_tokens == 12
    assert reply.finish_reason == "length"
    assert reply.logprobs is not None
    assert len(reply.logprobs) == 12
    assert all(logprob < 0 for _, logprob in reply.logprobs)


def test_a_reply_that_must_be_json_begins_with_a_brace(folder: Path) -> None:
    replies = texts(ask(HfModel(str(folder), device="cpu"), requests(2, schema=ANY)))

    assert all(text.startswith("{") for text in replies)


def test_a_json_reply_ends_where_its_brace_is_closed(folder: Path) -> None:
    needs_local()
    from moderation_pipeline.backends.local.hf_generation import BraceScanner

    scanner = BraceScanner()
    pieces = ['"a": "not } here", ', '"b": {"c": "\\"}"}', "}", "} and prose"]

    assert [scanner.closes(piece) for piece in pieces[:3]] == [False, False, True]
    assert folder.exists()


def test_a_prompt_that_is_too_long_is_that_call_s_error_alone(tmp_path: Path) -> None:
    small = tiny(tmp_path, context_tokens=300)
    long = Request((Message("user", "word " * 500),), max_tokens=12)
    short = Request((Message("user", "word"),), max_tokens=12)
    replies = ask(HfModel(str(small), device="cpu"), [long, short])

    assert isinstance(replies[0], TooLongError)
    assert isinstance(replies[1], Reply)


def test_a_model_without_a_chat_template_is_given_plain_text(tmp_path: Path) -> None:
    plain = tiny(tmp_path, has_template=False)
    (reply,) = ask(HfModel(str(plain), device="cpu"), requests(1))

    assert isinstance(reply, Reply)
    assert reply.text


def test_weights_that_are_not_there_are_an_error_that_says_so(tmp_path: Path) -> None:
    needs_local()
    with pytest.raises(UnusableBackendError, match="can't be loaded"):
        HfModel(str(tmp_path / "nowhere"), device="cpu")
