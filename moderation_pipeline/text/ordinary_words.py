"""Words that are what they are, though a slip or a letter more would make a term of them: "counts", "shirts", "garage".

The file is made from word frequencies by `benchmarks/ordinary_words.py`, which says what stands in it; it is small
because only words near a term of the lexicon are. Words that are terms in one language and ordinary in another are
`own_words`'.
"""

from __future__ import annotations

from functools import cache
from importlib import resources


@cache
def ordinary_words() -> frozenset[str]:
    """Return the words, without accents, that no guess at spelling may change."""
    text = (resources.files("moderation_pipeline.text") / "ordinary_words.txt").read_text(encoding="utf-8")
    lines = (line for line in text.splitlines() if not line.startswith("#"))
    return frozenset(word for line in lines for word in line.split())
