"""What an endpoint can do, found out once by asking it: schema, tools, log-probabilities, parameters.

An endpoint may refuse a parameter (an answer), or accept and ignore it, which is worse: so it is asked for a
word that stands in the schema only. Who gives that word obeyed the schema, also where the reply is cut at its
limit before it ends: small models write and write where a text is asked for; and who was cut off in a thought has
not answered yet. A failure may be chance, so that what only failed is asked for once more at the end. What was found is
kept by `backends/stores/`; the calls themselves are the endpoint's (`chat_endpoint.py`).
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace

import orjson

from moderation_pipeline.backends.chat.chat_wire import Abilities, Structure
from moderation_pipeline.backends.language_model import (
    CUT,
    BadReplyError,
    Message,
    RejectedRequestError,
    Reply,
    ReplySchema,
    Request,
    ServerFailedError,
)
from moderation_pipeline.text.thoughts import UnclosedThoughtError, without_thoughts

HIDDEN_WORD = "tangerine-47"

PROBE = Request(
    messages=(Message("user", "Say hello."),),
    # Every kind of part that our own schemas have, so that an endpoint that lacks one shows it now.
    schema=ReplySchema.of(
        "answer",
        {
            "type": "object",
            "properties": {
                "word": {"type": "string", "enum": [HIDDEN_WORD]},
                "note": {"type": ["string", "null"]},
                "count": {"type": ["integer", "null"]},
                "share": {"type": "number"},
            },
            "required": ["word", "note", "count", "share"],
            "additionalProperties": False,
        },
    ),
    max_tokens=48,  # a small model on a CPU writes every one of them, where it ignores the schema
    wants_logprobs=True,
)

WORD_GIVEN = re.compile(rf'\s*\{{\s*"word"\s*:\s*"{HIDDEN_WORD}"')
"""How a reply begins that gives the word. It comes first in the schema, so that no cut can take it away."""

PLAIN_PROBE = Request(
    messages=PROBE.messages, max_tokens=PROBE.max_tokens, wants_logprobs=True, top_logprobs=1
)
"""Asked where a reply that kept to a structure came without log-probabilities: some servers give none with a structure,
and llama-cpp-python's none unless it is asked for the likeliest tokens too. Both are what `chat_decisions` asks for."""

PROBE_VERSION = 4
"""Raised where the same endpoint may be found to do more than before: what an older probe found is found out anew."""

CAN_NOT = (500, 501)
"""What some servers answer to a kind of structure that they don't know (llama-cpp-python's to a JSON schema): asked
for it twice, it is taken for a no."""

THINKING_TOKENS = 1_024
"""What a model gets that had thought, and written nothing, when it was cut off at the probe's own limit."""

MOST_CALLS = 10
"""Each call rules something out, and there are fewer things to rule out than this."""

Ask = Callable[[Request, Abilities], Awaitable[Reply]]


@dataclass(frozen=True, slots=True)
class FoundAbilities:
    """What an endpoint can do, and the replies it took to find out (they cost something)."""

    abilities: Abilities
    replies: tuple[Reply, ...]


async def find_out(ask: Ask) -> FoundAbilities:
    """Ask the endpoint until it is known what it can do.

    Raises:
        RejectedRequestError: it refuses even a plain question.
        LanguageModelError: it can't be asked (transport, key, model).
    """
    tried, probe = Abilities(), PROBE
    replies: list[Reply] = []
    bad_replies = failures = 0
    failed: Abilities | None = None
    for _ in range(MOST_CALLS):
        try:
            reply = await ask(probe, tried)
        except RejectedRequestError as rejection:
            tried = _without(tried, rejection)
            continue
        except BadReplyError as error:
            replies += [error.reply] if error.reply is not None else []
            if probe is PROBE and _was_cut(error):
                probe = replace(PROBE, max_tokens=THINKING_TOKENS)
                continue
            bad_replies += 1
            if bad_replies % 2 == 0:  # once may be chance
                failed = failed or tried
                tried = _plainer(tried)
            continue
        except ServerFailedError as error:
            if error.status not in CAN_NOT or tried.structure is Structure.PLAIN:
                raise
            failures += 1
            if failures % 2 == 0:
                failed = failed or tried
                tried = _plainer(tried)
            continue
        replies.append(reply)
        if probe is PROBE and _was_cut_thinking(reply):
            probe = replace(PROBE, max_tokens=THINKING_TOKENS)
            continue
        if failed is not None and (second := await _second_look(ask, probe, failed)) is not None:
            replies.append(second)
            reply, tried = second, failed
        if tried.structure is Structure.PLAIN or _obeyed(reply):
            return await _found(ask, tried, replies)
        tried = _plainer(tried)
    return FoundAbilities(replace(tried, structure=Structure.PLAIN, has_logprobs=False), tuple(replies))


async def _found(ask: Ask, tried: Abilities, replies: list[Reply]) -> FoundAbilities:
    """Return what was tried, which is so, and whether there are log-probabilities, if need be with plain text."""
    if replies[-1].logprobs is None and tried.has_logprobs and tried.structure is not Structure.PLAIN:
        replies += await _plain_replies(ask, tried)
    has_logprobs = replies[-1].logprobs is not None
    return FoundAbilities(replace(tried, has_logprobs=has_logprobs), tuple(replies))


async def _second_look(ask: Ask, probe: Request, failed: Abilities) -> Reply | None:
    """Return the reply that obeys, of an endpoint that had only failed: a server may have been starting, or busy."""
    try:
        reply = await ask(probe, failed)
    except (RejectedRequestError, BadReplyError, ServerFailedError):
        return None
    return reply if _obeyed(reply) else None


async def _plain_replies(ask: Ask, tried: Abilities) -> list[Reply]:
    """Return the reply to a plain question; none where it can't be read."""
    try:
        return [await ask(PLAIN_PROBE, tried)]
    except (RejectedRequestError, BadReplyError):
        return []


def _was_cut(error: BadReplyError) -> bool:
    return error.reply is not None and error.reply.finish_reason == CUT


def _was_cut_thinking(reply: Reply) -> bool:
    return reply.was_cut(PROBE.max_tokens) and _without_thoughts(reply.text) is None


def _without_thoughts(text: str) -> str | None:
    """Return the text without what was only thought in it; null where nothing else is."""
    try:
        return without_thoughts(text, (), lambda rest: WORD_GIVEN.match(rest) is not None)
    except UnclosedThoughtError:
        return None


def _obeyed(reply: Reply) -> bool:
    text = _without_thoughts(reply.text) or ""
    try:
        answer = orjson.loads(text)
    except orjson.JSONDecodeError:
        return WORD_GIVEN.match(text) is not None
    return isinstance(answer, dict) and answer.get("word") == HIDDEN_WORD


def _without(tried: Abilities, rejection: RejectedRequestError) -> Abilities:
    """Leave out what the server named; where it named nothing, the likeliest to be unknown to it first."""
    named = (rejection.parameter or "").split(".")[0]
    if named == "temperature" and tried.takes_temperature:
        return replace(tried, takes_temperature=False)
    if named in ("max_tokens", "max_completion_tokens") and tried.length_parameter == "max_tokens":
        return replace(tried, length_parameter="max_completion_tokens")
    if named in ("logprobs", "top_logprobs") and tried.has_logprobs:
        return replace(tried, has_logprobs=False)
    if tried.structure is not Structure.PLAIN:
        return _plainer(tried)
    if tried.has_logprobs:
        return replace(tried, has_logprobs=False)
    if tried.length_parameter == "max_tokens":
        return replace(tried, length_parameter="max_completion_tokens")
    if tried.takes_temperature:
        return replace(tried, takes_temperature=False)
    raise rejection


def _plainer(tried: Abilities) -> Abilities:
    order = list(Structure)
    return replace(tried, structure=order[min(order.index(tried.structure) + 1, len(order) - 1)])
