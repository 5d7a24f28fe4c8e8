"""How a term is used: in a sentence at someone or at nobody, fondly, of a thing, of oneself.

Read from one hit in its text; what the words around a term alone say is `text/harmless_uses.py`'s, and what each use
is worth `abuse_reading`'s.
"""

from __future__ import annotations

from typing import NamedTuple

from moderation_pipeline.agents.keyless.reading import Reading
from moderation_pipeline.text.harmless_uses import (
    is_denied,
    is_denied_in,
    is_homonym,
    is_of_oneself,
    is_of_oneself_in,
)
from moderation_pipeline.text.lexicon import Hit, grammar

OF_ME = (("i", "am"), ("i", "was"), ("of", "me"), ("am", "i"))
"""Words behind an insult that turn it on who says it: "what an idiot i am", "how stupid of me"."""

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
    def is_homonym(self) -> bool:
        """Whether words of the text show its harmless meaning."""
        return is_homonym(self.reading.words[self.hit.start], self.reading.words)

    @property
    def is_denied(self) -> bool:
        """Whether the words right before deny it: "non sei un idiota", but not "no, idiota"."""
        language = self.reading.language
        if language is None:
            return is_denied(self.before(6))
        before, _ = self.reading.clause_around(self.hit)
        is_before = is_denied(self.before(6)) or is_denied_in(language, before)
        return is_before or self.reading.is_negated_behind(self.hit)

    @property
    def is_of_oneself(self) -> bool:
        """Whether the speaker says that he is it."""
        language = self.reading.language
        if language is None:
            is_behind = self.after(2) in OF_ME and grammar().second.isdisjoint(self.sentence_words)
            return is_behind or is_of_oneself(self.before(6))
        before, behind = self.reading.clause_around(self.hit)
        return is_of_oneself(self.before(6)) or is_of_oneself_in(language, self.hit.group, before, behind)

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
