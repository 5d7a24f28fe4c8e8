"""Does a comment address the moderator, or argue for its own verdict? Whoever does is audited (law 6).

Sentence by sentence: a whole text of chat with one such sentence in it looks harmless on average. The patterns
are made to find too much rather than too little, for a mark costs one audit and nothing else; people who talk
to a channel's human moderators are not meant. They run over whole columns in Polars' linear-time regex engine,
which no hostile text can slow down. They are data, `addressing.yaml`.
"""

from __future__ import annotations

import re
from functools import cache
from importlib import resources

import polars as pl
import yaml


@cache
def _relevant() -> str:
    """Return the patterns as one, as the engine runs them."""
    text = (resources.files("moderation_pipeline.agents") / "addressing.yaml").read_text(encoding="utf-8")
    content = yaml.safe_load(text)
    joined = "|".join(content["patterns"])
    for name, words in content["words"].items():
        joined = joined.replace(f"<{name}>", words)
    # ASCII borders and letters keep the engine on its fast path where a text is not ASCII.
    return "(?i)(?:" + joined.replace(r"\b", r"(?-u:\b)").replace(r"\w", "[a-z0-9_à-ÿ]") + ")"


_SENTENCE = re.compile(r"(?<=[.!?;\n])\s+|\n+")


def addresses_moderator(texts: pl.Expr) -> pl.Expr:
    """Return whether a text speaks to the moderator, for a column of texts as they were written or normalised."""
    return texts.fill_null("").str.contains(_relevant())


def sentence_addresses_moderator(sentence: str) -> bool:
    """Return the same for one sentence."""
    return bool(pl.select(addresses_moderator(pl.lit(sentence))).item())


def without_addressing(text: str) -> str:
    """Return the sentences of a text that don't speak to the moderator, for where they must not be repeated."""
    sentences = [sentence for sentence in _SENTENCE.split(text) if sentence]
    return " ".join(each for each in sentences if not sentence_addresses_moderator(each))
