"""Plans that contradict themselves, or repeat what the model was shown: never acted on as they stand.

A reply can be read and still mean nothing: the rule that allows beside a ban, the
prompt's own words said to a user, an example's words given as the reason. What such a plan is worth is decided here
(asked once more, or mended and counted); how a reply is read at all is `reply_parsing.py`'s.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from functools import lru_cache

from moderation_pipeline.agents.keyless.evidence import CARING_REPLY, RULES
from moderation_pipeline.agents.prompted.reply_parsing import (
    ReadReply,
    UnreadableReplyError,
    braced,
    is_nothing_but_answer,
)
from moderation_pipeline.backends.language_model import Message
from moderation_pipeline.plan import Action, Category, Plan
from moderation_pipeline.text.patterns import PATTERNS

ALLOWED_RULE = RULES[Category.NONE]

RULE_OF = {rule: category for category, rule in RULES.items()}

QUOTED_WORDS = 4
"""From so many words on, what stands in the prompt word for word is a quotation: shorter ones may be chance."""

COMMAND = re.compile(r"^[\W_]*?(?:[!/]|\.(?=\w))", re.MULTILINE)
"""What a bot, or the chat itself, would take a reply for an order by, at the beginning of any of its lines."""

LEADS_SOMEWHERE = re.compile("|".join(PATTERNS[kind] for kind in ("links", "emails", "phones")))
"""What of a chat is said to nobody, in whatever words: a bot that repeats a link advertises it."""


def check_unquoted(answer: str, shown: Sequence[Message]) -> None:
    """Raise where JSON that a user typed stands amid prose in a reply without its thoughts: it is quoted, no answer.

    Where JSON is all there is, it is the answer, whoever typed the same.
    """
    if not is_nothing_but_answer(answer) and any(_is_typed(piece, shown[1:]) for piece in braced(answer)):
        raise UnreadableReplyError("the JSON object in it is quoted from the chat")


def sound(read: ReadReply, shown: Sequence[Message]) -> ReadReply:
    """Return the reply where its plan means one thing, without words in it that are not the model's own.

    Raises:
        UnreadableReplyError: action and rule contradict each other, or it has nothing to say.
    """
    plan, mended = read.plan, list(read.mended)
    if plan.rule == ALLOWED_RULE and plan.action is not Action.ALLOW:
        raise UnreadableReplyError(f"the rule {plan.rule} allows, and the action is {plan.action.value}")
    if RULE_OF.get(plan.rule or "", plan.category) is not plan.category:
        mended.append("contradicts:rule")  # the category decides; a user is told the rule that goes with it
        plan = replace(plan, rule=RULES[plan.category])
    if plan.reasoning and _is_quoted(plan.reasoning, shown[:1]):
        if plan.action is not Action.ALLOW:
            raise UnreadableReplyError(
                "its reasoning is copied from these instructions, so it judges nothing"
            )
        mended.append("copies:reasoning")
    if plan.reply_text is not None and (why := _why_not_said(plan.reply_text, shown)):
        mended.append(f"{why}:reply_text")
        plan = replace(plan, reply_text=None)
    if plan.action is Action.REPLY and plan.reply_text is None:
        plan = _with_something_to_say(plan, mended)
    return replace(read, plan=plan, mended=tuple(dict.fromkeys(mended)))


def _with_something_to_say(plan: Plan, mended: list[str]) -> Plan:
    if plan.category is not Category.SELF_HARM:
        raise UnreadableReplyError("the action is reply, and there is no reply_text of its own to say")
    mended.append("missing:reply_text")
    return replace(plan, reply_text=CARING_REPLY)


def _why_not_said(text: str, shown: Sequence[Message]) -> str | None:
    """Return why a text is not said to a user; null where it may be."""
    if COMMAND.search(text):
        return "command"
    if _is_quoted(text, shown):
        return "quotes"
    typed = "\n".join(message.content for message in shown[1:]).lower()
    leads = (found[0].strip(" .,:;!?()\"'") for found in LEADS_SOMEWHERE.finditer(text.lower()))
    return "carries" if any(lead in typed for lead in leads) else None


def _is_typed(piece: str, shown: Sequence[Message]) -> bool:
    """Whether a piece of JSON stands in what was typed, however spaced, with its quotation marks escaped or others."""
    said = _unspaced(piece)
    return '":' in said and any(said in _unspaced(message.content) for message in shown)


@lru_cache(maxsize=64)
def _unspaced(text: str) -> str:
    return "".join(text.replace("\\", "").replace("'", '"').split())


def _is_quoted(text: str, shown: Sequence[Message]) -> bool:
    words = _plain(text)
    if len(words.split()) < QUOTED_WORDS:
        return False
    return any(words in _plain(message.content) for message in shown)


@lru_cache(maxsize=64)  # the rules stand before every comment
def _plain(text: str) -> str:
    return " ".join(text.lower().replace('"', "").replace("`", "").strip(" .").split())
