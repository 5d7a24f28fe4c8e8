"""Insults, swearing, threats and the rest, read closely: at whom, by whom, and in what sense.

The same groups that the fast rules count are weighed here by how they are used: at someone, at oneself, at
a thing, denied, quoted, condemned, or said of a game. Hate has a module of its own.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from typing import NamedTuple

from moderation_pipeline.agents.keyless.evidence import Evidence
from moderation_pipeline.agents.keyless.reading import Reading
from moderation_pipeline.agents.keyless.use_factors import ABUSE
from moderation_pipeline.agents.keyless.word_use import Tone, Use
from moderation_pipeline.plan import Category
from moderation_pipeline.text.harmless_uses import (
    is_aside,
    is_bare_name,
    is_denied,
    is_mere_mention,
    is_reported,
    is_surely_of_oneself,
)
from moderation_pipeline.text.lexicon import grammar

SUREST = 0.97
"""What one hit tells at most, however it is used."""

SAID_AT_MOST = 4
"""Times that a term tells of a text that says it again and again, as with the fast rules."""

TALE = 7
"""Words from which a sentence in the first person tells something, with a curse in it: a shorter one
curses."""

SENTENCE = 5
"""Words from which a sentence is one: a bare curse is shorter."""


class Telling(NamedTuple):
    """What a hit of a group tells: the chance of the category for the first hit and each further one."""

    category: Category
    once: float
    again: float
    reason: str


def abuse_evidence(reading: Reading, tellings: Mapping[str, Telling], tone: Tone) -> list[Evidence]:
    """Return the evidence of everything but hate."""
    evidence = []
    covered: set[int] = set()
    said: Counter[str] = Counter()
    for group, telling in tellings.items():
        weight = telling.once
        for hit in reading.by_group.get(group, ()):
            if hit.start in covered or said[hit.term] == SAID_AT_MOST:
                continue
            said[hit.term] += 1
            covered.update(range(hit.start, hit.end))
            chance = min(SUREST, weight * factor_of(Use(reading, hit, tone)))
            evidence.append(Evidence(telling.category, chance, f"{telling.reason} ('{hit.term}')", group))
            weight = telling.again
    return evidence


def factor_of(use: Use) -> float:
    """Return by how much the way it is used weakens (or strengthens) what the hit tells."""
    if use.reading.is_quoted(use.hit):
        return ABUSE.quoted
    if use.is_homonym:
        return ABUSE.homonym
    if is_aside(use.hit, use.reading.words) or is_mere_mention(use.hit, use.reading.hits):
        return ABUSE.aside
    if use.tone.is_condemning and use.hit.group not in ("self_harm", "spam_phrase"):
        return ABUSE.condemned
    special = SPECIAL.get(use.hit.group)
    factor = special(use) if special else 1.0
    return factor * ABUSE.in_a_sentence if use.is_ordinary else factor


def _of_insult(use: Use) -> float:
    if is_reported(use.before(6)) or use.is_fond:
        return ABUSE.reported
    if use.is_denied or use.reading.is_disclaimed(use.hit):
        return ABUSE.denied
    if use.is_of_oneself or use.is_of_a_thing:
        return ABUSE.of_nobody
    if use.hit.term in grammar().polysemous and grammar().second.isdisjoint(use.reading.words):
        return ABUSE.ordinary_noun
    return ABUSE.aimed if use.tone.is_aimed else 1.0


def _of_taunt(use: Use) -> float:
    return ABUSE.denied if is_denied(use.before(2)) else 1.0


def _of_swearing(use: Use) -> float:
    """Swearing is abuse at people and their play; about oneself, or at a thing, it is none."""
    if use.is_at_someone:
        return ABUSE.swearing_at_someone
    is_exclaimed = any(word in grammar().exclaiming for word in use.reading.around(use.hit, 1, 1))
    if use.is_of_a_thing or is_exclaimed:
        return ABUSE.swearing_aside
    sentence = use.sentence_words
    if len(sentence) >= TALE and any(word in grammar().first for word in sentence):
        return ABUSE.swearing_in_a_tale
    return ABUSE.swearing_aside if len(sentence) > 2 and use.is_warm else ABUSE.swearing


def _of_dismissal(use: Use) -> float:
    """Telling someone off is an imperative: "I was told to …" is a tale, "they never …" a complaint."""
    is_tale = use.before(1)[-1:] == ("to",) or any(word in grammar().after_a_tale for word in use.after(1))
    is_idiom = use.after(2) == ("and", "take")
    return ABUSE.told if is_tale or is_idiom or use.reading.is_disclaimed(use.hit) else 1.0


def _of_ambiguous(use: Use) -> float:
    """A group's own word: of people and rights, of oneself, or with warmth it is no slur."""
    around = use.reading.around(use.hit, 2, 1)
    is_named = is_bare_name(use.hit, use.reading.hits, use.reading.words)
    if is_named or use.is_warm or any(word in grammar().groups_own for word in around):
        return ABUSE.groups_own
    return _of_insult(use)


def _of_weak_insult(use: Use) -> float:
    """A weak word is an insult where it is what someone is called: "you creep", "ur such a fraud"."""
    if use.hit.term in grammar().weak_verbs:
        return 1.0
    before = use.before(4)
    is_called = any(
        word in grammar().second
        and word not in grammar().owning
        and grammar().filling.issuperset(before[at + 1 :])
        for at, word in enumerate(before)
    )
    return ABUSE.called_so if is_called else 1.0


def _of_threat(use: Use) -> float:
    before = use.reading.words[: use.hit.start]
    if use.reading.is_negated(use.hit) or is_surely_of_oneself(use.hit.group, before):
        return ABUSE.denied
    return ABUSE.real_life if use.reading.of("real_life") else 1.0


def _of_self_harm(use: Use) -> float:
    words = use.reading.words
    is_joking = any(word in grammar().laughing for word in words)
    return ABUSE.joking if is_joking or (use.hit.term == "kms" and len(words) < SENTENCE) else 1.0


def _of_origin(use: Use) -> float:
    """Someone's origin alone is a jab where it is all that is said; a fact or a question is none."""
    sentence, origins = use.sentence_words, use.reading.by_group["origin"]
    if len({each.term for each in origins if use.reading.sentences[each.start] == use.sentence}) > 1:
        return ABUSE.origins_beside
    is_fact = any(word in grammar().first or word in grammar().placing for word in sentence)
    if is_fact or use.is_told_of or use.sentence in use.reading.questions or len(sentence) > SENTENCE:
        return 1.0
    return ABUSE.origin_alone


def _of_weak_taunt(use: Use) -> float:
    """Calling what was won easy mocks who lost it: "easy mid", "easy game"."""
    is_easy = use.hit.term == "easy" and any(word in grammar().what_is_won for word in use.after(1))
    return ABUSE.won_easily if is_easy else 1.0


SPECIAL: dict[str, Callable[[Use], float]] = {
    "insult_strong": _of_insult,
    "insult_mild": _of_insult,
    "slur_ambiguous": _of_ambiguous,
    "dismissal": _of_dismissal,
    "taunt": _of_taunt,
    "taunt_weak": _of_weak_taunt,
    "insult_weak": _of_weak_insult,
    "profanity": _of_swearing,
    "threat": _of_threat,
    "self_harm_incitement": _of_threat,
    "self_harm": _of_self_harm,
    "origin": _of_origin,
}
