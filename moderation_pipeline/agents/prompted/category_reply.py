"""Reading a reply that names a category alone: which action follows is decided in code, as for decision models.

How a whole plan is read is `reply_parsing.py`'s.
"""

from __future__ import annotations

from collections.abc import Sequence

from moderation_pipeline.agents.keyless.evidence import CARING_REPLY, RULES, STEPS, action_for
from moderation_pipeline.agents.prompted.reply_parsing import (
    OWN_CATEGORIES,
    CutOffReplyError,
    ReadReply,
    UnreadableReplyError,
    action_of,
    answer_in,
    category_of,
    check_agreement,
    plain_word,
    the_answer,
    value_probability,
)
from moderation_pipeline.backends.language_model import TokenLogprob
from moderation_pipeline.plan import Action, Category, Plan

QUOTES = ".\"'`*"
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
    category = _category(answer_in(text, mended, is_cut=is_cut), mended, is_cut=is_cut)
    likelihood = value_probability(text, logprobs, "category")
    confidence, source = (UNSAID, "missing") if likelihood is None else (likelihood, "logprobs")
    return ReadReply(_plan(category, likelihood, confidence), tuple(dict.fromkeys(mended)), source)


def _category(answer: str, mended: list[str], *, is_cut: bool) -> Category:
    if "{" not in answer:
        return _alone(answer, is_cut=is_cut)
    fields = the_answer(answer, "category", mended, is_cut=is_cut)
    category = category_of(fields, mended)
    if fields.get("action"):
        check_agreement(action_of(fields, mended), category)
    return category


def _alone(word: str, *, is_cut: bool) -> Category:
    """Return the category of a reply that is a word. A synonym ("ok", "null") may be no answer to what was asked."""
    plain = plain_word(word.strip().strip(QUOTES))
    if is_cut:
        raise CutOffReplyError("it was cut off before an answer")
    if plain not in OWN_CATEGORIES:
        raise UnreadableReplyError(f"category is {plain[:60]!r}, not one of {', '.join(Category)}")
    return OWN_CATEGORIES[plain]


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
