"""The lexicon: terms to look for, as data (`defaults/lexicon.yaml`), and how they are matched.

What a hit *means* is decided in `signals`, `rules` and `careful_rules`; here is only which words there are.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, cached_property
from importlib import resources
from typing import Literal, NamedTuple

import yaml
from pydantic import BaseModel, ConfigDict

from moderation_pipeline.plan import Category

SHORTEST_WITH_PLURAL = 3

PLAIN = {"ł": "l", "ı": "i"}
"""Letters that are to Unicode no letter with a mark, which terms are written without all the same, as chat writes."""


class TermGroup(BaseModel):
    """Terms that tell the same: their category, how strongly they tell it, and the terms."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    category: Category
    strength: Literal["mild", "strong"]
    terms: tuple[str, ...]


class Spelling(BaseModel):
    """Words for guessing at spelling: ordinary ones, and terms that would be guessed wrongly."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    common: frozenset[str]
    not_misspelt: frozenset[str]
    never_guessed: frozenset[str]
    never_glued: frozenset[str]
    never_buried: frozenset[str]
    short_glued: frozenset[str]
    masked_most: frozenset[str]


class Grammar(BaseModel):
    """Words that show how something is meant: pronouns, negations, fillers and the like."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    second: frozenset[str]
    third: frozenset[str]
    first: frozenset[str]
    being: frozenset[str]
    negators: frozenset[str]
    negators_behind: frozenset[str]
    """Negators that deny what stands right before them: none in English, "değil" in Turkish."""
    denying: frozenset[str]
    """Negators that deny what follows them at once."""
    disclaiming: frozenset[str]
    """Negators that, before a verb of saying, take back what is said: "never said", but not "can't
    believe"."""
    filling: frozenset[str]
    """What may stand between a denial and what it denies."""
    having_to: frozenset[str]
    """What may stand between who speaks and what he has to do."""
    saying: frozenset[str]
    turns: frozenset[str]
    """Where a new thought begins, which a negation before doesn't reach."""
    undergone: frozenset[str]
    """Words behind which violence is told of as done to somebody: none in English, "wurde" in German."""
    told: frozenset[str]
    """Forms of violent terms that tell of what happened, or happens to somebody: "killed", "suffer"."""
    wishing: frozenset[str]
    """Words beside which even such a form calls for it: "should be killed", "I hope they suffer"."""
    subjects: frozenset[str]
    """Words that, after a comma, begin a clause of its own."""
    question_openers: frozenset[str]
    exclaiming: frozenset[str]
    ordinary: frozenset[str]
    """Terms that are ordinary words besides: in a sentence of several words that is at nobody, they say nothing."""
    beside: frozenset[str]
    """Words before an ordinary noun that is one beside others, and no name for anybody: "the women and kids"."""
    framing: frozenset[str]
    """Words that tell a sentence from a cry: "the clown on the poster", but not "clown mid"."""
    polysemous: frozenset[str]
    """Insults that are ordinary nouns besides: at someone, or none."""
    tellers: frozenset[str]
    faint_praise: frozenset[str]
    what_is_won: frozenset[str]
    weak_verbs: frozenset[str]
    """Terms that insult nobody as a name: "you hate it"."""
    laughing: frozenset[str]
    after_a_tale: frozenset[str]
    groups_own: frozenset[str]
    names: frozenset[str]
    """Terms of `slur_ambiguous` that are a group's plain name: "jew", but not "jewed"."""
    telling: frozenset[str]
    """Words that, beside those of `framing`, make a sentence of one that names a group: "has", "in", "my"."""
    intensifying: frozenset[str]
    """Words before such a name that make an insult of it: "so gay", "what a gay"."""
    adjectives: frozenset[str]
    """Words that name a group only beside a word for people."""
    people: frozenset[str]
    leading: frozenset[str]
    """Those that stand before their noun, and name people where none follows: none in English, "czarnych" in Polish."""
    determiners: frozenset[str]
    """Words behind which such a word names people by itself: none in English, "los negros" in Spanish."""
    own_group: frozenset[str]
    mine: frozenset[str]
    """Words before somebody of one's own, who is no group: "my wife"."""
    anaphora: frozenset[str]
    """Words by which a sentence refers to whom another names."""
    enclitics: frozenset[str]
    """Ends of verbs that hold such a pronoun: none in English, "matarlos" in Spanish."""
    naming: frozenset[str]
    """What a word is called that is talked of: "the word", "is a slur"."""
    skilled: frozenset[str]
    """Bad words that praise before "at": "insane at this"."""
    copulas: frozenset[str]
    """Words that say what those just named are: none in English, "to" in Polish ("to śmiecie")."""
    reclaiming: frozenset[str]
    agreeing: frozenset[str]
    owning: frozenset[str]
    """Those of the second person after which no name for someone follows: "your creep"."""
    placing: frozenset[str]
    """Words beside which an origin is a fact: where someone is from, plays or what they speak."""
    said_of_things: tuple[str, ...]
    """Beginnings of strong insults that things are called too."""
    reclaimable: frozenset[str]
    """Beginnings of slurs that a group uses of itself."""
    generalised: tuple[str, ...]
    """Beginnings of insults that are hate where they are said of a kind of people."""


class LexiconFile(BaseModel):
    """The lexicon as it is written: where it comes from, under which licence, and its terms by group.

    `groups` become signals; `readings` are what careful reading looks for besides; `homonyms` are words
    that make a term harmless when they stand beside it.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    source: str
    licence: str
    groups: dict[str, TermGroup]
    readings: dict[str, tuple[str, ...]]
    homonyms: dict[str, frozenset[str]]
    spelling: Spelling
    grammar: Grammar


class Hit(NamedTuple):
    """A term found in a list of words: its group, the term, and the words from `start` to before `end`."""

    group: str
    term: str
    start: int
    end: int


class TermIndex:
    """Finds terms in words by looking words up, so that its cost doesn't grow with the number of terms."""

    def __init__(self, groups: Mapping[str, Iterable[str]]) -> None:
        self._exact: dict[str, list[tuple[str, str]]] = {}
        self._prefixes: dict[str, list[tuple[str, str, str]]] = {}  # by first letter
        self._phrases: dict[str, list[tuple[str, str, tuple[str, ...], bool]]] = {}
        self._known: dict[str, tuple[tuple[str, str], ...]] = {}
        for group, terms in groups.items():
            for term in terms:
                self._add(group, term)

    def _add(self, group: str, term: str) -> None:
        first, *rest = term.split()
        if rest:
            self._phrases.setdefault(first, []).append((group, term, tuple(rest), "*" in term))
        elif term.endswith("*"):
            self._prefixes.setdefault(term[0], []).append((term[:-1], group, term))
        else:
            for form in _forms(term):
                self._exact.setdefault(form, []).append((group, term))

    @property
    def first_words(self) -> Iterable[str]:
        """The words that phrases begin with."""
        return self._phrases.keys()

    def phrases_from(self, first: str) -> Sequence[tuple[str, str, tuple[str, ...], bool]]:
        """Return the phrases that begin with a word: group, term, the words after it, whether the last is open."""
        return self._phrases.get(first, ())

    def groups_of(self, word: str) -> tuple[tuple[str, str], ...]:
        """Return the (group, term) pairs that a single word belongs to; remembered per word."""
        known = self._known.get(word)
        if known is None:
            prefixes = self._prefixes.get(word[:1], ())
            prefixed = [(group, term) for start, group, term in prefixes if word.startswith(start)]
            known = self._known[word] = (*self._exact.get(word, ()), *prefixed)
        return known

    def find(self, words: Sequence[str]) -> list[Hit]:
        """Return every term found in the words, in the order of their first words."""
        words = tuple(words)
        hits = []
        for start, word in enumerate(words):
            hits += [Hit(group, term, start, start + 1) for group, term in self.groups_of(word)]
            for group, term, rest, is_open in self._phrases.get(word, ()):
                end = start + 1 + len(rest)
                following = words[start + 1 : end]
                if _continues(following, rest) if is_open else following == rest:
                    hits.append(Hit(group, term, start, end))
        return hits


@dataclass(frozen=True)
class Lexicon:
    """The lexicon, ready to be matched. Patterns have no boundaries: engines write those differently."""

    file: LexiconFile

    @cached_property
    def patterns(self) -> dict[str, str]:
        """One regular expression per group of the signals."""
        return {name: pattern_of(group.terms) for name, group in self.file.groups.items()}

    @cached_property
    def index(self) -> TermIndex:
        """Groups and readings together."""
        groups = {name: group.terms for name, group in self.file.groups.items()}
        return TermIndex({**groups, **self.file.readings})

    @cached_property
    def words(self) -> frozenset[str]:
        """Every single word that is a term by itself: what a disguised spelling may stand for."""
        groups = [group.terms for group in self.file.groups.values()] + list(self.file.readings.values())
        single = (term.removesuffix("*") for terms in groups for term in terms)
        return frozenset(form for word in single if word.isalpha() and len(word) > 2 for form in _forms(word))

    @cached_property
    def phrase_words(self) -> frozenset[str]:
        """Every word of the terms of several words: what they can't be found without."""
        groups = [group.terms for group in self.file.groups.values()] + list(self.file.readings.values())
        return frozenset(
            word.removesuffix("*")
            for terms in groups
            for term in terms
            if " " in term
            for word in term.split()
        )

    @cached_property
    def strong_words(self) -> frozenset[str]:
        """The words among them that are offensive by themselves."""
        strong = ("insult_strong", "slur", "profanity", "sexual_strong", "dismissal")
        terms = [term.removesuffix("*") for name in strong for term in self.file.groups[name].terms]
        return frozenset(form for word in terms if word.isalpha() and len(word) > 2 for form in _forms(word))


@cache
def lexicon() -> Lexicon:
    """Return the shipped lexicon, read once."""
    text = (resources.files("moderation_pipeline.defaults") / "lexicon.yaml").read_text(encoding="utf-8")
    # The base loader reads every scalar as text: "no", "on" and "off" are words here.
    loader = getattr(yaml, "CBaseLoader", yaml.BaseLoader)
    return Lexicon(LexiconFile.model_validate(yaml.load(text, Loader=loader)))


def grammar() -> Grammar:
    """Return the shipped words that show how something is meant."""
    return lexicon().file.grammar


def pattern_of(terms: Iterable[str], *, continued_by: str = "[a-z]", parted_by: str = r"\s") -> str:
    """Return one pattern (no boundaries, no groups) that matches any of the terms.

    `continued_by` is what an open ASCII word goes on with (one of other letters goes on with any), `parted_by` what the
    words of a term are parted by.
    """
    return "|".join(_term_pattern(term, continued_by, parted_by) for term in terms)


def _term_pattern(term: str, continued_by: str, parted_by: str) -> str:
    words = [
        re.escape(word).replace(r"\*", f"{continued_by}*" if word.isascii() else r"\w*")
        for word in term.split()
    ]
    return f"{parted_by}+".join(words) + _plural_pattern(term)


def _forms(term: str) -> list[str]:
    if not _has_plural(term):
        return [term]
    return [term, f"{term}s", f"{term}z", *([f"{term}es"] if _takes_es(term) else [])]


def _plural_pattern(term: str) -> str:
    if not _has_plural(term):
        return ""
    return "(?:e?s|z)?" if _takes_es(term) else "[sz]?"


def _takes_es(term: str) -> bool:
    """Whether a plural may end in -es: "asses" and "negroes", but spices are no plural of anything here."""
    return term[-1] in "sxzho"


def _has_plural(term: str) -> bool:
    return term.isalpha() and len(term) >= SHORTEST_WITH_PLURAL


def _continues(words: Sequence[str], rest: Sequence[str]) -> bool:
    """Whether the words are the rest of a phrase."""
    return len(words) == len(rest) and all(
        word.startswith(wanted[:-1]) if wanted.endswith("*") else word == wanted
        for word, wanted in zip(words, rest, strict=True)
    )
