"""A comment read closely: its words, sentences and quotations, the terms in them, and what is negated.

Only what stands in the text is found here; what it means for a plan is weighed in `hate_reading`,
`abuse_reading` and `careful_rules`. Reading is a pure function of the normalised text, and remembered per
text.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache

from moderation_pipeline.text.language import ENGLISH
from moderation_pipeline.text.lexicon import PLAIN, Hit, grammar
from moderation_pipeline.text.names import CALLING, NO_NAMES, is_slur
from moderation_pipeline.text.slips_by_language import corrected_in
from moderation_pipeline.text.spelling import corrected
from moderation_pipeline.text.words_by_language import index_for, spoken

TOKEN = re.compile(r"\[sepa\]|@\w+|[^\W_]+(?:'[^\W_]+)*|[\"“”«»]|[.!?;:]+|[~=#*|<>/\\-]{2,}|,|\n")
"""Runs of dashes and the like part what stands on both sides as full stops do."""

ENDS = frozenset(".!?;:\n~=#*|<>/\\-")
QUOTES = frozenset('"“”«»')
PARTS = {"'ll": " will", "we're": "we are", "'d": " would", "n't": "nt"}

MOST_HITS = 30
"""Hits of a group that are weighed. A text of thousands is hostile, and would cost the square of its length."""

NEGATION_REACH = 7
BEHIND_REACH = 3
"""Words within which a negator denies what stands before it."""

OPENING = 4
"""Negators among the first words of a question ask for agreement ("isn't it obvious that…"), they deny
nothing."""


@dataclass(frozen=True)
class Reading:
    """A text as words, each with its sentence and whether it is inside quotation marks."""

    words: tuple[str, ...]
    sentences: tuple[int, ...]
    quoted: tuple[bool, ...]
    questions: frozenset[int]
    """Sentences that end in a question mark."""

    clauses: frozenset[int] = frozenset()
    """Words that follow a comma."""

    language: str | None = None
    """That of the text, where it is known, not English, and one that there are words for."""

    @cached_property
    def hits(self) -> tuple[Hit, ...]:
        """Every term of the lexicon's groups and readings; none crosses the end of a sentence."""
        found = index_for(self.language).find(self.words)
        return tuple(hit for hit in found if self.sentences[hit.start] == self.sentences[hit.end - 1])

    @cached_property
    def by_group(self) -> dict[str, list[Hit]]:
        """The hits of each group that has any, the first of very many: the rest tell nothing more."""
        groups: dict[str, list[Hit]] = {}
        for hit in self.hits:
            hits = groups.setdefault(hit.group, [])
            if len(hits) < MOST_HITS:
                hits.append(hit)
        return groups

    @cached_property
    def words_by_sentence(self) -> dict[int, list[str]]:
        """The words of each sentence."""
        words: dict[int, list[str]] = {}
        for word, sentence in zip(self.words, self.sentences, strict=True):
            words.setdefault(sentence, []).append(word)
        return words

    @cached_property
    def starts(self) -> dict[int, int]:
        """Where each sentence begins."""
        return {sentence: at for at, sentence in reversed(list(enumerate(self.sentences)))}

    @cached_property
    def restricting(self) -> frozenset[int]:
        """The words of phrases that hold a negator and deny nothing: "no son más que …"."""
        return frozenset(
            at for hit in self.by_group.get("restricting", ()) for at in range(hit.start, hit.end)
        )

    @cached_property
    def has_quotation(self) -> bool:
        """Whether something is quoted and enough is said about it to make it a quotation."""
        outside = sum(1 for is_quoted in self.quoted if not is_quoted)
        return outside >= 3 and outside < len(self.words)

    def of(self, *groups: str) -> list[Hit]:
        """Return the hits of the groups named, outside quotations."""
        return [hit for group in groups for hit in self.by_group.get(group, ()) if not self.is_quoted(hit)]

    def is_quoted(self, hit: Hit) -> bool:
        """Whether the hit is inside a quotation."""
        return self.has_quotation and self.quoted[hit.start]

    def around(self, hit: Hit, before: int, after: int) -> tuple[str, ...]:
        """Return the words around the hit, of its own sentence."""
        first, last = max(0, hit.start - before), min(len(self.words), hit.end + after)
        sentence = self.sentences[hit.start]
        return tuple(
            self.words[at]
            for at in range(first, last)
            if self.sentences[at] == sentence and not hit.start <= at < hit.end
        )

    def clause_around(self, hit: Hit) -> tuple[tuple[str, ...], tuple[str, ...]]:
        """Return the words before and behind the hit that neither a comma nor the end of a sentence parts from it."""
        borders = self.clauses.union(self.starts.values())
        first = max((at for at in borders if at <= hit.start), default=0)
        end = min((at for at in borders if at >= hit.end), default=len(self.words))
        return self.words[first : hit.start], self.words[hit.end : end]

    def sentence_words(self, sentence: int) -> list[str]:
        """Return the words of one sentence."""
        return self.words_by_sentence[sentence]

    def is_negated(self, hit: Hit) -> bool:
        """Whether a word of its sentence denies the hit, before it or, in some languages, behind it."""
        return self._is_negated_before(hit) or self.is_negated_behind(hit)

    def _is_negated_before(self, hit: Hit) -> bool:
        sentence = self.sentences[hit.start]
        start, negators, turns = self.starts[sentence], self.spoken("negators"), self.spoken("turns")
        if self.language is not None and self.words[hit.start] in negators:
            return False  # It holds the denial itself: of "ne … pas" the first word denies nothing more.
        is_question = sentence in self.questions and self.words[start] in self.spoken("question_openers")
        for at in range(hit.start - 1, start - 1, -1):
            word = self.words[at]
            if word in turns or self._begins_anew(at + 1):
                return False
            if word in negators and not (is_question and at - start < OPENING) and at not in self.restricting:
                return self._denies_saying(at) or hit.start - at <= NEGATION_REACH
        return False

    def is_negated_behind(self, hit: Hit) -> bool:
        """Whether a negator denies it from behind: "aptal değil", "ich hasse die Schwarzen nicht"."""
        negators = self.spoken("negators_behind")
        if not negators:
            return False
        _, behind = self.clause_around(hit)
        for word in behind[:BEHIND_REACH]:
            if word in negators:
                return True
            if not self._is_whom_it_is_about(word):
                return False
        return False

    def _is_whom_it_is_about(self, word: str) -> bool:
        """Whether a word may stand between a verb and what denies it behind: a group, a pronoun, an article."""
        is_group = any(group == "identity" for group, _ in index_for(self.language).groups_of(word))
        return is_group or word in self.spoken("anaphora") or word in self.spoken("filling")

    def spoken(self, name: str) -> frozenset[str]:
        """Return a list of the grammar in the text's language."""
        return spoken(self.language, name)

    def _begins_anew(self, at: int) -> bool:
        """Whether a clause with a subject of its own begins there: what was denied before is another matter."""
        return at in self.clauses and self.words[at] in self.spoken("subjects")

    def is_disclaimed(self, hit: Hit) -> bool:
        """Whether the speaker denies saying it: "I never said that they are …"."""
        sentence = self.sentences[hit.start]
        disclaiming = grammar().disclaiming if self.language is None else self.spoken("negators")
        return any(
            self.words[at] in disclaiming and self._denies_saying(at)
            for at in range(self.starts[sentence], hit.start)
        )

    def _denies_saying(self, at: int) -> bool:
        return any(word in self.spoken("saying") for word in self.words[at + 1 : at + 3])


@lru_cache(maxsize=20_000)
def read(normalised: str, language: str | None = None, names: frozenset[str] = NO_NAMES) -> Reading:
    """Return the reading of a normalised text in its language; where that is unsure, it may be English.

    `names` are words of it that are no slip of another word, for they are names.
    """
    language = None if language == ENGLISH else language
    words: list[str] = []
    sentences: list[int] = []
    quoted: list[bool] = []
    questions: set[int] = set()
    clauses: set[int] = set()
    sentence, inside = 0, False
    for token in TOKEN.findall(without_accents(normalised)):
        if token in QUOTES:
            inside = not inside
        elif token[0] in ENDS or token == "[sepa]":
            if "?" in token:
                questions.add(sentence)
            sentence += 1
        elif token == ",":
            clauses.add(len(words))
        else:
            said = token[1:] if _is_said(token, words) else token
            for word in _words_of(said, language, is_guessed=said not in names):
                words.append(word)
                sentences.append(sentence)
                quoted.append(inside)
    if inside:
        quoted = [False] * len(quoted)
    return Reading(
        tuple(words), tuple(sentences), tuple(quoted), frozenset(questions), frozenset(clauses), language
    )


def _is_said(token: str, before: Sequence[str]) -> bool:
    """Whether a mention is meant as the word behind its sign."""
    return token[0] == "@" and (is_slur(token[1:]) or (bool(before) and before[-1] in CALLING))


def without_accents(text: str) -> str:
    """Return the text without marks over letters, which the lexicon is written without."""
    if text.isascii():
        return text
    signs = (sign for sign in unicodedata.normalize("NFKD", text) if not unicodedata.combining(sign))
    return "".join(PLAIN.get(sign, sign) for sign in signs)


def _words_of(token: str, language: str | None, *, is_guessed: bool) -> tuple[str, ...]:
    """Return the words of a token; slips are undone into terms of the text's language."""
    if token[0] == "@":
        return (token,)
    if "'" in token:
        elided, _, word = token.partition("'")
        if language is not None and index_for(language).groups_of(word):
            return (elided, word)  # "l'immigrato", "n'aime".
        for mark, plain in PARTS.items():
            token = token.replace(mark, plain)
        return tuple(token.replace("'s", "").replace("'", "").split())
    if not is_guessed:
        return (token,)
    return corrected(token) if language is None else corrected_in(token, language)
