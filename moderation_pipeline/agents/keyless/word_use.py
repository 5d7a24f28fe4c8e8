"""How a term is used: denied, told of another, fondly meant, said of oneself or of a thing.

Read from the words around one hit; what each use is worth is `abuse_reading`'s to say.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from moderation_pipeline.agents.keyless.reading import Reading
from moderation_pipeline.text.lexicon import Hit, grammar, lexicon

FRAMED = 5
"""Words from which a sentence with a frame is one; shorter ones are cries as often ("the worst mid")."""


class Tone(NamedTuple):
    """How a comment as a whole is meant."""

    is_condemning: bool
    is_aimed: bool
    """At someone: the second person, a mention, or a reply."""


class Use(NamedTuple):
    """One hit in its text, and how the text is meant."""

    reading: Reading
    hit: Hit
    tone: Tone

    @property
    def sentence(self) -> int:
        """The sentence that the hit is in."""
        return self.reading.sentences[self.hit.start]

    @property
    def sentence_words(self) -> list[str]:
        """The words of that sentence."""
        return self.reading.sentence_words(self.sentence)

    def before(self, words: int) -> tuple[str, ...]:
        """Return so many words before the hit, of its sentence."""
        return self.reading.around(self.hit, words, 0)

    def after(self, words: int) -> tuple[str, ...]:
        """Return so many words after the hit, of its sentence."""
        return self.reading.around(self.hit, 0, words)

    @property
    def is_at_someone(self) -> bool:
        """Whether its sentence has a second or a third person."""
        return any(word in grammar().second or word in grammar().third for word in self.sentence_words)

    @property
    def is_told_of(self) -> bool:
        """Whether its sentence has a frame and is at nobody: it tells of someone, or of a word.

        Frames are known of English alone: in another language every sentence counts as having one.
        """
        words = self.sentence_words
        is_framed = self.reading.language is not None or not grammar().framing.isdisjoint(words)
        return is_framed and grammar().second.isdisjoint(words)

    @property
    def is_ordinary(self) -> bool:
        """Whether it is an ordinary word in a sentence at nobody and about no game: "the clown on the poster"."""
        if self.hit.term not in grammar().ordinary or self.tone.is_aimed or not self.is_told_of:
            return False
        if self.hit.group == "slur_ambiguous" and not grammar().negators.isdisjoint(self.sentence_words):
            return False  # What a group is denied is no plain talk of it.
        games = self.reading.by_group.get("game", ())
        is_game = any(self.reading.sentences[game.start] == self.sentence for game in games)
        return len(self.sentence_words) >= FRAMED and not is_game

    @property
    def is_fond(self) -> bool:
        """Whether it is said fondly of one's own: "my cat is a useless little criminal and i love him"."""
        return {"my", "i", "love"}.issubset(self.sentence_words)

    @property
    def is_of_a_thing(self) -> bool:
        """Whether it is said of a thing, and of nobody: "video games are garbage"."""
        if self.hit.group == "insult_strong" and not self.hit.term.startswith(grammar().said_of_things):
            return False
        things = self.reading.by_group.get("thing", ())
        return any(self.reading.sentences[thing.start] == self.sentence for thing in things) and (
            not self.is_at_someone
        )

    @property
    def is_warm(self) -> bool:
        """Whether its sentence is kind; faint praise ("nice", "gj") is mockery as often."""
        return any(
            self.reading.sentences[warm.start] == self.sentence
            and warm.term not in grammar().faint_praise
            and not self.reading.is_negated(warm)
            for warm in self.reading.of("warm")
        )


def is_homonym(reading: Reading, hit: Hit) -> bool:
    """Whether words around the hit show its harmless meaning: a bitch at the vet's, a dyke by the sea."""
    beside = lexicon().file.homonyms.get(reading.words[hit.start])
    return beside is not None and any(word in beside for word in reading.words)


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


def is_reported(before: Sequence[str]) -> bool:
    """Whether someone else is said to have said it: "he called me a …"."""
    return any(teller in grammar().tellers and "called" in before[at:] for at, teller in enumerate(before))
