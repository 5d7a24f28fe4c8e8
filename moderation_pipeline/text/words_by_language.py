"""The words of languages other than English, for comments whose language is known, and how they are found.

In such a comment the lexicon's words count too, for people swear in English everywhere, but not those that are
ordinary in its language, whether or not there are words for it: "negro" is a colour in Spanish, "hoe" asks how in
Dutch, "slut" is the end in Swedish. Where the language is unsure, only the lexicon's own words count. Which language
it is, `language` guesses. The small words that say how something is meant (pronouns, negators) are those of the
language, by the names that English's have in `lexicon.grammar`.
"""

from __future__ import annotations

from functools import cache
from importlib import resources

import yaml
from pydantic import BaseModel, ConfigDict

from moderation_pipeline.text.lexicon import TermIndex, grammar, lexicon, pattern_of

ONESELF, ONESELF_BEHIND = "oneself", "oneself_behind"
"""The words by which somebody says of himself that he is something."""

SPOKEN_LISTS = (
    "adjectives",
    "anaphora",
    "copulas",
    "determiners",
    "enclitics",
    "filling",
    "leading",
    "mine",
    "negators",
    "negators_behind",
    "own_group",
    "question_openers",
    "reclaimable",
    "saying",
    "subjects",
    "told",
    "turns",
    "undergone",
    "wishing",
)
"""The lists of a language that are to it what those of `grammar` are to English."""

NO_TERMS = (ONESELF, ONESELF_BEHIND, *SPOKEN_LISTS)
"""The lists of a language that are no groups of terms."""

SAID_IN_ENGLISH_TOO = ("mine", "negators")
"""Lists of which the English words count in every language: they are ordinary in none, and people mix them."""


class LanguagesFile(BaseModel):
    """Terms by language and group, as they are written; where they come from, and under which licence."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    source: str
    licence: str
    languages: dict[str, dict[str, tuple[str, ...]]]


@cache
def languages_file() -> LanguagesFile:
    """Return the shipped words of other languages, read once."""
    path = resources.files("moderation_pipeline.defaults") / "words_by_language.yaml"
    loader = getattr(yaml, "CBaseLoader", yaml.BaseLoader)
    return LanguagesFile.model_validate(yaml.load(path.read_text(encoding="utf-8"), Loader=loader))


def has_words(language: str | None) -> bool:
    """Whether there are words for a language; English has the lexicon's."""
    return language in languages_file().languages


def is_read_otherwise(language: str | None) -> bool:
    """Whether a text in a language is read by other words than a text that may be English."""
    return has_words(language) or language in own_words()


@cache
def own_words() -> dict[str, frozenset[str]]:
    """Return, by language, the words of the lexicon that are ordinary in it, as `benchmarks.ordinary_words` found."""
    text = (resources.files("moderation_pipeline.text") / "own_words.txt").read_text(encoding="utf-8")
    lines = (line.partition(":") for line in text.splitlines() if line and not line.startswith("#"))
    return {language: frozenset(words.split()) for language, _, words in lines}


def terms_of(language: str) -> dict[str, tuple[str, ...]]:
    """Return the terms of a language by group, as they are written; none where there are none."""
    groups = languages_file().languages.get(language, {})
    return {group: terms for group, terms in groups.items() if group not in NO_TERMS}


class LanguageIndex(TermIndex):
    """Finds the terms of a language, and the lexicon's that are no ordinary words in it."""

    def __init__(self, language: str) -> None:
        english = lexicon().index
        super().__init__(terms_of(language))
        self._english = english
        self._own = own_words().get(language, frozenset())
        self._phrases = {
            first: [*self._phrases.get(first, ()), *english.phrases_from(first)]
            for first in {*self._phrases, *english.first_words}
        }

    def groups_of(self, word: str) -> tuple[tuple[str, str], ...]:
        """Return the (group, term) pairs of a word: the language's, and the lexicon's unless it is ordinary."""
        theirs = () if word in self._own else self._english.groups_of(word)
        return (*super().groups_of(word), *theirs)


@cache
def index_for(language: str | None) -> TermIndex:
    """Return what finds the terms of a comment in this language; null where it is unsure."""
    return LanguageIndex(str(language)) if is_read_otherwise(language) else lexicon().index


@cache
def spoken(language: str | None, name: str) -> frozenset[str]:
    """Return one of `SPOKEN_LISTS` in this language; English's where that is unsure or has no words here."""
    english: frozenset[str] = getattr(grammar(), name)
    if not has_words(language):
        return english
    own = frozenset(_listed(language, name))
    return own | english if name in SAID_IN_ENGLISH_TOO else own


@cache
def oneself_for(language: str, *, is_behind: bool) -> tuple[tuple[str, ...], ...]:
    """Return how somebody says in this language that he is what follows, or what stands before, each as its words."""
    return tuple(
        tuple(words.split()) for words in _listed(language, ONESELF_BEHIND if is_behind else ONESELF)
    )


def _listed(language: str | None, name: str) -> tuple[str, ...]:
    return languages_file().languages[str(language)].get(name, ()) if has_words(language) else ()


@cache
def patterns_for(language: str) -> dict[str, str]:
    """Return one regular expression for each group of the signals that the language has terms of."""
    return {
        group: pattern_of(terms, continued_by=r"\w", parted_by=r"[\s-]")
        for group, terms in terms_of(language).items()
        if group in lexicon().file.groups
    }


@cache
def own_pattern(language: str) -> str | None:
    """Return what matches the words that are ordinary in the language; null where there are none."""
    words = own_words().get(language)
    return "|".join(sorted(words)) if words else None
