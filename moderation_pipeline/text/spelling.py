"""Slips of the finger and of purpose that `normalise` leaves alone, because undoing them is a guess.

A word that nobody knows (`ordinary_words`) is taken for a term when one slip explains it: two letters swapped, one
left out, one doubled or put in, or the space to its neighbours missing. Careful reading and a learned head pay for
this, the fast rules don't; which words are terms is the lexicon's.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import cache, lru_cache

from moderation_pipeline.text.lexicon import lexicon
from moderation_pipeline.text.ordinary_words import ordinary_words

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

LONGEST = 30
"""No word and no two are longer; a hostile one would cost the square of its length."""

LONG = 9
"""Letters from which a word that begins with a term may be two words ("immigrantsdisgust")."""

UNMISTAKABLE = 6
"""Letters from which a slur within a word is one: of 2.6 million words of the languages in Latin letters five hold one
by chance ("snigger"), but for `never_buried`."""

VOWELS = frozenset("aeiou")

ENDINGS = ("s", "e", "ed", "es", "ing", "d")

DOUBLED = re.compile(r"(.)\1+")


@lru_cache(maxsize=50_000)
def corrected(word: str) -> tuple[str, ...]:
    """Return the word or words that a word stands for; the word itself where nothing explains it better.

    What is itself a word, and no rarer than what a slip would make it, is left alone, in whatever language it is one.
    """
    return (word,) if word in ordinary_words() else explained(word)


def explained(word: str) -> tuple[str, ...]:
    """Return what slips alone explain a word by, whether or not it is a word of its own."""
    if not SHORTEST <= len(word) <= LONGEST or not (word.isascii() and word.isalpha()):
        return (word,)
    if _is_known(word):
        is_long = len(word) >= LONG and word not in lexicon().words
        return (_glued(word) if is_long else ()) or (word,)
    single = DOUBLED.sub(r"\1", word)
    if single in _guessable():
        return (single,)
    return _slip(word) or _glued(word) or _buried(word) or (word,)


@lru_cache(maxsize=65_536)
def without_slips(text: str) -> str:
    """Return a normalised text with the words that its misspelt ones stand for."""
    return " ".join(map(_mended, text.split(" ")))


@lru_cache(maxsize=50_000)
def _mended(word: str) -> str:
    return " ".join(corrected(word))


@cache
def _guessable() -> frozenset[str]:
    """Return the single words that a slip may stand for."""
    file = lexicon().file
    insults = _stems(term for name in GUESSED if name in file.groups for term in file.groups[name].terms)
    predicates = _stems(term for name in GUESSED if name in file.readings for term in file.readings[name])
    inflected = {word + ending for word in predicates if len(word) > SHORTEST for ending in ENDINGS}
    return frozenset(insults | {f"{word}s" for word in insults} | predicates | inflected)


def _stems(terms: Iterable[str]) -> set[str]:
    words = (term.removesuffix("*") for term in terms)
    return {
        word
        for word in words
        if word.isalpha() and len(word) >= SHORTEST and word not in lexicon().file.spelling.never_guessed
    }


def _is_known(word: str) -> bool:
    """Whether a word is a term or an ordinary word; a long word that merely begins with a term is neither."""
    return (
        word in lexicon().file.spelling.common
        or word in lexicon().file.spelling.not_misspelt
        or bool(lexicon().index.groups_of(word))
    )


@cache
def _slips() -> dict[str, str]:
    """Return every form that one slip makes of a guessable word, and the word."""
    forms: dict[str, str] = {}
    for word in sorted(_guessable(), key=lambda each: (len(each), each)):
        for at in range(1, len(word) - 1):
            forms.setdefault(word[:at] + word[at + 1] + word[at] + word[at + 2 :], word)
            is_safe = word[at] in VOWELS or word in lexicon().strong_words or len(word) > SHORTEST + 1
            if len(word) > SHORTEST and is_safe:
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
    common = lexicon().file.spelling.common
    for at in range(1, len(word)):
        left, right = word[:at], word[at:]
        if (_is_telling(left) and (right in common or _is_telling(right))) or (
            left in common and _is_telling(right)
        ):
            return (left, right)
    return ()


def _buried(word: str) -> tuple[str, ...]:
    """Return the pieces of a word that has a long slur within it, whatever stands around it ("peposhemale")."""
    for slur in _long_slurs():
        before, found, after = word.partition(slur)
        if before and found:
            is_form = bool(lexicon().index.groups_of(slur + after))
            return (before, slur + after) if is_form else (before, slur, after)
    return ()


@cache
def _long_slurs() -> tuple[str, ...]:
    """Return the slurs that hardly any word holds by chance."""
    never = lexicon().file.spelling.never_buried
    slurs = _stems(lexicon().file.groups["slur"].terms) - never
    return tuple(sorted(slur for slur in slurs if len(slur) >= UNMISTAKABLE))


def _is_telling(word: str) -> bool:
    spelling = lexicon().file.spelling
    is_long = len(word) >= SHORTEST or word in spelling.short_glued
    return (
        is_long
        and word not in spelling.never_glued
        and (word in _guessable() or word in spelling.short_glued)
    )
