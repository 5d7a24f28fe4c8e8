"""The words that models use for our own: synonyms of keys, actions and categories, as data.

Each use of one is counted (`reply_mended`). How replies are read is `reply_parsing.py`'s.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeVar

from moderation_pipeline.plan import Action, Category

T = TypeVar("T")


def _by_synonym(words: Mapping[T, str]) -> dict[str, T]:
    return {synonym: own for own, synonyms in words.items() for synonym in synonyms.split()}


KEYS: dict[str, str] = _by_synonym(
    {
        "action": "decision verdict moderation_action recommended_action",
        "category": "label violation_type violation_category",
        "duration_s": "duration duration_seconds timeout_s",
        "confidence": "certainty confidence_score probability",
        "reasoning": "reason explanation rationale justification",
        "reply_text": "reply message response",
        "rule": "rule_id rule_cited",
    }
)

ACTIONS: dict[str, Action] = _by_synonym(
    {
        Action.ALLOW: "allowed approve approved permit keep ignore pass no_action none",
        Action.REPLY: "respond answer support replied",
        Action.WARN: "warning warned caution",
        Action.DELETE: "deleted remove removed hide block delete_message",
        Action.TIMEOUT: "time_out mute muted silence suspend timed_out",
        Action.BAN: "banned permaban permanent_ban ban_user",
    }
)

CATEGORIES: dict[str, Category] = _by_synonym(
    {
        Category.HARASSMENT: "insult insults toxicity toxic bullying abuse harassing",
        Category.HATE: "hate_speech hateful slur racism discrimination",
        Category.THREAT: "threats violence violent threatening",
        Category.SEXUAL: "sexual_content nsfw explicit sexual_harassment",
        Category.SPAM: "advertising self_promotion scam flood spamming",
        Category.SELF_HARM: "suicide selfharm",
        Category.PERSONAL_INFORMATION: "pii doxxing doxing privacy personal_info personal_data",
        Category.OTHER: "evasion impersonation manipulation",
        Category.NONE: "null no_violation allowed safe clean ok n/a neutral allow",
    }
)

CONFIDENCES: dict[str, float] = {"very_high": 0.95, "high": 0.85, "medium": 0.6, "moderate": 0.6, "low": 0.35}
