"""Terms that mean no harm where they stand: homonyms, what is denied, told of another, or said of oneself.

All of it is read from the words around a term. For the fast rules `harmless_uses` counts what is surest, in the few
texts that hold such a term; the careful rules ask one by one, and weigh it (`agents/keyless/word_use.py`).
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence, Set
from functools import cache

from moderation_pipeline.plan import Category
from moderation_pipeline.text.lexicon import Hit, grammar, lexicon
from moderation_pipeline.text.words_by_language import (
    has_words,
    index_for,
    oneself_for,
    spoken,
)

OF_ONESELF = frozenset({"slur_ambiguous", "insult_strong", "insult_mild", "insult_weak"})
"""Groups of what one may be, and say so: "im gay", "i am such an idiot"."""

TO_ONESELF = frozenset({"taunt", "self_harm_incitement"})
"""Groups of what one may have to do, or ask for: "i need to touch grass", "help me jump off a bridge"."""

# Of "i'll" and "i'd" the "i" is left, as everywhere in folded texts.
BEINGS = (("im",), ("i", "am"), ("i", "was"), ("i", "feel"), ("i", "felt"))
DOERS = (("i",), ("ill",), ("imma",), ("we",), ("make", "me"), ("made", "me"), ("help", "me"), ("let", "me"))
MOST_BETWEEN = 4
"""Words that may stand between who speaks and the term."""

NO_ORDERS = {
    "you are now": frozenset({"where", "who", "what", "how"}),
    "pretend to be": frozenset({"dont", "didnt", "never", "they", "people"}),
}
"""Orders to a bot that are ordinary words besides, and the words before them that make a question or a tale of it."""

ADVERTISED = frozenset({"spam_phrase", "lure"})
"""Groups of which another term makes an advertisement of a thing that is mentioned."""

SENTENCE = 5
"""Words from which a line with a small word in it is a sentence; shorter ones are cries as often ("so gay")."""

DEMEANING = frozenset({"hostile_feeling", "bad_trait", "dehumanising", "violence", "exclusion", "demeaning"})
"""Readings beside which a group is no more merely named."""

WORD = re.compile(r"\w+")


def harmless_uses(folded: str, language: str | None = None) -> Counter[str]:
    """Return, by group, how many terms of a text (normalised, without apostrophes and accents) mean no harm in it.

    `language` is the text's, null where it may be English.
    """
    words = tuple(WORD.findall(folded))
    known = frozenset(words)
    found = index_for(language).find(words)
    hits = [hit for hit in found if hit.group in lexicon().file.groups]
    return Counter(
        hit.group
        for hit in hits
        if _is_sure_homonym(words[hit.start], known)
        or is_surely_of_oneself(hit.group, words[: hit.start])
        or (
            has_words(language)
            and is_of_oneself_in(str(language), hit.group, words[: hit.start], words[hit.end :])
        )
        or is_aside(hit, words)
        or is_mere_mention(hit, hits)
        or is_bare_name(hit, found, words)
    )


@cache
def may_be_harmless() -> tuple[str, ...]:
    """Return the groups of which a term may mean no harm: those that are worth a look."""
    of_homonyms = {group for term in _homonyms() for group, _ in lexicon().index.groups_of(term)}
    aside = {"dismissal", "bot_orders", "spam_phrase"}
    return tuple(sorted((OF_ONESELF | TO_ONESELF | aside | of_homonyms) & lexicon().file.groups.keys()))


def is_homonym(word: str, words: Iterable[str]) -> bool:
    """Whether words of its text show a word's harmless meaning: a bitch at the vet's, a dyke by the sea."""
    beside = lexicon().file.homonyms.get(word)
    return beside is not None and not beside.isdisjoint(words)


def is_denied(before: Sequence[str]) -> bool:
    """Whether the words right before deny an insult: "not a noob", but not "not today, noob"."""
    return any(
        word in grammar().denying and grammar().filling.issuperset(before[at + 1 :])
        for at, word in enumerate(before)
    )


def is_of_oneself(before: Sequence[str]) -> bool:
    """Whether the words right before say that it is oneself: "i am such a …", "i felt like an …"."""
    if any(word in grammar().second or word in grammar().third for word in before):
        return False
    if "im" in before:
        return grammar().filling.issuperset(before[before.index("im") + 1 :])
    if "sorry" in before and "being" in before:
        return True
    is_own = "my" in before[-5:] and any(word in ("is", "are") for word in before[-3:])
    return is_own or (
        any(word in ("i", "we") for word in before) and any(word in grammar().being for word in before[-4:])
    )


def is_of_oneself_in(language: str, group: str, before: Sequence[str], behind: Sequence[str]) -> bool:
    """Whether somebody says that he is it, not in English: "ich bin so ein idiot", "quel idiot je suis".

    What stands behind it says so only where nothing follows: "idiot, je suis …" is said to another.
    """
    if group not in OF_ONESELF:
        return False
    filling = spoken(language, "filling")
    near = before[-MOST_BETWEEN:]
    speakers = oneself_for(language, is_behind=False)
    return any(
        _ends_with(near[:end], speakers) and filling.issuperset(near[end:])
        for end in range(len(near), -1, -1)
    ) or any(
        behind[-len(who) :] == who and filling.issuperset(behind[: -len(who)])
        for who in oneself_for(language, is_behind=True)
    )


def is_denied_in(language: str, before: Sequence[str]) -> bool:
    """Whether the words right before deny an insult in a language other than English: "du bist kein idiot"."""
    rest = _without_last(before, spoken(language, "filling"))
    return bool(rest) and rest[-1] in spoken(language, "negators")


def is_reported(before: Sequence[str]) -> bool:
    """Whether someone else is said to have said it: "he called me a …"."""
    return any(teller in grammar().tellers and "called" in before[at:] for at, teller in enumerate(before))


def is_aside(hit: Hit, words: Sequence[str]) -> bool:
    """Whether a word before it makes it a part of something else: "how the fuck you did it", "where you are now"."""
    before = words[hit.start - 1] if hit.start else ""
    if hit.group == "dismissal":
        return before == "the" and hit.term.startswith("fu")
    return hit.group == "bot_orders" and before in NO_ORDERS.get(hit.term, ())


def is_mere_mention(hit: Hit, hits: Sequence[Hit]) -> bool:
    """Whether a thing that is often advertised is only mentioned: "i bought bitcoin in 2013", "che casino"."""
    if hit.group != "spam_phrase" or hit.term not in grammar().ordinary:
        return False
    return not any(other.group in ADVERTISED and other.start != hit.start for other in hits)


def is_bare_name(hit: Hit, hits: Sequence[Hit], words: Sequence[str]) -> bool:
    """Whether a group is named in a sentence that is at nobody and demeans nobody: "the gay couple next door".

    A kind word makes a sentence of fewer words too ("Jews celebrate Hanukkah"). What stands beside it is taken as it
    counts, denied or not: the fast rules read no closer.
    """
    if hit.group != "slur_ambiguous" or hit.term not in grammar().names or grammar().second & set(words):
        return False
    beside = [other for other in hits if other.start != hit.start]
    groups = {other.group for other in beside}
    is_denied_good = "good_trait" in groups and not grammar().negators.isdisjoint(words)
    if is_denied_good or not groups.isdisjoint(_demeaning()):
        return False
    if any(other.group == "warm" and other.term not in grammar().faint_praise for other in beside):
        return True
    is_cried = not grammar().intensifying.isdisjoint(words[max(0, hit.start - 2) : hit.start])
    is_framed = not (grammar().framing | grammar().telling).isdisjoint(words)
    return len(words) >= SENTENCE and is_framed and not is_cried and "game" not in groups


@cache
def _demeaning() -> frozenset[str]:
    """Return the groups and readings that make more than a name of a group's: abuse, a threat, what demeans."""
    calm = {"slur_ambiguous", "origin", "report_call"}
    groups = lexicon().file.groups
    bad = (Category.HARASSMENT, Category.HATE, Category.THREAT, Category.SEXUAL)
    return DEMEANING | {name for name, group in groups.items() if group.category in bad} - calm


def is_surely_of_oneself(group: str, before: Sequence[str]) -> bool:
    """Whether nothing but fillers parts a term from who says of himself that he is it, or has to do it."""
    if group in OF_ONESELF:
        return _ends_with(_without_last(before, grammar().filling), BEINGS)
    return group in TO_ONESELF and _ends_with(_without_last(before, grammar().having_to), DOERS)


def _is_sure_homonym(word: str, words: Set[str]) -> bool:
    """Whether it is a homonym by which nobody is called who is addressed."""
    is_told = word in _homonyms() and is_homonym(word, words)
    return is_told and grammar().second.isdisjoint(words)


@cache
def _homonyms() -> frozenset[str]:
    """Terms that words beside them make harmless; "gay people" is no slur, but need not be kind."""
    return frozenset(lexicon().file.homonyms.keys() - set(lexicon().file.groups["slur_ambiguous"].terms))


def _without_last(words: Sequence[str], between: Set[str]) -> Sequence[str]:
    end = len(words)
    while end and len(words) - end < MOST_BETWEEN and words[end - 1] in between:
        end -= 1
    return words[:end]


def _ends_with(words: Sequence[str], speakers: Sequence[tuple[str, ...]]) -> bool:
    return any(tuple(words[-len(who) :]) == who for who in speakers)
