"""Insults, swearing, threats and the rest, read closely: at whom, by whom, and in what sense.

The same groups that the fast rules count are weighed here by how they are used: at someone, at oneself, at
a thing, denied, quoted, condemned, or said of a game. Hate has a module of its own.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

from moderation_pipeline.agents.keyless.evidence import Evidence
from moderation_pipeline.agents.keyless.reading import Reading
from moderation_pipeline.plan import Category
from moderation_pipeline.text.lexicon import Hit, grammar, lexicon

TALE = 7
"""Words from which a sentence in the first person tells something, with a curse in it: a shorter one
curses."""

SENTENCE = 5
"""Words from which a sentence is one: a bare curse is shorter."""


class Tone(NamedTuple):
    """How a comment as a whole is meant."""

    is_condemning: bool
    is_aimed: bool
    """At someone: the second person, a mention, or a reply."""


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
    for group, telling in tellings.items():
        weight = telling.once
        for hit in reading.by_group.get(group, ()):
            if hit.start in covered:
                continue
            covered.update(range(hit.start, hit.end))
            factor = factor_of(reading, hit, tone)
            evidence.append(
                Evidence(telling.category, min(0.97, weight * factor), f"{telling.reason} ('{hit.term}')")
            )
            weight = telling.again
    return evidence


def factor_of(reading: Reading, hit: Hit, tone: Tone) -> float:
    """Return by how much the way it is used weakens (or strengthens) what the hit tells."""
    if reading.is_quoted(hit):
        return 0.15
    beside = lexicon().file.homonyms.get(reading.words[hit.start])
    if beside is not None and any(word in beside for word in reading.words):
        return 0.2
    if tone.is_condemning and hit.group not in ("self_harm", "spam_phrase"):
        return 0.3
    special = SPECIAL.get(hit.group)
    return special(reading, hit, tone) if special else 1.0


def _of_insult(reading: Reading, hit: Hit, tone: Tone) -> float:
    before = reading.around(hit, 6, 0)
    if _is_reported(before) or _is_fond(reading, hit):
        return 0.45
    if (
        _is_denied(before)
        or _is_of_oneself(before)
        or reading.is_disclaimed(hit)
        or _is_of_a_thing(reading, hit)
    ):
        return 0.4
    if hit.term in grammar().polysemous and not any(word in grammar().second for word in reading.words):
        return 0.6
    return 1.05 if tone.is_aimed else 1.0


def _of_taunt(reading: Reading, hit: Hit, tone: Tone) -> float:  # noqa: ARG001  (one signature for all)
    return 0.4 if _is_denied(reading.around(hit, 2, 0)) else 1.0


def _is_denied(before: Sequence[str]) -> bool:
    """Whether the words right before deny an insult: "not a noob", but not "not today, noob"."""
    return any(
        word in grammar().denying and grammar().filling.issuperset(before[at + 1 :])
        for at, word in enumerate(before)
    )


def _is_of_oneself(before: Sequence[str]) -> bool:
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


def _is_reported(before: Sequence[str]) -> bool:
    """Whether someone else is said to have said it: "he called me a …"."""
    return any(teller in grammar().tellers and "called" in before[at:] for at, teller in enumerate(before))


def _is_fond(reading: Reading, hit: Hit) -> bool:
    """Whether it is said fondly of one's own: "my cat is a useless little criminal and i love him"."""
    words = reading.sentence_words(reading.sentences[hit.start])
    return "my" in words and "i" in words and "love" in words


def _is_of_a_thing(reading: Reading, hit: Hit) -> bool:
    """Whether it is said of a thing, and of nobody: "video games are garbage"."""
    if hit.group == "insult_strong" and not hit.term.startswith(("stupid", "dumbass")):
        return False
    sentence = reading.sentences[hit.start]
    if not any(reading.sentences[thing.start] == sentence for thing in reading.by_group.get("thing", ())):
        return False
    return not any(
        word in grammar().second or word in grammar().third for word in reading.sentence_words(sentence)
    )


def _of_swearing(reading: Reading, hit: Hit, tone: Tone) -> float:  # noqa: ARG001
    """Swearing is abuse at people and their play; about oneself, or at a thing, it is none."""
    sentence = reading.sentence_words(reading.sentences[hit.start])
    if any(word in grammar().second or word in grammar().third for word in sentence):
        return 1.35
    if _is_of_a_thing(reading, hit):
        return 0.7
    if any(word in grammar().exclaiming for word in reading.around(hit, 1, 1)):
        return 0.7
    if len(sentence) >= TALE and any(word in grammar().first for word in sentence):
        return 0.75
    return 0.7 if len(sentence) > 2 and _is_warm(reading, reading.sentences[hit.start]) else 1.2


def _is_warm(reading: Reading, sentence: int) -> bool:
    """Whether the sentence is kind; faint praise ("nice", "gj") is mockery as often."""
    return any(
        reading.sentences[warm.start] == sentence
        and warm.term not in grammar().faint_praise
        and not reading.is_negated(warm)
        for warm in reading.of("warm")
    )


def _of_dismissal(reading: Reading, hit: Hit, tone: Tone) -> float:  # noqa: ARG001
    """Telling someone off is an imperative: "I was told to …" is a tale, "they never …" a complaint."""
    tale = reading.around(hit, 1, 0)[-1:] == ("to",) or any(
        word in grammar().after_a_tale for word in reading.around(hit, 0, 1)
    )
    is_idiom = reading.around(hit, 0, 2) == ("and", "take")
    return 0.4 if tale or is_idiom or reading.is_disclaimed(hit) else 1.0


def _of_ambiguous(reading: Reading, hit: Hit, tone: Tone) -> float:
    """A group's own word: of people and rights, of oneself, or with warmth it is no slur."""
    around = reading.around(hit, 2, 1)
    if _is_warm(reading, reading.sentences[hit.start]) or any(
        word in grammar().groups_own for word in around
    ):
        return 0.4
    return _of_insult(reading, hit, tone)


def _of_weak_insult(reading: Reading, hit: Hit, tone: Tone) -> float:  # noqa: ARG001
    """A weak word is an insult where it is what someone is called: "you creep", "ur such a fraud"."""
    if hit.term in grammar().weak_verbs:
        return 1.0
    before = reading.around(hit, 4, 0)
    for at, word in enumerate(before):
        if (
            word in grammar().second
            and grammar().filling.issuperset(before[at + 1 :])
            and word not in ("your", "ur")
        ):
            return 5.5
    return 1.0


def _of_threat(reading: Reading, hit: Hit, tone: Tone) -> float:  # noqa: ARG001
    if reading.is_negated(hit):
        return 0.4
    return 1.1 if reading.of("real_life") else 1.0


def _of_self_harm(reading: Reading, hit: Hit, tone: Tone) -> float:  # noqa: ARG001
    is_joking = any(word in grammar().laughing for word in reading.words)
    return 0.55 if is_joking or (hit.term == "kms" and len(reading.words) < SENTENCE) else 1.0


def _of_origin(reading: Reading, hit: Hit, tone: Tone) -> float:  # noqa: ARG001
    """Someone's origin alone is a jab where it is all that is said; a fact or a question is none."""
    sentence = reading.sentence_words(reading.sentences[hit.start])
    is_question = reading.sentences[hit.start] in reading.questions
    if is_question or any(
        word in grammar().first or word in ("from", "in", "server", "speak") for word in sentence
    ):
        return 1.0
    return 1.35 if len(sentence) <= SENTENCE else 1.1


def _of_weak_taunt(reading: Reading, hit: Hit, tone: Tone) -> float:  # noqa: ARG001
    """Calling what was won easy mocks who lost it: "easy mid", "easy game"."""
    is_easy = hit.term == "easy" and any(word in grammar().what_is_won for word in reading.around(hit, 0, 1))
    return 2.8 if is_easy else 1.0


SPECIAL: dict[str, Callable[[Reading, Hit, Tone], float]] = {
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
