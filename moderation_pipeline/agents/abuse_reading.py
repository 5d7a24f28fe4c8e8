"""Insults, swearing, threats and the rest, read closely: at whom, by whom, and in what sense.

The same signals that the fast rules count are weighed here by how they are used: at someone, at oneself, at a thing,
denied, quoted, condemned, or said of a game. Hate has a module of its own.
"""

from __future__ import annotations

from typing import NamedTuple

from moderation_pipeline.agents.evidence import Evidence
from moderation_pipeline.agents.lexicon import Hit, lexicon
from moderation_pipeline.agents.plan import Category
from moderation_pipeline.agents.reading import Reading

SECOND = frozenset("you u ur your youre yourself urself ya yall yo".split())
THIRD = frozenset("he she hes shes him her his they them their theyre guy team this".split())
FIRST = frozenset("i im ive me my myself mine we us our were".split())
EXCLAMATIONS = frozenset(
    "oh holy wow omg what the wtf how hot no ah damn lol god man as so really well".split()
)
MINE = ("im", "i", "me", "myself", "am", "my", "we", "our")


class Weighing(NamedTuple):
    """How a comment as a whole is meant."""

    is_condemned: bool
    is_aimed: bool
    """At someone: the second person, a mention, or a reply."""


def abuse_evidence(
    reading: Reading, weights: dict[str, tuple[Category, float, str]], how: Weighing
) -> list[Evidence]:
    """Return the evidence of everything but hate; `weights` gives category, chance and words per group."""
    evidence = []
    covered: set[int] = set()
    for group, (category, weight, reason) in weights.items():
        for hit in reading.by_group.get(group, ()):
            if hit.start in covered:
                continue
            covered |= set(range(hit.start, hit.end))
            factor = factor_of(reading, hit, how)
            if factor:
                evidence.append(Evidence(category, min(0.97, weight * factor), f"{reason} ('{hit.term}')"))
    return evidence


def factor_of(reading: Reading, hit: Hit, how: Weighing) -> float:
    """Return by how much the way it is used weakens (or strengthens) what the hit tells."""
    if reading.is_quoted(hit):
        return 0.15
    beside = lexicon().file.homonyms.get(reading.words[hit.start])
    if beside is not None and any(word in beside for word in reading.words):
        return 0.2
    if how.is_condemned and hit.group not in ("self_harm", "spam_phrase"):
        return 0.3
    special = SPECIAL.get(hit.group)
    return special(reading, hit, how) if special else 1.0


def _of_insult(reading: Reading, hit: Hit, how: Weighing) -> float:
    if reading.is_negated(hit):
        return 0.4
    before = reading.around(hit, 4, 0)
    if any(word in MINE for word in before) and not any(word in SECOND or word in THIRD for word in before):
        return 0.4
    return 1.05 if how.is_aimed else 1.0


def _of_swearing(reading: Reading, hit: Hit, how: Weighing) -> float:
    """Swearing is abuse at people and their play; at oneself, at luck, or for emphasis it is none."""
    sentence = reading.sentence_words(reading.sentences[hit.start])
    around = reading.around(hit, 3, 3)
    if any(word in SECOND or word in THIRD for word in around):
        return 1.35
    if any(not reading.is_negated(warm) for warm in reading.of("warm")):
        return 0.6
    if len(sentence) > 1 and all(
        word in EXCLAMATIONS or word == reading.words[hit.start] for word in sentence
    ):
        return 0.75
    if any(word in FIRST for word in sentence):
        return 0.75
    return 1.2


def _of_threat(reading: Reading, hit: Hit, how: Weighing) -> float:
    if reading.is_negated(hit):
        return 0.4
    return 1.1 if reading.of("real_life") else 1.0


def _of_self_harm(reading: Reading, hit: Hit, how: Weighing) -> float:
    is_joking = any(word in ("lol", "lmao", "xd", "haha", "jk", "rofl") for word in reading.words)
    return 0.55 if is_joking or (hit.term == "kms" and len(reading.words) < 4) else 1.0


def _of_weak(reading: Reading, hit: Hit, how: Weighing) -> float:
    around = reading.around(hit, 3, 3)
    return 1.6 if any(word in SECOND or word in THIRD for word in around) else 1.0


SPECIAL = {
    "insult_strong": _of_insult,
    "insult_mild": _of_insult,
    "taunt": _of_insult,
    "slur_ambiguous": _of_insult,
    "profanity": _of_swearing,
    "threat": _of_threat,
    "self_harm_incitement": _of_threat,
    "self_harm": _of_self_harm,
    "insult_weak": _of_weak,
}
