"""The lexicon: offensive, taunting and identity terms as data (`defaults/lexicon.yaml`), and their patterns.

What a hit *means* is decided in `signals`, `rules` and `careful_rules`; here is only which words there are.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Literal

import yaml
from pydantic import BaseModel, ConfigDict

from moderation_pipeline.agents.plan import Category


class TermGroup(BaseModel):
    """Terms that tell the same: their category, how strongly they tell it, and the terms."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    category: Category
    strength: Literal["mild", "strong"]
    terms: tuple[str, ...]


class LexiconFile(BaseModel):
    """The lexicon as it is written: where it comes from, under which licence, and its groups by name."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    source: str
    licence: str
    groups: dict[str, TermGroup]


@dataclass(frozen=True, slots=True)
class Lexicon:
    """The lexicon with one regular expression per group, without boundaries (engines write those differently)."""

    file: LexiconFile
    patterns: dict[str, str]
    words: frozenset[str]
    """Every single word that is a term by itself: what de-obfuscation may resolve an edge case to."""


@cache
def lexicon() -> Lexicon:
    """Return the shipped lexicon, read once."""
    text = (resources.files("moderation_pipeline.defaults") / "lexicon.yaml").read_text(encoding="utf-8")
    file = LexiconFile.model_validate(yaml.load(text, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader)))
    patterns = {name: pattern_of(group.terms) for name, group in file.groups.items()}
    return Lexicon(file, patterns, frozenset(_single_words(file)))


def pattern_of(terms: tuple[str, ...]) -> str:
    """Return one pattern (no boundaries, no groups) that matches any of the terms."""
    return "|".join(_term_pattern(term) for term in terms)


def _term_pattern(term: str) -> str:
    words = [re.escape(word).replace(r"\*", "[a-z]*") for word in term.split()]
    is_pluralised = len(words) == 1 and term.isalpha() and len(term) >= 3
    return r"\s+".join(words) + ("(?:e?s|z)?" if is_pluralised else "")


def _single_words(file: LexiconFile) -> set[str]:
    words: set[str] = set()
    for group in file.groups.values():
        for term in group.terms:
            word = term.removesuffix("*")
            if word.isalpha() and len(word) >= 3:
                words |= {word, f"{word}s"}
    return words
