"""Does a comment address the moderator, or argue for its own verdict? Whoever does is audited (law 6).

Sentence by sentence: a whole text of chat with one such sentence in it looks harmless on average. The patterns
are made to find too much rather than too little, for a mark costs one audit and nothing else; people who talk
to a channel's human moderators are not meant. They run over whole columns in Polars' linear-time regex engine,
which no hostile text can slow down. They are data, `addressing.yaml`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cache, lru_cache
from importlib import resources

import polars as pl
import yaml


@cache
def _patterns() -> tuple[str, ...]:
    """Return the patterns, in the dialect that Python and Rust share."""
    text = (resources.files("moderation_pipeline.text") / "addressing.yaml").read_text(encoding="utf-8")
    content = yaml.safe_load(text)
    return tuple(_filled(pattern, content["words"]) for pattern in content["patterns"])


def _filled(pattern: str, words: Mapping[str, str]) -> str:
    for name, expression in words.items():
        pattern = pattern.replace(f"<{name}>", expression)
    return pattern.replace(r"\w", "[a-z0-9_à-ÿ]")


TOGETHER = 8
"""Patterns that are looked for at a time: 2 µs a text, where all in one take 12 and one after another 7."""


@cache
def _for_columns() -> tuple[str, ...]:
    """Return the patterns for Rust's engine: ASCII borders keep it on its fast path where a text is not ASCII."""
    patterns = [pattern.replace(r"\b", r"(?-u:\b)") for pattern in _patterns()]
    groups = (patterns[start : start + TOGETHER] for start in range(0, len(patterns), TOGETHER))
    return tuple("(?i)(?:" + "|".join(group) + ")" for group in groups)


@cache
def _for_sentences() -> re.Pattern[str]:
    return re.compile("|".join(f"(?:{pattern})" for pattern in _patterns()), re.ASCII | re.IGNORECASE)


_SENTENCE = re.compile(r"(?<=[.!?;\n])\s+|\n+")

LONGEST_SENTENCE = 500
"""Characters of a sentence that are looked at one by one: Python's engine can be slowed down by long ones."""


def addresses_moderator(texts: pl.Expr) -> pl.Expr:
    """Return whether a text speaks to the moderator, for a column of texts as they were written or normalised."""
    said = texts.fill_null("")
    return pl.any_horizontal(said.str.contains(patterns) for patterns in _for_columns())


def sentence_addresses_moderator(sentence: str) -> bool:
    """Return the same for one sentence."""
    return _for_sentences().search(sentence[:LONGEST_SENTENCE]) is not None


@lru_cache(maxsize=4_096)
def without_addressing(text: str) -> str:
    """Return the sentences of a text that don't speak to the moderator, for where they must not be repeated."""
    sentences = [sentence for sentence in _SENTENCE.split(text) if sentence]
    return " ".join(each for each in sentences if not sentence_addresses_moderator(each))
