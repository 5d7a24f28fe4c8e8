"""OpenAI's chat protocol as data: bodies out, replies in, bad ones named."""

from __future__ import annotations

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from moderation_pipeline.backends.chat.chat_wire import Abilities, Structure, body_of, reply_of
from moderation_pipeline.backends.language_model import (
    BadReplyError,
    EmptyReplyError,
    GarbledReplyError,
    JsonValue,
    Message,
    OnlyThoughtsError,
    RefusedReplyError,
    ReplySchema,
    Request,
)

ASKED = Request(
    (Message("user", "hi"),),
    ReplySchema.of("verdict", {"type": "object"}),
    max_tokens=50,
    wants_logprobs=True,
)


def answer(message: JsonValue, **more: JsonValue) -> bytes:
    return orjson.dumps({"model": "tiny-0613", "choices": [{"message": message, **more}]})


def test_a_schema_is_asked_for_in_the_way_the_endpoint_obeys() -> None:
    schema, tool, plain = (body_of(ASKED, "m", Abilities(structure)) for structure in Structure)

    assert "response_format" in schema
    assert tool["tool_choice"] == {"type": "function", "function": {"name": "verdict"}}
    assert not {"response_format", "tools", "tool_choice"} & plain.keys()


def test_parameters_that_the_endpoint_doesn_t_take_are_not_sent() -> None:
    able = Abilities(has_logprobs=False, takes_temperature=False, length_parameter="max_completion_tokens")
    body = body_of(ASKED, "m", able)

    assert body["max_completion_tokens"] == 50
    assert not {"logprobs", "temperature", "max_tokens"} & body.keys()


def test_a_reply_is_read_with_its_model_tokens_and_reason_to_stop() -> None:
    content = orjson.loads(answer({"content": "fine"}, finish_reason="stop"))
    content["usage"] = {
        "prompt_tokens": 12,
        "completion_tokens": 3,
        "prompt_tokens_details": {"cached_tokens": 8},
    }
    reply = reply_of(orjson.dumps(content), "tiny")

    assert (reply.text, reply.model, reply.finish_reason) == ("fine", "tiny-0613", "stop")
    assert (reply.prompt_tokens, reply.completion_tokens, reply.cached_prompt_tokens) == (12, 3, 8)


@pytest.mark.parametrize(
    "logprobs",
    [
        {"content": [{"token": "fi", "logprob": -0.1}, {"token": "ne", "logprob": -0.2}]},
        {"tokens": ["fi", "ne"], "token_logprobs": [-0.1, -0.2]},
    ],
    ids=["openai", "together"],
)
def test_both_shapes_of_log_probabilities_are_read(logprobs: JsonValue) -> None:
    reply = reply_of(answer({"content": "fine"}, logprobs=logprobs), "tiny")

    assert reply.logprobs == (("fi", -0.1), ("ne", -0.2))


@pytest.mark.parametrize(
    "logprobs",
    [
        None,
        {},
        {"content": None},
        {"content": []},
        [],
        "odd",
        {"tokens": [1]},
        {"content": [{"token": "fine", "logprob": 0.98}]},
    ],
)
def test_log_probabilities_that_aren_t_there_are_none(logprobs: JsonValue) -> None:
    assert reply_of(answer({"content": "fine"}, logprobs=logprobs), "tiny").logprobs is None


@pytest.mark.parametrize(
    "message",
    [
        {"content": None, "tool_calls": [{"function": {"name": "verdict", "arguments": '{"a": 1}'}}]},
        {"content": "", "tool_calls": [{"function": {"name": "verdict", "arguments": {"a": 1}}}]},
        {"content": '{"a": 1}', "tool_calls": [{"function": {"name": "verdict", "arguments": None}}]},
        {"content": None, "function_call": {"name": "verdict", "arguments": '{"a": 1}'}},
        {"content": {"a": 1}},
        {"content": ['{"a":', " 1}"]},
        {"content": '{"a": 1}'},
        {"content": [{"type": "text", "text": '{"a": 1}'}]},
        {"content": [{"type": "reasoning", "text": '{"a": 2}'}, {"type": "text", "text": '{"a": 1}'}]},
        {"content": [{"type": "thought", "text": '{"a": 2}'}, {"type": "output_text", "text": '{"a": 1}'}]},
        {"content": '{"a": 1}', "reasoning_content": '{"a": 2}', "reasoning": '{"a": 2}'},
    ],
)
def test_the_text_is_found_where_servers_put_it(message: JsonValue) -> None:
    assert orjson.loads(reply_of(answer(message), "tiny").text) == {"a": 1}


def test_of_two_calls_of_the_tool_none_is_taken_for_the_answer_alone() -> None:
    called: list[JsonValue] = [
        {"function": {"name": "verdict", "arguments": said}} for said in ('{"a": 1}', '{"a": 2}')
    ]

    assert reply_of(answer({"content": None, "tool_calls": called}), "tiny").text == '{"a": 1}\n{"a": 2}'


@pytest.mark.parametrize(
    ("sent", "read"),
    [
        (rb"cut \ud83d", "cut \ufffd"),
        (rb"\udfffcut", "\ufffdcut"),
        (rb"\ud83d\ud83d\ude00", "\ufffd\U0001f600"),
        (rb"\\ud83d \ud83d", r"\ud83d" + " \ufffd"),
        (b"cut \xf0\x9f", "cut \ufffd"),
    ],
)
def test_half_a_character_is_no_reason_to_lose_a_reply(sent: bytes, read: str) -> None:
    text = reply_of(answer({"content": "fine"}).replace(b"fine", sent), "tiny").text

    assert text == read
    assert text.encode()


@pytest.mark.parametrize(
    ("content", "error"),
    [
        (b"", GarbledReplyError),
        (b"upstream says hi", GarbledReplyError),
        (answer({"content": None, "tool_calls": [{"function": {"name": "verdict"}}]}), EmptyReplyError),
        (answer({"content": [{"type": "refusal", "refusal": "I can't."}]}), RefusedReplyError),
        (answer({"content": "half"}, finish_reason="SAFETY"), RefusedReplyError),
        (answer({"content": ""}, finish_reason="MAX_TOKENS"), OnlyThoughtsError),
        (b'data: {"choices": [{"delta": {"content": "{"}}]}\n\n', GarbledReplyError),
        (b"[1, 2]", GarbledReplyError),
        (b'{"error": "so"}', GarbledReplyError),
        (b'{"choices": []}', EmptyReplyError),
        (b'{"choices": ["odd"]}', EmptyReplyError),
        (answer({"content": ""}), EmptyReplyError),
        (answer({"content": "   "}), EmptyReplyError),
        (answer({"content": None, "reasoning_content": '{"a": 2}'}), EmptyReplyError),
        (answer({"content": "", "reasoning_content": '{"a": 2}'}, finish_reason="length"), OnlyThoughtsError),
        (answer({"content": None, "refusal": "I can't."}), RefusedReplyError),
        (answer({"content": "half"}, finish_reason="content_filter"), RefusedReplyError),
    ],
)
def test_an_answer_that_is_no_reply_is_named(content: bytes, error: type[BadReplyError]) -> None:
    with pytest.raises(error):
        reply_of(content, "tiny")


@pytest.mark.parametrize(
    ("usage", "taken"),
    [
        ({"prompt_tokens": 12, "completion_tokens": 3, "total_tokens": 15}, (12, 3, 0)),
        ({"prompt_tokens": 12.0, "completion_tokens": 3.0}, (12, 3, 0)),
        ({"input_tokens": 12, "output_tokens": 3, "input_tokens_details": {"cached_tokens": 8}}, (12, 3, 8)),
        ({"prompt_tokens": 12, "completion_tokens": 3, "prompt_cache_hit_tokens": 8}, (12, 3, 8)),
        # xAI and Gemini bill what was thought, and tell of it in the total alone.
        ({"prompt_tokens": 12, "completion_tokens": 3, "total_tokens": 115}, (12, 103, 0)),
        ({"prompt_tokens": 0, "completion_tokens": 0, "total_tokens": 0}, (None, None, 0)),
        ({"prompt_tokens": 12, "completion_tokens": 0}, (None, None, 0)),
        ({"prompt_tokens": 10**12, "completion_tokens": 3}, (None, None, 0)),
        ({"prompt_tokens": "12", "completion_tokens": -3}, (None, None, 0)),
    ],
)
def test_tokens_are_counted_as_they_are_billed_and_not_at_all_where_it_can_t_be_so(
    usage: JsonValue, taken: tuple[int | None, int | None, int]
) -> None:
    content = {**orjson.loads(answer({"content": "fine"})), "usage": usage}
    reply = reply_of(orjson.dumps(content), "tiny")

    assert (reply.prompt_tokens, reply.completion_tokens, reply.cached_prompt_tokens) == taken


def test_a_probability_that_is_no_number_is_none() -> None:
    content = answer({"content": "fine"}, logprobs={"content": [{"token": "fine", "logprob": 7.5}]})
    for written in (b"NaN", b"-Infinity"):
        assert reply_of(content.replace(b"7.5", written), "tiny").logprobs is None


def test_a_bad_reply_keeps_what_it_cost() -> None:
    content = b'{"choices": [], "usage": {"prompt_tokens": 9, "completion_tokens": 0}}'
    with pytest.raises(EmptyReplyError) as raised:
        reply_of(content, "tiny")

    assert raised.value.reply is not None
    assert raised.value.reply.prompt_tokens == 9


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 9) | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["choices", "message", "content", "logprobs", "usage", "tool_calls", "function"]),
            inner,
            max_size=4,
        )
    ),
    max_leaves=20,
)


@given(JSON)
def test_whatever_a_server_sends_is_a_reply_or_a_bad_one(value: JsonValue) -> None:
    try:
        reply_of(orjson.dumps(value), "tiny")
    except BadReplyError:
        return


@given(st.lists(JSON, max_size=4))
def test_whatever_a_server_streams_is_a_reply_or_a_bad_one(pieces: list[JsonValue]) -> None:
    lines = [b"data: " + orjson.dumps(piece) for piece in pieces]
    try:
        reply_of(b": a stream\n\n" + b"\n\n".join(lines), "tiny")
    except BadReplyError:
        return
