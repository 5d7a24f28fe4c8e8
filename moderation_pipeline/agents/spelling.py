"""Slips of the finger and of purpose that `normalise` leaves alone, because undoing them is a guess.

A word that nobody knows is taken for a term when one slip explains it: two letters swapped, one left out, one
doubled or put in, or the space to its neighbour missing. Only careful reading pays for this; which words are terms
is the lexicon's.
"""

from __future__ import annotations

import re
from functools import cache, lru_cache

from moderation_pipeline.agents.lexicon import lexicon

SHORTEST = 4
"""Shorter words are one slip from too many others."""

GUESSED = (
    "insult_strong",
    "insult_mild",
    "slur",
    "profanity",
    "identity",
    "bad_trait",
    "dehumanising",
    "hostile_feeling",
    "violence",
)
"""Groups whose words are guessed at."""

DOUBLED = re.compile(r"(.)\1+")


@lru_cache(maxsize=50_000)
def corrected(word: str) -> tuple[str, ...]:
    """Return the word or words that a word stands for; the word itself where nothing explains it better."""
    if len(word) < SHORTEST or not (word.isascii() and word.isalpha()) or _is_known(word):
        return (word,)
    single = DOUBLED.sub(r"\1", word)
    if single in _guessable():
        return (single,)
    return _slip(word) or _glued(word) or (word,)


@cache
def _guessable() -> frozenset[str]:
    """Return the single words that a slip may stand for."""
    file = lexicon().file
    terms = [term for name in GUESSED if name in file.groups for term in file.groups[name].terms]
    terms += [term for name in GUESSED if name in file.readings for term in file.readings[name]]
    stems = (term.removesuffix("*") for term in terms)
    words = {word for word in stems if word.isalpha() and len(word) >= SHORTEST}
    return frozenset(words | {f"{word}s" for word in words})


def _is_known(word: str) -> bool:
    return (
        word in lexicon().file.common
        or word in lexicon().file.not_misspelt
        or bool(lexicon().index.groups_of(word))
    )


@cache
def _slips() -> dict[str, str]:
    """Return every form that one slip makes of a guessable word, and the word."""
    forms: dict[str, str] = {}
    for word in sorted(_guessable(), key=lambda each: (len(each), each)):
        for at in range(1, len(word) - 1):
            forms.setdefault(word[:at] + word[at + 1] + word[at] + word[at + 2 :], word)
            if len(word) > SHORTEST:
                forms.setdefault(word[:at] + word[at + 1 :], word)
    return forms


def _slip(word: str) -> tuple[str, ...]:
    meant = _slips().get(word)
    if meant is not None:
        return (meant,)
    for at in range(1, len(word) - 1):
        shorter = word[:at] + word[at + 1 :]
        if len(shorter) > SHORTEST and shorter in lexicon().strong_words:
            return (shorter,)
    return ()


def _glued(word: str) -> tuple[str, ...]:
    """Return the two words of a lost space, where one is a term and the other is a term or a common word."""
    common, index = lexicon().file.common, lexicon().index
    for at in range(1, len(word)):
        left, right = word[:at], word[at:]
        if (_is_telling(left) and (right in common or _is_telling(right))) or (
            left in common and _is_telling(right)
        ):
            return (left, right)
        if left in common and right in common and len(left) > 1 and len(right) > 1 and index.groups_of(right):
            return (left, right)
    return ()


def _is_telling(word: str) -> bool:
    return len(word) >= SHORTEST - 1 and word not in NOT_GLUED and word in lexicon().words


NOT_GLUED = frozenset(
    {
        "ass",
        "cum",
        "rat",
        "rats",
        "pig",
        "pigs",
        "hat",
        "hell",
        "anal",
        "men",
        "man",
        "man",
        "use",
        "age",
        "sex",
        "right",
        "rights",
        "care",
        "read",
        "hang",
        "rapist",
        "rape",
        "gas",
        "cut",
        "die",
        "ape",
        "apes",
        "ing",
        "hue",
        "tool",
        "top",
        "run",
        "ult",
        "mob",
        "map",
        "bug",
        "bugs",
        "guy",
        "mod",
        "him",
        "his",
        "her",
        "dad",
        "ask",
        "sad",
        "fed",
        "bot",
        "lame",
        "fat",
        "iz",
        "izi",
        "bad",
        "fun",
        "low",
        "hag",
        "rus",
        "fap",
        "ping",
        "kid",
        "dog",
        "gap",
        "diff",
        "mid",
        "lane",
        "good",
        "real",
        "mean",
        "nub",
        "nob",
    }
)
"""Terms that are parts of too many words of their own ("therapist", "hello", "analyst")."""
