"""Reading a reply that names a category alone: which action follows is decided in code, as for decision models.

How a whole plan is read is `reply_parsing.py`'s.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from moderation_pipeline.agents.keyless.evidence import CARING_REPLY, RULES, STEPS, action_for
from moderation_pipeline.agents.prompted.reply_parsing import (
    OWN_ACTIONS,
    OWN_CATEGORIES,
    ReadReply,
    UnreadableReplyError,
    answer_in,
    value_probability,
)
from moderation_pipeline.agents.prompted.reply_words import ACTIONS, CATEGORIES
from moderation_pipeline.backends.language_model import TokenLogprob
from moderation_pipeline.plan import Action, Category, Plan

NAMED = re.compile(r'"category"\s*:\s*"([^"]*)"')
ACTED = re.compile(r'"action"\s*:\s*"([^"]*)"')
HARMLESS = "It breaks no rule."
"""The reason of every plan for the category none: it is ours, and no model's."""

UNSAID = 0.5
"""The confidence where the server gives no log-probabilities."""


def read_category(
    text: str, logprobs: Sequence[TokenLogprob] | None = None, *, is_cut: bool = False
) -> ReadReply:
    """Return the plan that follows from the category in the reply. `is_cut`: it ended at its most tokens.

    Raises:
        UnreadableReplyError: it names none, an unknown one, or several.
        CutOffReplyError: it ended before its answer did.
    """
    mended: list[str] = []
    category = _category(answer_in(text, mended, is_cut=is_cut), mended)
    likelihood = value_probability(text, logprobs, "category")
    confidence, source = (UNSAID, "missing") if likelihood is None else (likelihood, "logprobs")
    return ReadReply(_plan(category, likelihood, confidence), tuple(mended), source)


def _category(text: str, mended: list[str]) -> Category:
    named = set(NAMED.findall(text))
    plain = {_plain(name) for name in named or {text}}
    if len(plain) != 1:
        raise UnreadableReplyError(f"it names {len(plain)} categories, not one")
    (word,) = plain
    category = OWN_CATEGORIES.get(word)
    # Alone, a synonym ("ok", "null") may be no answer to what was asked: only the words that were offered are one.
    if category is None and named and word in CATEGORIES:
        mended.append("synonym:category")
        category = CATEGORIES[word]
    if category is None:
        raise UnreadableReplyError(f"category is {word[:60]!r}, not one of {', '.join(Category)}")
    actions = {_plain(action) for action in ACTED.findall(text)}
    acted = sorted(
        action for action in actions if OWN_ACTIONS.get(action, ACTIONS.get(action)) is not Action.ALLOW
    )
    if category is Category.NONE and acted:
        raise UnreadableReplyError(f"the action {acted[0][:20]} doesn't go with the category none")
    return category


def _plain(word: str) -> str:
    return re.sub(r"[\s-]+", "_", word.strip().strip(".\"'`{}").lower())


def _plan(category: Category, likelihood: float | None, confidence: float) -> Plan:
    """Return the category's plain action; a milder or graver one only where a probability says how plain it is."""
    if category is Category.NONE:
        return Plan(Action.ALLOW, category, confidence, HARMLESS, rule=RULES[category])
    plain = STEPS[category][1]
    action = plain if likelihood is None else action_for(category, likelihood)
    reply = CARING_REPLY if action is Action.REPLY else None
    return Plan(
        action, category, confidence, f"It breaks {RULES[category]} ({category}).", reply, RULES[category]
    )
