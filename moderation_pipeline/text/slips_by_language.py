"""Slips in languages other than English, undone where a language's own words tell what was meant.

As in English (`spelling`) a word that nobody knows is taken for a term when one slip explains it: two letters swapped,
one left out or put in, or the space to its neighbour missing. These languages inflect: of a term that goes on in any
way ("schwul*") the slip is looked for in its beginning. What is an ordinary word of the language, or begins as one
does, is left alone (`ordinary_by_language.txt`, from word frequencies, by `benchmarks/ordinary_words.py`).
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache, lru_cache
from importlib import resources
from typing import NamedTuple

from moderation_pipeline.text.leetspeak import readings_of
from moderation_pipeline.text.spelling import DOUBLED, GUESSED, LONGEST, SHORTEST
from moderation_pipeline.text.words_by_language import terms_of

BEGINNING = 5
"""Letters from which the beginning of a term is one, with its slip: shorter ones begin too many other words."""

VOWELS = frozenset("aeiouyаеиоуыэюя")

COMMON = "common"
"""The line of the file that holds the commonest words of all, which are what a term is glued to."""


class Ordinary(NamedTuple):
    """Words of a language that no guess may change: whole ones, beginnings, and the commonest of all."""

    words: frozenset[str]
    beginnings: frozenset[str]
    common: frozenset[str]

    def has(self, word: str) -> bool:
        """Whether a word is one of them, or begins as they do."""
        return word in self.words or any(word[:end] in self.beginnings for end in _ends(word))


@cache
def ordinary_by_language() -> dict[str, Ordinary]:
    """Return the ordinary words near a term, by language."""
    file = resources.files("moderation_pipeline.text") / "ordinary_by_language.txt"
    found: dict[str, Ordinary] = {}
    for line in file.read_text(encoding="utf-8").splitlines():
        if not line or line.startswith("#"):
            continue
        name, _, rest = line.partition(":")
        language, _, kind = name.partition(" ")
        words = frozenset(rest.split())
        known = found.get(language, Ordinary(frozenset(), frozenset(), frozenset()))
        if kind == COMMON:
            found[language] = known._replace(common=words)
        else:
            beginnings = frozenset(word[:-1] for word in words if word.endswith("*"))
            found[language] = known._replace(words=words, beginnings=beginnings)
    return found


class Slips:
    """The slips of one language's terms: what each form stands for."""

    def __init__(self, language: str) -> None:
        terms = {term for group in GUESSED for term in terms_of(language).get(group, ()) if " " not in term}
        self._whole = {term for term in terms if not term.endswith("*") and len(term) >= SHORTEST}
        self._stems = {term[:-1] for term in terms if term.endswith("*")}
        self._of_whole = dict(_slips_of(self._whole | {s for s in self._stems if len(s) >= SHORTEST}))
        self._of_stems = {
            form: stem
            for form, stem in _slips_of({stem for stem in self._stems if len(stem) >= BEGINNING})
            if len(form) >= BEGINNING
        }

    def explained(self, word: str, common: frozenset[str]) -> tuple[str, ...]:
        """Return the word or words that a word stands for, whether or not it is a word of its own."""
        if not SHORTEST <= len(word) <= LONGEST or self._is_term(word):
            return (word,)
        if not word.isalpha():
            meant = (each for each in readings_of(word) if each.isalpha() and self._is_term(each))
            return (next(meant, word),)
        single = DOUBLED.sub(r"\1", word)
        if self._is_term(single):
            return (single,)
        return self._slip(word) or self._glued(word, common) or (word,)

    def beginning_of(self, word: str) -> str | None:
        """Return the beginning of a word that is a slip of a stem's; null where there is none."""
        return next((word[:end] for end in _ends(word) if word[:end] in self._of_stems), None)

    def _is_term(self, word: str) -> bool:
        return word in self._whole or any(word[:end] in self._stems for end in _ends(word, SHORTEST - 1))

    def _slip(self, word: str) -> tuple[str, ...]:
        whole = self._of_whole.get(word)
        if whole is not None:
            return (whole,)
        begins = self.beginning_of(word)
        if begins is not None:
            return (self._of_stems[begins] + word[len(begins) :],)
        for at in range(1, len(word) - 1):
            shorter = word[:at] + word[at + 1 :]
            if len(shorter) > BEGINNING and shorter in self._whole:
                return (shorter,)
        return ()

    def _glued(self, word: str, common: frozenset[str]) -> tuple[str, ...]:
        for at in range(1, len(word)):
            left, right = word[:at], word[at:]
            if self._is_telling(right) and (left in common or self._is_telling(left)):
                return (left, right)
            if self._is_telling(left) and right in common:
                return (left, right)
        return ()

    def _is_telling(self, word: str) -> bool:
        return word in self._whole or (len(word) >= BEGINNING and self._is_term(word))


@cache
def slips_in(language: str) -> Slips:
    """Return the slips of a language's terms."""
    return Slips(language)


@lru_cache(maxsize=50_000)
def corrected_in(word: str, language: str) -> tuple[str, ...]:
    """Return the word or words that a word of that language stands for; itself where nothing explains it better."""
    ordinary = ordinary_by_language().get(language)
    if ordinary is None or ordinary.has(word):
        return (word,)
    return slips_in(language).explained(word, ordinary.common)


def _slips_of(words: set[str]) -> Iterator[tuple[str, str]]:
    """Yield every form that one slip makes of a word, and the word; of two words the longer one comes last."""
    for word in sorted(words, key=lambda each: (-len(each), each), reverse=True):
        for at in range(len(word) - 1):
            if at or len(word) >= BEGINNING:
                yield word[:at] + word[at + 1] + word[at] + word[at + 2 :], word
            if at and len(word) > (SHORTEST if word[at] in VOWELS else BEGINNING):
                yield word[:at] + word[at + 1 :], word


def _ends(word: str, shortest: int = BEGINNING) -> range:
    """Return where a beginning of the word may end, the longest first."""
    return range(len(word), shortest - 1, -1)
