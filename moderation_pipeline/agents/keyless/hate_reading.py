"""Hate, read closely: what is said about a protected group, and whether the speaker says it.

A group is named, and a predicate degrades it: dehumanises, attributes the bad, feels hostile, calls for
violence or exclusion, or denies the good. Negation turns each around ("no woman deserves to die", "not our
equal"). Words that belong to a group are hate only where the speaker turns them on someone.

So it is in every language that there are words for: what differs is data, the terms and the small words of each
(`text/words_by_language.py`).
"""

from __future__ import annotations

from collections.abc import Sequence

from moderation_pipeline.agents.keyless.evidence import Evidence
from moderation_pipeline.agents.keyless.reading import Reading
from moderation_pipeline.agents.keyless.use_factors import HATE
from moderation_pipeline.plan import Category
from moderation_pipeline.text.harmless_uses import is_homonym, is_of_oneself_in
from moderation_pipeline.text.lexicon import Hit, grammar, lexicon
from moderation_pipeline.text.words_by_language import has_words, index_for

PREDICATES = {
    "dehumanising": 0.62,
    "bad_trait": 0.62,
    "hostile_feeling": 0.62,
    "violence": 0.6,
    "demeaning": 0.52,
    "exclusion": 0.5,
    "right_beside": 0.6,
    "insult_strong": 0.62,
    "insult_mild": 0.55,
    "self_harm_incitement": 0.6,
    "dismissal": 0.55,
    "profanity": 0.35,
}
"""What one predicate tells about a comment that names a protected group; set by hand, as `use_factors` says."""

MOST_PREDICATES = 4
"""Predicates that are weighed: more of them would only press the chance against 1."""

SPEAKING_AS = 4
"""Words within which it stands as what somebody speaks, and that he does."""

SPEAKERS = frozenset({"i", "im", "ive", "me", "my", "we"})

MENTIONING = 3
"""Words from a term within which it is called a word: "dyke is a term", "the word dyke"."""

UNDERGONE = 4
"""Words before a violent one among which it may be said that it was undergone."""

DENIED_GOOD = 0.6
"""What denying a group the good tells ("have no right to", "never be as smart as")."""

SLUR = 0.9
GENERALISED = 0.6
"""What an insult said of a kind of people tells."""


NO_NOUNS = (
    "anaphora",
    "copulas",
    "filling",
    "negators",
    "saying",
    "subjects",
    "turns",
    "undergone",
    "wishing",
)
"""The lists of a language in which no nouns stand."""

NAMING = ("dehumanising", "insult_strong")
"""Predicates that are names for somebody."""

ABOUT = "about_a_group"
"""The sign of what is said about a group, as it is counted in a channel (`customary`)."""


def hate_evidence(reading: Reading, *, is_condemned: bool) -> list[Evidence]:
    """Return the evidence of hate in a comment; `is_condemned` says that it speaks against what it names."""
    evidence = _slurs(reading, is_condemned)
    named = reading.of("identity", "origin")
    groups = [
        hit
        for hit in named
        if _names_people(reading, hit) and not _is_of_ones_own(reading, hit) and not _is_oneself(reading, hit)
    ]
    groups += [hit for hit in reading.of("slur") if not _is_homonym(reading, hit)]
    if groups:
        evidence += _said_about(reading, groups, is_condemned)
    return evidence


def _names_people(reading: Reading, hit: Hit) -> bool:
    """Whether an identity term names people: "black" alone is a colour, "gay" alone an insult."""
    if reading.language is not None and not has_words(reading.language):
        return True  # Which of its words are adjectives isn't known here.
    if reading.words[hit.start] in reading.spoken("leading"):
        return hit.end - hit.start > 1 or _has_no_noun_behind(reading, hit)
    is_noun = reading.words[hit.start] not in reading.spoken("adjectives")
    before = reading.around(hit, 1, 0)
    if is_noun or hit.end - hit.start > 1 or not reading.spoken("determiners").isdisjoint(before):
        return True
    if reading.language is not None:
        return not before
    following = reading.words[hit.end : hit.end + 2]
    degrading = (group for word in following for group, _ in lexicon().index.groups_of(word))
    return any(word in grammar().people for word in following) or "dehumanising" in degrading


def _has_no_noun_behind(reading: Reading, hit: Hit) -> bool:
    """Whether nothing follows that an adjective may belong to: its clause ends, or goes on with what is no noun."""
    _, behind = reading.clause_around(hit)
    if not behind:
        return True
    if any(behind[0] in reading.spoken(name) for name in NO_NOUNS):
        return True
    groups = {group for group, _ in index_for(reading.language).groups_of(behind[0])}
    return not groups.isdisjoint(("hostile_feeling", "violence", "exclusion", "right_beside"))


def _is_of_ones_own(reading: Reading, hit: Hit) -> bool:
    """Whether it names somebody whom the speaker calls his: "my wife is sick" says nothing of women."""
    return hit.start > 0 and reading.words[hit.start - 1] in reading.spoken("mine")


def _is_oneself(reading: Reading, hit: Hit) -> bool:
    """Whether it says what the speaker is who says something: "as a black woman I find this annoying"."""
    before = reading.around(hit, SPEAKING_AS, 0)
    if reading.language is not None or "as" not in before[:-1]:
        return False
    at = before.index("as")
    is_one = before[at + 1] in ("a", "an") and "such" not in before[:at]
    _, behind = reading.clause_around(hit)
    return is_one and not SPEAKERS.isdisjoint((*behind, *reading.around(hit, 0, SPEAKING_AS)))


def _is_homonym(reading: Reading, hit: Hit) -> bool:
    return is_homonym(reading.words[hit.start], reading.words)


def _said_about(reading: Reading, groups: Sequence[Hit], is_condemned: bool) -> list[Evidence]:
    """Weigh the predicates in the sentences that name the group or refer back to it."""
    named_in = {reading.sentences[hit.start] for hit in groups}
    named = {at for hit in groups for at in range(hit.start, hit.end)}
    taken: set[int] = set()
    softening = _softening(reading, groups, is_condemned)
    found = []
    for group, weight in PREDICATES.items():
        for hit in reading.of(group):
            places = set(range(hit.start, hit.end))
            # A phrase may hold the group that it is about ("lugar de mulher"), a name is no predicate of itself.
            is_new = not places & taken and not places <= named
            is_new = is_new and _is_said_of_them(reading, hit, groups, named_in)
            if is_new and not reading.is_negated(hit):
                taken |= places
                found.append(
                    Evidence(Category.HATE, weight * softening, f"'{hit.term}' about a group", ABOUT)
                )
    for hit in reading.of("good_trait"):
        is_new = hit.start not in taken | named and _is_about(reading, hit, named_in)
        if is_new and reading.is_negated(hit) and not _denies_harm(reading, hit):
            found.append(
                Evidence(Category.HATE, DENIED_GOOD * softening, f"denying a group '{hit.term}'", ABOUT)
            )
    return found[:MOST_PREDICATES]


def _is_said_of_them(reading: Reading, hit: Hit, groups: Sequence[Hit], named_in: set[int]) -> bool:
    """Whether a predicate is said of the groups that the comment names."""
    if hit.group == "right_beside" and not _touches(reading, hit, groups):
        return False
    if hit.group in ("violence", "exclusion") and _is_told_of(reading, hit):
        return False
    if hit.group in ("violence", "bad_trait") and _is_a_match(reading, hit, groups):
        return False
    if hit.group == "bad_trait" and (_is_of_another_clause(reading, hit, groups) or _is_skill(reading, hit)):
        return False
    if hit.group == "hostile_feeling" and _is_of_an_event(reading, hit, groups):
        return False
    return _is_about(reading, hit, named_in) and not _is_beside(reading, hit, groups)


def _is_of_another_clause(reading: Reading, hit: Hit, groups: Sequence[Hit]) -> bool:
    """Whether a comma parts it from the group named before, and its own clause names nobody: "Turks lost, terrible".

    In English: elsewhere commas stand within what is said of somebody ("Frauen, die das sagen, sind …").
    """
    if reading.language is not None:
        return False
    before, behind = reading.clause_around(hit)
    first, end = hit.start - len(before), hit.end + len(behind)
    sentence = reading.sentences[hit.start]
    named = [group.start for group in groups if reading.sentences[group.start] == sentence]
    if any(first <= at < end for at in named) or not any(at < first for at in named):
        return False
    return reading.spoken("anaphora").isdisjoint((*before, *behind))


def _is_told_of(reading: Reading, hit: Hit) -> bool:
    """Whether harm is told of, and not called for: "fue asesinada", "they killed a migrant", "women suffer"."""
    if not reading.spoken("undergone").isdisjoint(reading.around(hit, UNDERGONE, 0)):
        return True
    if reading.words[hit.start] not in reading.spoken("told"):
        return False
    return reading.spoken("wishing").isdisjoint(reading.sentence_words(reading.sentences[hit.start]))


def _is_a_match(reading: Reading, hit: Hit, groups: Sequence[Hit]) -> bool:
    """Whether one country did it to another, or to who tells of it, as in a game: "the russians keep killing me"."""
    sentence, origins = reading.sentences[hit.start], reading.of("origin")
    at = {origin.start: origin.term for origin in origins if reading.sentences[origin.start] == sentence}
    if reading.language is not None or not all(
        group.start in at for group in groups if reading.sentences[group.start] == sentence
    ):
        return False
    if {"me", "us"}.intersection(reading.around(hit, 0, 1)):
        return True
    return len(set(at.values())) > 1 and reading.spoken("wishing").isdisjoint(
        reading.sentence_words(sentence)
    )


def _is_skill(reading: Reading, hit: Hit) -> bool:
    """Whether a bad word praises how well something is done: "the koreans are insane at this"."""
    if reading.language is not None or reading.words[hit.start] not in grammar().skilled:
        return False
    return reading.around(hit, 0, 1) == ("at",)


def _is_of_an_event(reading: Reading, hit: Hit, groups: Sequence[Hit]) -> bool:
    """Whether what is felt is about what others do: "I hate it when people are mean to immigrants"."""
    if reading.language is not None or reading.around(hit, 0, 2) != ("it", "when"):
        return False
    return not any(hit.end + 2 <= group.start < hit.end + 4 for group in groups)


def _touches(reading: Reading, hit: Hit, groups: Sequence[Hit]) -> bool:
    """Whether it stands right beside a group, and no comma between them: "putos negros", "Ausländer raus"."""
    return any(
        (hit.end == group.start or group.end == hit.start)
        and max(hit.start, group.start) not in reading.clauses
        and reading.sentences[hit.start] == reading.sentences[group.start]
        for group in groups
    )


def _softening(reading: Reading, groups: Sequence[Hit], is_condemned: bool) -> float:
    """Return what speaking against it, of one's own group, or warmly leaves of what predicates tell."""
    softening = HATE.condemned if is_condemned else 1.0
    if any(hit.start and reading.words[hit.start - 1] in reading.spoken("own_group") for hit in groups):
        softening *= HATE.own_group
    if any(not reading.is_negated(hit) for hit in reading.of("warm")):
        softening *= HATE.warm
    return softening


def _is_about(reading: Reading, hit: Hit, named_in: set[int]) -> bool:
    sentence = reading.sentences[hit.start]
    return sentence in named_in or _refers_back(reading, hit, sentence)


def _refers_back(reading: Reading, hit: Hit, sentence: int) -> bool:
    """Whether a pronoun refers to whom another sentence names, by itself or at the end of the verb: "matarlos".

    So does a bare copula before a name for somebody ("To śmiecie"), but not before what judges a deed ("To okropne").
    """
    if reading.words[hit.end - 1].endswith(tuple(reading.spoken("enclitics"))):
        return True
    if hit.group in NAMING and not reading.spoken("copulas").isdisjoint(reading.around(hit, 1, 0)):
        return True
    return not reading.spoken("anaphora").isdisjoint(reading.sentence_words(sentence))


def _is_beside(reading: Reading, hit: Hit, groups: Sequence[Hit]) -> bool:
    """Whether an ordinary noun stands beside a group, or names it: "my wife took the kids away", "two black kids"."""
    if hit.group != "insult_mild" or hit.term not in grammar().ordinary or not hit.start:
        return False
    names_them = reading.words[hit.start] in grammar().people and any(
        group.end == hit.start for group in groups
    )
    return names_them or reading.words[hit.start - 1] in grammar().beside


def _denies_harm(reading: Reading, hit: Hit) -> bool:
    """Whether what is denied is harm after all: "do not deserve to be tortured"."""
    sentence = reading.sentences[hit.start]
    return any(
        (harm.start > hit.start or reading.language is not None) and reading.sentences[harm.start] == sentence
        for harm in reading.of("violence", "hostile_feeling", "bad_trait")
    )


def _slurs(reading: Reading, is_condemned: bool) -> list[Evidence]:
    evidence, covered = [], set[int]()
    for hit in reading.by_group.get("slur", ()):
        if _is_homonym(reading, hit) or hit.start in covered:
            continue  # One word may be a term and the plural of another.
        covered.update(range(hit.start, hit.end))
        weight = SLUR
        if reading.is_quoted(hit) or is_condemned or _is_mentioned(reading, hit):
            weight *= HATE.slur_mentioned
        elif _is_reclaimed(reading, hit):
            weight *= HATE.slur_reclaimed
        evidence.append(Evidence(Category.HATE, weight, f"the slur '{hit.term}'", "slur"))
    for hit in reading.of("insult_strong"):
        is_general = bool(reading.of("demeaning", "exclusion"))
        if (
            is_general
            and not is_condemned
            and hit.term.startswith(grammar().generalised)
            and not _is_homonym(reading, hit)
        ):
            evidence.append(
                Evidence(Category.HATE, GENERALISED, f"'{hit.term}' said of a kind of people", ABOUT)
            )
    return evidence


def _is_mentioned(reading: Reading, hit: Hit) -> bool:
    """Whether a slur is called the word that it is: "dyke is a term that some use", "he used the word dyke"."""
    if reading.language is not None:
        return False
    behind = reading.around(hit, 0, MENTIONING)
    is_told = behind[:1] in (("is",), ("was",)) and not grammar().naming.isdisjoint(behind)
    return is_told or not grammar().naming.isdisjoint(reading.around(hit, 1, 0))


def _is_reclaimed(reading: Reading, hit: Hit) -> bool:
    """Whether a word that a group uses of itself is used so: of oneself, of one's own, with warmth."""
    if not hit.term.startswith(tuple(reading.spoken("reclaimable"))):
        return False
    if reading.of("insult_strong", "dismissal"):
        return False
    return (reading.language is None and bool(reading.of("warm"))) or _is_ones_own_name(reading, hit)


def _is_ones_own_name(reading: Reading, hit: Hit) -> bool:
    """Whether somebody calls himself or his own so: "soy marica", "my fellow …"."""
    before = reading.around(hit, 2, 0)
    if reading.language is None:
        return any(word in grammar().reclaiming for word in before)
    if any(word in reading.spoken(name) for word in before for name in ("mine", "own_group")):
        return True
    return is_of_oneself_in(reading.language, "slur_ambiguous", *reading.clause_around(hit))
