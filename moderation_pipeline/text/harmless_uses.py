"""Terms that mean no harm where they stand, for the fast rules: homonyms, and what somebody says of himself.

Asked of the few texts that hold such a term. The careful rules tell far more of such uses, word by word
(`agents/keyless/word_use.py`).
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence, Set
from functools import cache

from moderation_pipeline.text.lexicon import Hit, grammar, lexicon

OF_ONESELF = frozenset({"slur_ambiguous", "insult_strong", "insult_mild", "insult_weak"})
"""Groups of what one may be, and say so: "im gay", "i am such an idiot"."""

TO_ONESELF = frozenset({"taunt", "self_harm_incitement"})
"""Groups of what one may have to do, or ask for: "i need to touch grass", "help me jump off a bridge"."""

# Of "i'll" and "i'd" the "i" is left, as everywhere in folded texts.
BEINGS = (("im",), ("i", "am"), ("i", "was"), ("i", "feel"), ("i", "felt"))
DOERS = (("i",), ("ill",), ("imma",), ("we",), ("make", "me"), ("made", "me"), ("help", "me"), ("let", "me"))
MOST_BETWEEN = 4
"""Words that may stand between who speaks and the term."""

WORD = re.compile(r"\w+")


def harmless_uses(folded: str) -> Counter[str]:
    """Return, by group, how many terms of a text (normalised, without apostrophes and accents) mean no harm in it."""
    words = tuple(WORD.findall(folded))
    known = frozenset(words)
    hits = (hit for hit in lexicon().index.find(words) if hit.group in lexicon().file.groups)
    return Counter(hit.group for hit in hits if _is_homonym(hit, known) or _is_of_oneself(hit, words))


@cache
def may_be_harmless() -> tuple[str, ...]:
    """Return the groups of which a term may mean no harm: those that are worth a look."""
    of_homonyms = {group for term in _homonyms() for group, _ in lexicon().index.groups_of(term)}
    return tuple(sorted((OF_ONESELF | TO_ONESELF | of_homonyms) & lexicon().file.groups.keys()))


def _is_homonym(hit: Hit, words: Set[str]) -> bool:
    """Whether words beside it show its harmless meaning, and nobody is addressed who could be called so by it."""
    beside = _homonyms().get(hit.term)
    return beside is not None and not beside.isdisjoint(words) and grammar().second.isdisjoint(words)


@cache
def _homonyms() -> Mapping[str, frozenset[str]]:
    """The words that make a term harmless; of "gay people" they only say that it is no slur, not that it is kind."""
    doubtful = set(lexicon().file.groups["slur_ambiguous"].terms)
    return {term: beside for term, beside in lexicon().file.homonyms.items() if term not in doubtful}


def _is_of_oneself(hit: Hit, words: Sequence[str]) -> bool:
    """Whether somebody says of himself that he is it, or has to do it."""
    if hit.group in OF_ONESELF:
        return _ends_with(_without_last(words[: hit.start], grammar().filling), BEINGS)
    return hit.group in TO_ONESELF and _ends_with(
        _without_last(words[: hit.start], grammar().having_to), DOERS
    )


def _without_last(words: Sequence[str], between: Set[str]) -> Sequence[str]:
    end = len(words)
    while end and len(words) - end < MOST_BETWEEN and words[end - 1] in between:
        end -= 1
    return words[:end]


def _ends_with(words: Sequence[str], speakers: Sequence[tuple[str, ...]]) -> bool:
    return any(tuple(words[-len(who) :]) == who for who in speakers)
