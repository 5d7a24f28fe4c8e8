"""Disguises made with a keyboard: digits, signs and asterisks for letters ("n00b", "sh!t", "f**k").

A sign between letters is read as a letter. One at a word's edge, or an asterisk, is read so only where
that makes a word of the lexicon, for "5head", "gr8", "mp3" and "1v5" are words as they stand.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from itertools import product

from moderation_pipeline.text.lexicon import lexicon
from moderation_pipeline.text.ordinary_words import ordinary_words

SIGN = "0-9@$!|*+€"
"""The characters that may stand for a letter, as the inside of a character class."""

ANY_SIGN = re.compile(rf"[{SIGN}]")
READ_AS = {
    "0": "o",
    "1": "il",
    "3": "e",
    "4": "a",
    "5": "s",
    "6": "g",
    "7": "t",
    "8": "b",
    "9": "g",
    "@": "a",
    "$": "s",
    "!": "il",
    "|": "il",
    "+": "t",
    "€": "e",
}
READ_INSIDE = str.maketrans("0134579@$!|€", "oieastgasiie")
INSIDE = re.compile(r"(?<=[a-z])[0134579@$!|€]+(?=[a-z])")
AMBIGUOUS_AT_MOST = 4
"""Signs with two readings in one word: more would be 2 ** n words to look up."""

SHORTEST_IN_PHRASE = 4
"""Of ordinary words that phrases are made of ("come to your house"): shorter ones are squares and scores."""

AMOUNT = re.compile(r"[0-9]{2,}[bghkmpx]")
"""A number with its unit, such as 600k: no word in disguise."""

STRETCH = re.compile(r"([a-z])\1{2,}")
MASKED = re.compile(r"[a-z]+\*+[a-z]*")
LEADING = "(\"'*#"
TRAILING = "!?.,;:)*\"'"
SHORTEST_MENTION = 5
"""A word that begins with @ is a mention; a shorter one may be a disguise ("@ss")."""


def unleeted(word: str) -> str:
    """Return a lower-cased word with its signs read as letters, where they stand for letters."""
    core = word.rstrip(TRAILING).lstrip(LEADING)
    if not core or ANY_SIGN.search(core) is None or (core[0] == "@" and len(core) >= SHORTEST_MENTION):
        return word
    meant = None if core in ordinary_words() else resolved(core)
    if meant is None:
        return word
    start = word.index(core)
    return word[:start] + meant + word[start + len(core) :]


def resolved(word: str) -> str | None:
    """Return what a disguised word stands for, or None where it is best left as it is."""
    if "*" in word:
        return _unmasked(word)
    if not any("a" <= sign <= "z" for sign in word) or AMOUNT.fullmatch(word):
        return None
    for letters in readings_of(word):
        candidate = STRETCH.sub(r"\1\1", letters)
        if candidate in lexicon().words or (
            len(candidate) >= SHORTEST_IN_PHRASE and candidate in lexicon().phrase_words
        ):
            return candidate
    return _read_inside(word)


def readings_of(word: str) -> Iterator[str]:
    """Yield what a word says with its signs read as letters; nothing of one that can be read in too many ways."""
    readings = [READ_AS.get(sign, sign) for sign in word]
    if sum(len(reading) > 1 for reading in readings) <= AMBIGUOUS_AT_MOST:
        yield from map("".join, product(*readings))


def _read_inside(word: str) -> str | None:
    """Read the signs between letters, and at the edges too where one between letters proves the habit."""
    inner = INSIDE.sub(lambda match: match.group().translate(READ_INSIDE), word)
    letters = sum("a" <= sign <= "z" for sign in word)
    if inner != word and letters >= 4 and inner[1:-1].isalpha():
        inner = inner.translate(READ_INSIDE)
    is_word = inner.isascii() and inner.isalpha()
    return inner if is_word and inner != word and letters >= 2 else None


def _unmasked(word: str) -> str | None:
    """Return the first offensive word that the letters around the asterisks allow."""
    if MASKED.fullmatch(word) is None:
        return None
    shape = re.compile(word.replace("*", "[a-z]"))
    return next(
        (known for known in _by_shape().get((word[0], len(word)), ()) if shape.fullmatch(known)), None
    )


@cache
def _by_shape() -> dict[tuple[str, int], tuple[str, ...]]:
    """Return the offensive words by first letter and length, those that are masked most often first."""
    shapes: dict[tuple[str, int], list[str]] = {}
    masked_most = lexicon().file.spelling.masked_most
    for word in sorted(lexicon().strong_words, key=lambda each: (each not in masked_most, each)):
        shapes.setdefault((word[0], len(word)), []).append(word)
    return {shape: tuple(words) for shape, words in shapes.items()}
