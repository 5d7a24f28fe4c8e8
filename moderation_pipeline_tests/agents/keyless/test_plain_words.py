"""The commonest words of six languages in a harmless sentence: what is sanctioned is an insult, a slur or a curse."""

from __future__ import annotations

import pytest

from moderation_pipeline.agents.keyless.close_reading import text_evidence
from moderation_pipeline.agents.keyless.evidence import plan_from
from moderation_pipeline.agents.keyless.reading import without_accents
from moderation_pipeline.text.lexicon import grammar, lexicon
from moderation_pipeline.text.normalise import normalise_text
from moderation_pipeline.text.words_by_language import has_words, index_for

SENTENCES = {
    "en": "they talked about {} yesterday evening",
    "de": "gestern haben wir über {} gesprochen",
    "es": "ayer hablamos un rato de {} en la cena",
    "fr": "hier nous avons parlé de {} avec eux",
    "pt": "ontem falamos um pouco sobre {} no jantar",
    "it": "ieri sera abbiamo parlato di {} a cena",
}

OFFENSIVE = {
    "insult_strong",
    "insult_mild",
    "insult_foreign",
    "slur",
    "slur_ambiguous",
    "profanity",
    "sexual_strong",
}
"""Groups whose words are what they are, wherever they stand: the others tell nothing alone in a sentence."""


@pytest.mark.parametrize("language", SENTENCES)
def test_what_is_sanctioned_of_the_commonest_words_is_offensive_itself(language: str) -> None:
    wordfreq = pytest.importorskip("wordfreq", reason="needs the extra dev")
    told = language if has_words(language) else None
    wrongly = []
    for word in wordfreq.top_n_list(language, 20_000):
        said = normalise_text(SENTENCES[language].format(word))
        if plan_from(text_evidence(said, is_reply=False, language=told)).is_violation:
            plain = without_accents(normalise_text(word))
            if not {group for group, _ in index_for(told).groups_of(plain)} & OFFENSIVE:
                wrongly.append(word)
    # "fuck you" and "shut up", each in one word.
    assert [word for word in wrongly if without_accents(word) not in {"fu", "callate"}] == []


def test_no_ordinary_word_is_one_of_the_strong_insults() -> None:
    assert grammar().ordinary & frozenset(lexicon().file.groups["insult_strong"].terms) == frozenset()
